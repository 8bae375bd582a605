const WINDOW_MS = 5 * 60_000
const FAILURE_SHARE = 0.35
const TIMEOUTS_IN_A_ROW = 3

/** When a provider is not asked any more, and when it is tried again. */
export interface BreakerLimits {
  failuresMin: number
  openMs: number
  /** How many calls may try after that, at a time; all of them have to go well. */
  probes: number
}

const LIMITS: BreakerLimits = { failuresMin: 20, openMs: 60_000, probes: 5 }

export type BreakerState = 'closed' | 'open' | 'half_open'
export type CallOutcome = 'ok' | 'failed' | 'timeout' | 'killed'

/**
 * A circuit breaker for one release at one extension point of one merchant. It opens after so many failures (20) that
 * are at least 35 % of the calls of five minutes, after three timeouts in a row, or when the plugin had its runner killed; stays
 * open for a while (a minute); then some calls (five) may try, and one failure among them opens it again. Pure but for its own
 * memory: time is passed in.
 */
export class Breaker {
  readonly #limits: BreakerLimits
  #state: BreakerState = 'closed'
  #openedAt = 0
  #probes = 0
  #probesOk = 0
  #timeoutsInARow = 0
  #windowStart = 0
  #calls = 0
  #failures = 0

  constructor(limits = LIMITS) {
    this.#limits = limits
  }

  /** Whether a call may go through now. */
  allows(nowMs: number): boolean {
    if (this.#state === 'open' && nowMs - this.#openedAt >= this.#limits.openMs) this.#halfOpen()
    if (this.#state === 'open') return false
    if (this.#state === 'closed') return true
    if (this.#probes >= this.#limits.probes) return false
    this.#probes += 1
    return true
  }

  /** Takes an allowance back that led to no call. */
  giveBack(): void {
    if (this.#state === 'half_open') this.#probes -= 1
  }

  /** Takes note of an outcome. True when it opened the breaker. */
  record(outcome: CallOutcome, nowMs: number): boolean {
    if (this.#state === 'open') return false
    this.#count(outcome, nowMs)
    if (this.#state === 'half_open') {
      if (outcome !== 'ok') return this.#open(nowMs)
      this.#probesOk += 1
      if (this.#probesOk >= this.#limits.probes) this.#close()
      return false
    }
    const often = this.#failures >= this.#limits.failuresMin && this.#failures >= FAILURE_SHARE * this.#calls
    return outcome === 'killed' || this.#timeoutsInARow >= TIMEOUTS_IN_A_ROW || often ? this.#open(nowMs) : false
  }

  state(nowMs: number): BreakerState {
    return this.#state === 'open' && nowMs - this.#openedAt >= this.#limits.openMs ? 'half_open' : this.#state
  }

  #count(outcome: CallOutcome, nowMs: number): void {
    if (nowMs - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = nowMs
      this.#calls = 0
      this.#failures = 0
    }
    this.#calls += 1
    if (outcome !== 'ok') this.#failures += 1
    this.#timeoutsInARow = outcome === 'timeout' ? this.#timeoutsInARow + 1 : 0
  }

  #open(nowMs: number): true {
    this.#state = 'open'
    this.#openedAt = nowMs
    this.#timeoutsInARow = 0
    return true
  }

  #halfOpen(): void {
    this.#state = 'half_open'
    this.#probes = 0
    this.#probesOk = 0
  }

  #close(): void {
    this.#state = 'closed'
    this.#calls = 0
    this.#failures = 0
    this.#timeoutsInARow = 0
  }
}
