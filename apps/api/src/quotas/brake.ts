import type { RequestRate } from '@souk/platform/plans/request-buckets.ts'

interface Excess {
  refused: number
  at: number
}

/** No answer waits longer. */
export const DELAY_MAX_MS = 500
/** So many answers wait at a time in a process, and so many of one merchant: the others go out at once. */
const HELD_MAX = 1_000
const HELD_OF_MERCHANT_MAX = 200
const MERCHANTS_MAX = 10_000
const MS_PER_S = 1_000

/**
 * Slows those down who send far more than their rate and hear at once that it is too much: each refusal counts, and what is
 * counted wears off at the rate. Beyond a burst answers wait, the longer the more, and from two bursts on for DELAY_MAX_MS. A
 * program that sends again when it was answered then sends twice a second and not hundreds of times.
 */
export class Brake {
  readonly #excess = new Map<string, Excess>()
  readonly #held = new Map<string, number>()
  #heldByAll = 0

  get held(): number {
    return this.#heldByAll
  }

  /** Counts a refusal, and says for how long its answer is to wait: 0 for not at all. */
  delayMs(merchantId: string, { per_second, burst }: RequestRate, now: number): number {
    const excess = this.#excess.get(merchantId) ?? { refused: 0, at: now }
    const left = Math.max(0, excess.refused - ((now - excess.at) / MS_PER_S) * per_second)
    excess.refused = Math.min(2 * burst, left + 1)
    excess.at = now
    this.#remember(merchantId, excess)
    if (this.#heldByAll >= HELD_MAX || (this.#held.get(merchantId) ?? 0) >= HELD_OF_MERCHANT_MAX) return 0
    return Math.round(Math.max(0, excess.refused / burst - 1) * DELAY_MAX_MS)
  }

  /** Calls back after so long. What it answers calls it off, for one whose caller has gone. */
  hold(merchantId: string, delayMs: number, then: () => void): () => void {
    this.#heldByAll += 1
    this.#held.set(merchantId, (this.#held.get(merchantId) ?? 0) + 1)
    let over = false
    const end = () => {
      if (over) return false
      over = true
      this.#letGo(merchantId)
      return true
    }
    const timer = setTimeout(() => end() && then(), delayMs)
    return () => {
      clearTimeout(timer)
      end()
    }
  }

  #letGo(merchantId: string): void {
    this.#heldByAll -= 1
    const others = this.#held.get(merchantId)! - 1
    if (others === 0) this.#held.delete(merchantId)
    else this.#held.set(merchantId, others)
  }

  #remember(merchantId: string, excess: Excess): void {
    this.#excess.delete(merchantId)
    this.#excess.set(merchantId, excess)
    if (this.#excess.size > MERCHANTS_MAX) this.#excess.delete(this.#excess.keys().next().value!)
  }
}
