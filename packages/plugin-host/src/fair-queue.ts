/** Waiting items in the order of their arrival, but merchant by merchant in turn: a thousand of one delay another's first by one. */
export class FairQueue<Item extends { merchantId: string }> {
  readonly #byMerchant = new Map<string, Item[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  sizeOf(merchantId: string): number {
    return this.#byMerchant.get(merchantId)?.length ?? 0
  }

  /** Whether anybody but this merchant waits. */
  hasOthers(merchantId: string): boolean {
    return this.#size > this.sizeOf(merchantId)
  }

  add(item: Item): void {
    const waiting = this.#byMerchant.get(item.merchantId)
    if (waiting === undefined) this.#byMerchant.set(item.merchantId, [item])
    else waiting.push(item)
    this.#size++
  }

  /** The first item that may go now. Its merchant is last in turn from then on. */
  take(mayGo: (item: Item) => boolean): Item | undefined {
    for (const [merchantId, waiting] of this.#byMerchant) {
      const found = waiting.find(mayGo)
      if (found === undefined) continue
      this.remove(found)
      this.#byMerchant.delete(merchantId)
      if (waiting.length > 0) this.#byMerchant.set(merchantId, waiting)
      return found
    }
    return undefined
  }

  remove(item: Item): boolean {
    const waiting = this.#byMerchant.get(item.merchantId)
    const at = waiting?.indexOf(item) ?? -1
    if (waiting === undefined || at < 0) return false
    waiting.splice(at, 1)
    if (waiting.length === 0) this.#byMerchant.delete(item.merchantId)
    this.#size--
    return true
  }

  clear(): Item[] {
    const all = [...this.#byMerchant.values()].flat()
    this.#byMerchant.clear()
    this.#size = 0
    return all
  }
}
