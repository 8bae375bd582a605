import { describe, expect, it } from 'vitest'
import { CIRCUIT_FAILURES, type Health, judge, RETRY_MAX_MS, retryDelayMs } from './health.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const WELL: Health = { failures: 0n, failingSince: null, noticedAt: null, pausedUntil: null }
const DAY_MS = 86_400_000
const answered = (statusCode: number | null, number = 1n, retryAfterMs: number | null = null) => ({
  statusCode,
  failure: statusCode === null ? 'timeout' : null,
  number,
  retryAfterMs,
})
const later = (ms: number) => new Date(NOW.getTime() + ms)

describe('the wait before a retry', () => {
  it('doubles up to an hour, with full jitter', () => {
    expect([1n, 2n, 3n, 20n, 5_000n].map((attempt) => retryDelayMs(attempt, null, 1))).toEqual([
      5_000,
      10_000,
      20_000,
      RETRY_MAX_MS,
      RETRY_MAX_MS,
    ])
    expect(retryDelayMs(3n, null, 0.5)).toBe(10_000)
    expect(retryDelayMs(3n, null, 0)).toBe(0)
  })

  it('is never shorter than the receiver said, and never longer than a day for that', () => {
    expect(retryDelayMs(1n, 600_000, 0)).toBe(600_000)
    expect(retryDelayMs(1n, 30 * DAY_MS, 1)).toBe(DAY_MS)
  })
})

describe('an endpoint', () => {
  it('is well after any success, whatever was before', () => {
    const before = { failures: 9n, failingSince: later(-DAY_MS), noticedAt: NOW, pausedUntil: NOW }
    expect(judge(before, [answered(500), answered(204)], NOW, 1)).toEqual({ health: WELL, verdict: 'recovered' })
    expect(judge({ ...before, failures: 1n }, [answered(204)], NOW, 1).verdict).toBe('fine')
  })

  it('opens its circuit after so many failures in a row', () => {
    const few = judge(WELL, [answered(500), answered(null)], NOW, 1)
    expect(few.health).toEqual({ failures: 2n, failingSince: NOW, noticedAt: null, pausedUntil: null })
    const enough = judge({ ...few.health, failures: CIRCUIT_FAILURES - 1n }, [answered(302)], later(1_000), 1)
    expect(enough.health).toMatchObject({ failures: CIRCUIT_FAILURES, failingSince: NOW, pausedUntil: later(6_000) })
  })

  it('is not to blame again for an event that it goes on refusing', () => {
    expect(judge(WELL, [answered(422, 7n)], NOW, 1).health.failures).toBe(0n)
    expect(judge(WELL, [answered(422, 1n)], NOW, 1).health.failures).toBe(1n)
    expect(judge(WELL, [answered(503, 7n)], NOW, 1).health.failures).toBe(1n)
  })

  it('is left alone for as long as it asks, even by a single 429', () => {
    expect(judge(WELL, [answered(429, 1n, 60_000)], NOW, 0).health.pausedUntil).toEqual(later(60_000))
    expect(judge(WELL, [answered(429, 1n, 60_000), answered(200)], NOW, 0).health.pausedUntil).toEqual(later(60_000))
  })

  it('is told of once after three days, and disabled after seven', () => {
    const failing = (days: number, noticedAt: Date | null = null) => ({
      ...WELL,
      failures: 9n,
      failingSince: later(-days * DAY_MS),
      noticedAt,
    })
    expect(judge(failing(2.9), [answered(500)], NOW, 1).verdict).toBe('fine')
    expect(judge(failing(3), [answered(500)], NOW, 1)).toMatchObject({ verdict: 'notice', health: { noticedAt: NOW } })
    expect(judge(failing(4, later(-DAY_MS)), [answered(500)], NOW, 1).verdict).toBe('fine')
    expect(judge(failing(7, later(-DAY_MS)), [answered(500)], NOW, 1).verdict).toBe('failing')
  })

  it('is gone when it says so', () => {
    expect(judge(WELL, [answered(204), answered(410)], NOW, 1).verdict).toBe('gone')
  })
})
