/** How many may be inside at once; how many may wait for a place, and for how long. */
export interface BulkheadLimits {
  places: number
  queueLength: number
  waitMs: number
}

/** All places were taken, and none became free in time or there was no room to wait. */
export class BulkheadFull extends Error {
  override readonly name = 'BulkheadFull'
}

interface Waiter {
  resolve(): void
  timer: NodeJS.Timeout | undefined
}

/**
 * So many places, and a short queue in front of them. Who is in the middle of something (`begun`) goes before those who
 * only come in, and is never sent away: what was let in is to be finished.
 */
export class Bulkhead {
  #taken = 0
  readonly #begun = new Set<Waiter>()
  readonly #waiting = new Set<Waiter>()

  get idle(): boolean {
    return this.#taken === 0 && this.#begun.size === 0 && this.#waiting.size === 0
  }

  get load(): { taken: number; waiting: number } {
    return { taken: this.#taken, waiting: this.#begun.size + this.#waiting.size }
  }

  /** Takes a place, at once (undefined) or when the promise is kept. Throws BulkheadFull. */
  enter(limits: BulkheadLimits, begun: boolean): Promise<void> | undefined {
    const others = this.#begun.size + (begun ? 0 : this.#waiting.size)
    if (this.#taken < limits.places && others === 0) {
      this.#taken += 1
      return undefined
    }
    if (begun) return new Promise((resolve) => void this.#begun.add({ resolve, timer: undefined }))
    if (this.#waiting.size >= limits.queueLength) throw new BulkheadFull('Too many wait already.')
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        resolve,
        timer: setTimeout(() => {
          this.#waiting.delete(waiter)
          reject(new BulkheadFull('No place became free in time.'))
        }, limits.waitMs),
      }
      this.#waiting.add(waiter)
    })
  }

  /** Gives a place back, and lets in who may come in now. Fewer places than before are reached by waiting. */
  leave(limits: BulkheadLimits): void {
    this.#taken -= 1
    while (this.#taken < limits.places) {
      const queue = this.#begun.size > 0 ? this.#begun : this.#waiting
      const next = queue.values().next()
      if (next.done) return
      queue.delete(next.value)
      clearTimeout(next.value.timer)
      this.#taken += 1
      next.value.resolve()
    }
  }
}
