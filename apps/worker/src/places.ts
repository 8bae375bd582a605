import type { PlanLimits } from '@souk/platform/plans/limits.ts'
import type { TaskKind } from './merchant-task.ts'

export interface PlacesOptions {
  limitsOf: (merchantId: string) => PlanLimits
  /** How many jobs the process has at work for a cell. */
  jobsAtOnce: number
  /** Milliseconds that only go on. */
  clock?: () => number
}

/** Kinds that may hold a place for long. */
type HeldKind = Exclude<TaskKind, 'quick'>

/** What is not worth looking for: all jobs of these merchants; and those of these kinds, of one merchant or (undefined) of all. */
export interface Full {
  merchants: string[]
  kinds: { kind: HeldKind; merchantId: string | undefined }[]
}

interface Held extends Record<HeldKind, number> {
  running: number
  /** Of the jobs that may begin in a minute: what is left of a few seconds' worth, and since when. */
  left: number
  at: number
}

const HELD_KINDS: HeldKind[] = ['slow', 'outside']
// A merchant that had nothing to do for a while may begin so many seconds' worth at once.
const BURST_SECONDS = 10
const SECONDS_PER_MINUTE = 60
const MS_PER_S = 1_000

/**
 * What each merchant's plan lets it have of a worker process: jobs at once, and jobs begun in a minute. What is over that waits. Of slow jobs,
 * such as imports, and of those that ask somebody outside, such as mails, one merchant has at most half of a cell's places each. All of both
 * together leave one to the quick ones, and slow ones leave one more to those that ask outside: a payment does not wait for a catalogue.
 */
export class Places {
  readonly #limitsOf: PlacesOptions['limitsOf']
  readonly #clock: () => number
  readonly #jobsAtOnce: number
  readonly #held = new Map<string, Held>()
  readonly #ofAll: Record<HeldKind, number> = { slow: 0, outside: 0 }

  constructor({ limitsOf, jobsAtOnce, clock = () => performance.now() }: PlacesOptions) {
    this.#limitsOf = limitsOf
    this.#jobsAtOnce = jobsAtOnce
    this.#clock = clock
  }

  /** Takes a place for a job. False: there is none now. Whoever got one gives it back by `leave`. */
  enter(merchantId: string, kind: TaskKind = 'quick'): boolean {
    const held = this.#refilled(merchantId)
    const isRefused = kind !== 'quick' && (this.#isFull(kind) || this.#isFullOf(kind, held))
    if (isRefused || !this.#hasRoom(merchantId, held)) return false
    this.#count(held, 1, kind)
    held.left = Math.max(0, held.left - 1)
    this.#held.set(merchantId, held)
    return true
  }

  leave(merchantId: string, kind: TaskKind = 'quick'): void {
    const held = this.#refilled(merchantId)
    this.#count(held, -1, kind)
    this.#keepOrForget(merchantId, held)
  }

  /** Whose jobs, and which, are not worth looking for now. */
  full(): Full {
    const full: Full = { merchants: [], kinds: [] }
    const free = HELD_KINDS.filter((kind) => !this.#isFull(kind))
    for (const kind of HELD_KINDS) if (!free.includes(kind)) full.kinds.push({ kind, merchantId: undefined })
    for (const merchantId of [...this.#held.keys()]) {
      const held = this.#refilled(merchantId)
      if (!this.#hasRoom(merchantId, held)) full.merchants.push(merchantId)
      else for (const kind of free) if (this.#isFullOf(kind, held)) full.kinds.push({ kind, merchantId })
      this.#keepOrForget(merchantId, held)
    }
    return full
  }

  #hasRoom(merchantId: string, { running, left }: Held): boolean {
    const { concurrency, jobs } = this.#limitsOf(merchantId)
    return running < (concurrency?.jobs ?? Number.POSITIVE_INFINITY) && (jobs === undefined || left >= 1)
  }

  /** A process with a single place has none to keep free. */
  #isFull(kind: HeldKind): boolean {
    const { slow, outside } = this.#ofAll
    if (slow + outside >= Math.max(1, this.#jobsAtOnce - 1)) return true
    return kind === 'slow' && slow >= Math.max(1, this.#jobsAtOnce - 2)
  }

  #isFullOf(kind: HeldKind, held: Held): boolean {
    return held[kind] >= Math.max(1, Math.floor(this.#jobsAtOnce / 2))
  }

  #count(held: Held, more: 1 | -1, kind: TaskKind): void {
    held.running += more
    if (kind === 'quick') return
    held[kind] += more
    this.#ofAll[kind] += more
  }

  #refilled(merchantId: string): Held {
    const now = this.#clock()
    const { burst, perMs } = this.#rateOf(merchantId)
    const held = this.#held.get(merchantId) ?? { running: 0, slow: 0, outside: 0, left: burst, at: now }
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
