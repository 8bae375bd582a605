import { setTimeout as sleep } from 'node:timers/promises'

export interface FetchPaceOptions {
  /** Milliseconds that only go on. */
  clock?: () => number
}

// Looks that find nothing take at most a tenth of the time; nobody's job waits longer than this for the next.
const REST_PER_LOOK = 10
const REST_MS_MAX = 1_000

/**
 * How often one process looks for jobs while it passes some merchants' by. Such a look reads all jobs that it passes by, and with a
 * hundred thousand of them that takes a while; each new job would ask for another.
 */
export class FetchPace {
  readonly #clock: () => number
  readonly #begun = new Map<object, { at: number; passing: boolean }>()
  #restUntil = 0

  constructor({ clock = () => performance.now() }: FetchPaceOptions = {}) {
    this.#clock = clock
  }

  /** Waits until a look may begin that passes somebody by. */
  async wait(): Promise<void> {
    const restMs = this.#restUntil - this.#clock()
    if (restMs > 0) await sleep(restMs)
  }

  begin(looker: object, passing: boolean): void {
    this.#begun.set(looker, { at: this.#clock(), passing })
  }

  /** The look has come back without a job. */
  foundNothing(looker: object): void {
    const begun = this.#begun.get(looker)
    if (!begun?.passing) return
    const now = this.#clock()
    this.#restUntil = now + Math.min(REST_MS_MAX, (now - begun.at) * REST_PER_LOOK)
  }
}
