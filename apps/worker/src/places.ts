import type { PlanLimits } from '@souk/platform/plans/limits.ts'

export interface PlacesOptions {
  limitsOf: (merchantId: string) => PlanLimits
  /** How many jobs the process has at work for a cell. */
  jobsAtOnce: number
  /** Milliseconds that only go on. */
  clock?: () => number
}

interface Held {
  running: number
  slow: number
  /** Of the jobs that may begin in a minute: what is left of a few seconds' worth, and since when. */
  left: number
  at: number
}

// A merchant that had nothing to do for a while may begin so many seconds' worth at once.
const BURST_SECONDS = 10
const SECONDS_PER_MINUTE = 60
const MS_PER_S = 1_000

/**
 * What each merchant's plan lets it have of a worker process: jobs at once, and jobs begun in a minute. What is over that waits. Of slow jobs,
 * such as imports, one merchant has at most half of a cell's places, and all of them together leave one to the quick ones.
 */
export class Places {
  readonly #limitsOf: PlacesOptions['limitsOf']
  readonly #clock: () => number
  readonly #jobsAtOnce: number
  readonly #held = new Map<string, Held>()
  #slow = 0

  constructor({ limitsOf, jobsAtOnce, clock = () => performance.now() }: PlacesOptions) {
    this.#limitsOf = limitsOf
    this.#jobsAtOnce = jobsAtOnce
    this.#clock = clock
  }

  /** Takes a place for a job. False: there is none now. Whoever got one gives it back by `leave`. */
  enter(merchantId: string, isSlow = false): boolean {
    const held = this.#refilled(merchantId)
    if (!this.#hasRoom(merchantId, held) || (isSlow && !this.#hasRoomForSlow(held))) return false
    this.#count(held, 1, isSlow)
    held.left = Math.max(0, held.left - 1)
    this.#held.set(merchantId, held)
    return true
  }

  leave(merchantId: string, isSlow = false): void {
    const held = this.#refilled(merchantId)
    this.#count(held, -1, isSlow)
    this.#keepOrForget(merchantId, held)
  }

  /** Whose jobs are not worth looking for now. */
  full(): string[] {
    const full: string[] = []
    for (const merchantId of [...this.#held.keys()]) {
      const held = this.#refilled(merchantId)
      if (!this.#hasRoom(merchantId, held)) full.push(merchantId)
      this.#keepOrForget(merchantId, held)
    }
    return full
  }

  #hasRoom(merchantId: string, { running, left }: Held): boolean {
    const { concurrency, jobs } = this.#limitsOf(merchantId)
    return running < (concurrency?.jobs ?? Number.POSITIVE_INFINITY) && (jobs === undefined || left >= 1)
  }

  /** A process with a single place has none to keep free. */
  #hasRoomForSlow({ slow }: Held): boolean {
    return slow < Math.max(1, Math.floor(this.#jobsAtOnce / 2)) && this.#slow < Math.max(1, this.#jobsAtOnce - 1)
  }

  #count(held: Held, more: 1 | -1, isSlow: boolean): void {
    held.running += more
    if (!isSlow) return
    held.slow += more
    this.#slow += more
  }

  #refilled(merchantId: string): Held {
    const now = this.#clock()
    const { burst, perMs } = this.#rateOf(merchantId)
    const held = this.#held.get(merchantId) ?? { running: 0, slow: 0, left: burst, at: now }
    held.left = Math.min(burst, held.left + (now - held.at) * perMs)
    held.at = now
    return held
  }

  #keepOrForget(merchantId: string, held: Held): void {
    if (held.running === 0 && held.left >= this.#rateOf(merchantId).burst) this.#held.delete(merchantId)
    else this.#held.set(merchantId, held)
  }

  /** Without a rate nothing is ever left to wait for. */
  #rateOf(merchantId: string): { burst: number; perMs: number } {
    const perMinute = this.#limitsOf(merchantId).jobs?.per_minute
    if (perMinute === undefined) return { burst: 1, perMs: 1 }
    const perSecond = perMinute / SECONDS_PER_MINUTE
    return { burst: Math.max(1, perSecond * BURST_SECONDS), perMs: perSecond / MS_PER_S }
  }
}
