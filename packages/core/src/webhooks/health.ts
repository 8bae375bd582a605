import type { SendResult } from './sender.ts'

/** What is remembered of an endpoint's recent behaviour. */
export interface Health {
  failures: bigint
  failingSince: Date | null
  noticedAt: Date | null
  pausedUntil: Date | null
}

export interface JudgedResult extends Pick<SendResult, 'statusCode' | 'failure' | 'retryAfterMs'> {
  /** How many attempts this delivery had had, this one included. */
  number: bigint
}

export type Verdict = 'fine' | 'recovered' | 'notice' | 'failing' | 'gone'

/** So many failures in a row open the circuit: then one delivery at a time tries whether it can be closed. */
export const CIRCUIT_FAILURES = 5n
export const RETRY_BASE_MS = 5_000
export const RETRY_MAX_MS = 60 * 60_000
export const RETRY_AFTER_MAX_MS = 24 * 60 * 60_000
const DAY_MS = 24 * 60 * 60_000
export const NOTICE_AFTER_MS = 3 * DAY_MS
export const DISABLE_AFTER_MS = 7 * DAY_MS

export function succeeded({ statusCode }: Pick<SendResult, 'statusCode'>): boolean {
  return statusCode !== null && statusCode >= 200 && statusCode < 300
}

/** Exponential with full jitter, and never before the receiver said. */
export function retryDelayMs(attempt: bigint, retryAfterMs: number | null, random: number): number {
  const ceiling = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(Number(attempt) - 1, 30))
  return Math.round(Math.max(random * ceiling, Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS)))
}

/** Whether the circuit is open, or may be tried by one delivery. */
export function isOpen(health: Pick<Health, 'failures'>): boolean {
  return health.failures >= CIRCUIT_FAILURES
}

/**
 * What some results say of their endpoint. A delivery that the receiver goes on refusing counts once: it is about that event,
 * and others are not to wait for it. Silence, 5xx and 429 count every time.
 */
export function judge(before: Health, results: readonly JudgedResult[], now: Date, random: number): { health: Health; verdict: Verdict } {
  const retryAfterMs = Math.min(RETRY_AFTER_MAX_MS, Math.max(0, ...results.map((result) => result.retryAfterMs ?? 0)))
  const told = retryAfterMs > 0 ? new Date(now.getTime() + retryAfterMs) : null
  if (results.some(({ statusCode }) => statusCode === 410)) return { health: before, verdict: 'gone' }
  if (results.some(succeeded)) {
    const health = { failures: 0n, failingSince: null, noticedAt: null, pausedUntil: told }
    return { health, verdict: isOpen(before) ? 'recovered' : 'fine' }
  }
  if (results.length === 0) return { health: before, verdict: 'fine' }
  const failures = before.failures + BigInt(results.filter(countsAgainst).length)
  const failingSince = before.failingSince ?? now
  const age = now.getTime() - failingSince.getTime()
  const waited = failures >= CIRCUIT_FAILURES ? retryDelayMs(failures - CIRCUIT_FAILURES + 1n, retryAfterMs, random) : retryAfterMs
  const health = {
    failures,
    failingSince,
    noticedAt: before.noticedAt ?? (age >= NOTICE_AFTER_MS ? now : null),
    pausedUntil: waited > 0 ? new Date(now.getTime() + waited) : null,
  }
  if (age >= DISABLE_AFTER_MS) return { health, verdict: 'failing' }
  return { health, verdict: health.noticedAt !== before.noticedAt ? 'notice' : 'fine' }
}

function countsAgainst({ statusCode, number }: JudgedResult): boolean {
  return statusCode === null || statusCode >= 500 || statusCode === 429 || statusCode === 408 || number === 1n
}
