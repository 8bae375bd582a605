import { LRUCache } from 'lru-cache'
import { Problem } from './errors.ts'

/** A bucket of attempts: so many at once, and one more each so many seconds. */
export interface AttemptLimit {
  burst: number
  secondsPerAttempt: number
}

/** Guesses at one account. */
export const ATTEMPTS_PER_ACCOUNT: AttemptLimit = { burst: 10, secondsPerAttempt: 30 }
/** Guesses from one address, which many honest people may share. */
export const ATTEMPTS_PER_ADDRESS: AttemptLimit = { burst: 50, secondsPerAttempt: 2 }

const BUCKETS_MAX = 100_000

/**
 * Counts failed attempts by name, in this process alone and in bounded memory: with several processes the limit is that
 * many times as high, and an attacker with BUCKETS_MAX names can push others out.
 */
export class AttemptLimits {
  readonly #limit: AttemptLimit
  readonly #buckets = new LRUCache<string, { left: number; at: number }>({ max: BUCKETS_MAX })

  constructor(limit: AttemptLimit) {
    this.#limit = limit
  }

  /** Takes an attempt before it is made. Refuses `quota_exceeded` when none is left, and says when there will be. */
  take(name: string, now: Date): void {
    const left = this.#left(name, now)
    if (left < 1) {
      const seconds = Math.ceil((1 - left) * this.#limit.secondsPerAttempt)
      throw new Problem('quota_exceeded', { detail: 'Too many attempts.', headers: { 'retry-after': String(seconds) } })
    }
    this.#buckets.set(name, { left: left - 1, at: now.getTime() })
  }

  /** Gives an attempt back: it was no guess. */
  giveBack(name: string, now: Date): void {
    this.#buckets.set(name, { left: Math.min(this.#limit.burst, this.#left(name, now) + 1), at: now.getTime() })
  }

  #left(name: string, now: Date): number {
    const bucket = this.#buckets.get(name)
    if (!bucket) return this.#limit.burst
    const grown = Math.max(0, now.getTime() - bucket.at) / 1000 / this.#limit.secondsPerAttempt
    return Math.min(this.#limit.burst, bucket.left + grown)
  }
}
