export interface SingleFileLimits {
  /** How long writers of a merchant go in one at a time, unless one of them is through at a new home before. */
  lastsMs: number
  /** How long one waits for those before: whoever opens a second door while its first one is open would wait for itself. */
  turnMaxMs: number
  standBackMaxMs: number
}

const LIMITS: SingleFileLimits = { lastsMs: 1_000, turnMaxMs: 250, standBackMaxMs: 250 }

/** Where they wait: before they ask for a connection, or with one, if they had asked for it before there was a file. */
export type Queue = 'before the pool' | 'with a connection'

interface File {
  /** The old home and the new one, as far as they are known. */
  cells: readonly string[]
  over: PromiseWithResolvers<void>
  timer: NodeJS.Timeout
  hasNewHome: boolean
  /** When everybody before has left. */
  last: Record<Queue, Promise<unknown>>
}

/**
 * Lets the writers of a merchant that is about to change homes in one at a time: a fence waits until everybody is out who is in. Where
 * processors are busy as many write as in a crowd, in which each is inside for the longer. They go on so at the new home until one of
 * them is through there: before it opens, a crowd would only knock.
 */
export class SingleFile {
  readonly #files = new Map<string, File>()
  readonly #limits: SingleFileLimits

  constructor(limits: Partial<SingleFileLimits> = {}) {
    this.#limits = { ...LIMITS, ...limits }
  }

  /** `cells`: the home and the one it is about to have. */
  begin(merchantId: string, cells: readonly string[] = []): void {
    const file = this.#files.get(merchantId)
    const timer = setTimeout(() => this.#end(merchantId), this.#limits.lastsMs).unref()
    if (!file) {
      const last = { 'before the pool': Promise.resolve(), 'with a connection': Promise.resolve() }
      return void this.#files.set(merchantId, { cells, over: Promise.withResolvers(), timer, hasNewHome: false, last })
    }
    clearTimeout(file.timer)
    Object.assign(file, { cells, timer, hasNewHome: false })
  }

  isUnderWay(merchantId: string): boolean {
    return this.#files.has(merchantId)
  }

  /** Until nobody is about to move into that cell or out of it; a quarter of a second at most. For work that can wait. */
  async quietAt(cell: string): Promise<void> {
    const files = [...this.#files.values()].filter(({ cells }) => cells.includes(cell))
    if (files.length > 0) await within(Promise.all(files.map(({ over }) => over.promise)), this.#limits.standBackMaxMs)
  }

  /** From now on, who gets through opens the way for everybody. */
  homeChanged(merchantId: string): void {
    const file = this.#files.get(merchantId)
    if (file) file.hasNewHome = true
  }

  /** Does `work`: at once if the merchant's writers do not go in one at a time, or else behind those who came before to that queue. */
  async pass<T>(merchantId: string, queue: Queue, work: () => Promise<T>): Promise<T> {
    const file = this.#files.get(merchantId)
    if (!file) return work()
    const out = Promise.withResolvers<void>()
    const before = file.last[queue]
    file.last[queue] = before.then(() => out.promise)
    try {
      await within(Promise.race([before, file.over.promise]), this.#limits.turnMaxMs)
      const answer = await work()
      if (file.hasNewHome && this.#files.get(merchantId) === file) this.#end(merchantId)
      return answer
    } finally {
      out.resolve()
    }
  }

  /** Lets everybody in who waits. */
  #end(merchantId: string): void {
    const file = this.#files.get(merchantId)
    if (!file) return
    clearTimeout(file.timer)
    this.#files.delete(merchantId)
    file.over.resolve()
  }
}

async function within(event: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([event, late]).finally(() => clearTimeout(timer))
}
