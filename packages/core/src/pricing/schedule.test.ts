import { describe, expect, it } from 'vitest'
import type { PromotionSchedule } from './promotion-document.ts'
import { compileSchedule } from './schedule.ts'

const ALWAYS: PromotionSchedule = { starts_at: null, ends_at: null, time_zone: null, weekdays: null, from_minute: null, to_minute: null }

function holds(schedule: Partial<PromotionSchedule> | null, instant: string, merchantZone = 'Europe/Berlin'): boolean {
  return compileSchedule(schedule && { ...ALWAYS, ...schedule }, merchantZone)(Date.parse(instant))
}

describe('a schedule', () => {
  it('holds always where there is none', () => {
    expect(holds(null, '2026-01-01T00:00:00Z')).toBe(true)
  })

  it('begins and ends by the wall of the merchant', () => {
    const week = { starts_at: '2026-11-23T00:00', ends_at: '2026-11-30T00:00' }
    expect(holds(week, '2026-11-22T22:59:59Z')).toBe(false)
    expect(holds(week, '2026-11-22T23:00:00Z')).toBe(true)
    expect(holds(week, '2026-11-29T22:59:59Z')).toBe(true)
    expect(holds(week, '2026-11-29T23:00:00Z')).toBe(false)
  })

  it('may have a time zone of its own', () => {
    const schedule = { starts_at: '2026-11-27T00:00', time_zone: 'America/Los_Angeles' }
    expect(holds(schedule, '2026-11-27T07:59:59Z')).toBe(false)
    expect(holds(schedule, '2026-11-27T08:00:00Z')).toBe(true)
  })

  it('that ends in the hour shown twice ends once', () => {
    const schedule = { ends_at: '2026-10-25T02:30' }
    const shown = ['00:29', '00:30', '01:00', '01:29', '01:30'].map((time) => holds(schedule, `2026-10-25T${time}:00Z`))
    expect(shown).toEqual([true, false, false, false, false])
  })

  it('keeps to weekdays and minutes', () => {
    const happyHour = { weekdays: [1, 2, 3, 4, 5], from_minute: 17 * 60, to_minute: 18 * 60 }
    expect(holds(happyHour, '2026-11-20T16:00:00Z')).toBe(true)
    expect(holds(happyHour, '2026-11-20T15:59:00Z')).toBe(false)
    expect(holds(happyHour, '2026-11-20T17:00:00Z')).toBe(false)
    expect(holds(happyHour, '2026-11-21T16:00:00Z')).toBe(false)
  })

  it('that runs over midnight belongs to the day it opened', () => {
    const fridayNight = { weekdays: [5], from_minute: 22 * 60, to_minute: 2 * 60 }
    expect(holds(fridayNight, '2026-11-20T21:00:00Z')).toBe(true)
    expect(holds(fridayNight, '2026-11-21T00:59:00Z')).toBe(true)
    expect(holds(fridayNight, '2026-11-21T01:00:00Z')).toBe(false)
    expect(holds(fridayNight, '2026-11-21T21:00:00Z')).toBe(false)
    expect(holds(fridayNight, '2026-11-20T00:30:00Z')).toBe(false)
  })

  it('keeps to the wall on both sides of a change of the clock', () => {
    const morning = { from_minute: 8 * 60, to_minute: 9 * 60 }
    expect(holds(morning, '2026-03-28T07:30:00Z')).toBe(true)
    expect(holds(morning, '2026-03-29T07:30:00Z')).toBe(false)
    expect(holds(morning, '2026-03-29T06:30:00Z')).toBe(true)
  })
})
