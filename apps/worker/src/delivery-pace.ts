import { setTimeout as sleep } from 'node:timers/promises'
import type { PlanLimits } from '@souk/platform/plans/limits.ts'

export interface DeliveryPaceOptions {
  limitsOf: (merchantId: string) => PlanLimits
  /** Milliseconds that only go on. */
  clock?: () => number
  pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

// After a rest, a second's worth may begin at once.
const BURST_MS = 1_000
const MS_PER_S = 1_000

/** Lets the deliveries of a merchant begin no faster than its plan says, in this process. Those that wait keep their order. */
export class DeliveryPace {
  readonly #limitsOf: DeliveryPaceOptions['limitsOf']
  readonly #clock: () => number
  readonly #pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** When all that has begun would have, one after the other. */
  readonly #booked = new Map<string, number>()

  constructor({ limitsOf, clock = () => performance.now(), pause = pauseUntilAborted }: DeliveryPaceOptions) {
    this.#limitsOf = limitsOf
    this.#clock = clock
    this.#pause = pause
  }

  /** Resolves when the next delivery may begin, or when the signal is aborted. */
  async wait(merchantId: string, signal: AbortSignal): Promise<void> {
    const perSecond = this.#limitsOf(merchantId).webhooks?.deliveries_per_second
    if (perSecond === undefined) {
      this.#booked.delete(merchantId)
      return
    }
    const now = this.#clock()
    const booked = Math.max(now, this.#booked.get(merchantId) ?? now)
    const eachMs = MS_PER_S / perSecond
    this.#booked.set(merchantId, booked + eachMs)
    // Less than one a second has no second's worth: one may begin, and the next after its time.
    const waitMs = booked - now - Math.max(0, BURST_MS - eachMs)
    if (waitMs > 0) await this.#pause(waitMs, signal)
  }
}

async function pauseUntilAborted(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}
