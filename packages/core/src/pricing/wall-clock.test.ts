import { describe, expect, it } from 'vitest'
import { instantOf, wallTime } from './wall-clock.ts'

describe('wallTime', () => {
  it.each([
    ['2026-03-29T00:59:59Z', 'Europe/Berlin', { date: '2026-03-29', weekday: 7, hour: 1, minuteOfDay: 119 }],
    ['2026-03-29T01:00:00Z', 'Europe/Berlin', { date: '2026-03-29', weekday: 7, hour: 3, minuteOfDay: 180 }],
    ['2026-01-01T00:00:00Z', 'America/New_York', { date: '2025-12-31', weekday: 3, hour: 19, minuteOfDay: 1140 }],
    ['2026-06-15T20:30:00Z', 'Asia/Kolkata', { date: '2026-06-16', weekday: 2, hour: 2, minuteOfDay: 120 }],
    ['2026-06-15T12:00:00Z', 'UTC', { date: '2026-06-15', weekday: 1, hour: 12, minuteOfDay: 720 }],
  ])('%s in %s', (instant, zone, shown) => {
    expect(wallTime(Date.parse(instant), zone)).toEqual(shown)
  })
})

describe('instantOf', () => {
  it.each([
    ['2026-07-01T10:00', 'Europe/Berlin', '2026-07-01T08:00:00.000Z'],
    ['2026-01-01T10:00:30', 'Europe/Berlin', '2026-01-01T09:00:30.000Z'],
    // The clock jumps from 02:00 to 03:00: half past two is half an hour behind the jump.
    ['2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
    // The clock shows half past two twice: the first counts.
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
    ['2026-03-08T02:15', 'America/New_York', '2026-03-08T07:15:00.000Z'],
    ['2026-11-01T01:15', 'America/New_York', '2026-11-01T05:15:00.000Z'],
    // Half an hour of summer time.
    ['2026-10-04T02:10', 'Australia/Lord_Howe', '2026-10-03T15:40:00.000Z'],
    ['2026-04-05T01:45', 'Australia/Lord_Howe', '2026-04-04T14:45:00.000Z'],
  ])('%s in %s', (local, zone, instant) => {
    expect(new Date(instantOf(local, zone)).toISOString()).toBe(instant)
  })

  it('is what the wall shows again, at every hour of two years that the wall shows once', () => {
    for (let hour = 0; hour < 2 * 366 * 24; hour += 7) {
      const instant = Date.UTC(2026, 0, 1, hour)
      const { date, hour: shown, minuteOfDay } = wallTime(instant, 'Europe/Berlin')
      const local = `${date}T${String(shown).padStart(2, '0')}:${String(minuteOfDay % 60).padStart(2, '0')}`
      const found = instantOf(local, 'Europe/Berlin')
      expect([instant, instant - 3_600_000]).toContain(found)
    }
  })
})
