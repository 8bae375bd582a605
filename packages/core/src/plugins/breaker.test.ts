import { describe, expect, it } from 'vitest'
import { Breaker } from './breaker.ts'

const MINUTE = 60_000

function recording(outcomes: ('ok' | 'failed' | 'timeout' | 'killed')[], breaker = new Breaker(), at = 0): boolean {
  return outcomes.map((outcome) => breaker.record(outcome, at)).at(-1)!
}

describe('Breaker', () => {
  it('lets calls through while they go well, and through single failures', () => {
    const breaker = new Breaker()
    recording([...Array(100).fill('ok'), ...Array(19).fill('failed')], breaker)
    expect(breaker.state(0)).toBe('closed')
    expect(breaker.allows(0)).toBe(true)
  })

  it('opens at the twentieth failure when failures are more than a third', () => {
    const breaker = new Breaker()
    expect(recording([...Array(30).fill('ok'), ...Array(20).fill('failed')], breaker)).toBe(true)
    expect(breaker.allows(1)).toBe(false)
  })

  it('stays closed at twenty failures among many calls', () => {
    expect(recording([...Array(60).fill('ok'), ...Array(20).fill('failed')])).toBe(false)
  })

  it('forgets what is older than its window', () => {
    const breaker = new Breaker()
    recording(Array(19).fill('failed'), breaker, 0)
    expect(breaker.record('failed', 6 * MINUTE)).toBe(false)
  })

  it('opens at the third timeout in a row, not at the third in all', () => {
    expect(recording(['timeout', 'timeout', 'ok', 'timeout'])).toBe(false)
    expect(recording(['timeout', 'timeout', 'timeout'])).toBe(true)
  })

  it('opens at once when a runner was killed', () => {
    expect(recording(['ok', 'killed'])).toBe(true)
  })

  it('tries five calls after a minute and closes when all go well', () => {
    const breaker = new Breaker()
    recording(['killed'], breaker)
    expect(breaker.allows(MINUTE - 1)).toBe(false)
    expect(Array.from({ length: 6 }, () => breaker.allows(MINUTE))).toEqual([true, true, true, true, true, false])
    recording(Array(5).fill('ok'), breaker, MINUTE)
    expect(breaker.state(MINUTE)).toBe('closed')
  })

  it('opens again at the first failure among the five', () => {
    const breaker = new Breaker()
    recording(['killed'], breaker)
    breaker.allows(MINUTE)
    expect(breaker.record('failed', MINUTE)).toBe(true)
    expect(breaker.allows(MINUTE + 1)).toBe(false)
  })

  it('does not lose its tries to calls that were never made', () => {
    const breaker = new Breaker()
    recording(['killed'], breaker)
    for (let tries = 0; tries < 10; tries += 1) {
      expect(breaker.allows(MINUTE)).toBe(true)
      breaker.giveBack()
    }
  })
})
