/** How long writers of a merchant go in one at a time, unless its home has changed before. */
const LASTS_MS = 1_000
// Whoever opens a second door while its first one is open would wait for itself.
const TURN_MAX_MS = 250

interface File {
  over: PromiseWithResolvers<void>
  timer: NodeJS.Timeout
  /** When everybody before has left. */
  last: Promise<unknown>
}

/**
 * Lets the writers of a merchant that is about to change homes in one at a time: a fence waits until everybody is out who is in. Where
 * processors are busy as many write as in a crowd, in which each is inside for the longer.
 */
export class SingleFile {
  readonly #files = new Map<string, File>()

  begin(merchantId: string): void {
    const file = this.#files.get(merchantId)
    const timer = setTimeout(() => this.end(merchantId), LASTS_MS).unref()
    if (!file) return void this.#files.set(merchantId, { over: Promise.withResolvers(), timer, last: Promise.resolve() })
    clearTimeout(file.timer)
    file.timer = timer
  }

  isUnderWay(merchantId: string): boolean {
    return this.#files.has(merchantId)
  }

  /** Lets everybody in who waits. */
  end(merchantId: string): void {
    const file = this.#files.get(merchantId)
    if (!file) return
    clearTimeout(file.timer)
    this.#files.delete(merchantId)
    file.over.resolve()
  }

  /** Does `work`: at once if the merchant's writers do not go in one at a time, or else behind those who came before. */
  async pass<T>(merchantId: string, work: () => Promise<T>): Promise<T> {
    const file = this.#files.get(merchantId)
    if (!file) return work()
    const out = Promise.withResolvers<void>()
    const before = file.last
    file.last = before.then(() => out.promise)
    try {
      await withinTurn(Promise.race([before, file.over.promise]))
      return await work()
    } finally {
      out.resolve()
    }
  }
}

async function withinTurn(turn: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, TURN_MAX_MS)
  })
  await Promise.race([turn, late]).finally(() => clearTimeout(timer))
}
