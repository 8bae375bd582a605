import { expect, it } from 'vitest'
import { isInForce, localDay } from './local-day.ts'

const DAY_MS = 86_400_000

it('is the day on the wall in every zone, around every midnight and change of the clock', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/St_Johns',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Pacific/Chatham',
    'America/Santiago',
  ]
  for (const timeZone of zones) {
    const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
    // Samoa skipped a day at the end of 2011; clocks change in all the months walked through.
    for (let moment = Date.UTC(2011, 11, 28); moment < Date.UTC(2012, 10, 15); moment += DAY_MS / 96 - 1) {
      expect([timeZone, localDay(new Date(moment).toISOString(), timeZone)]).toEqual([timeZone, format.format(moment)])
    }
  }
})

it('is right in times of odd offsets', () => {
  // Liberia was 44 minutes and 30 seconds behind until 1972.
  expect(localDay('1970-01-01T00:44:29Z', 'Africa/Monrovia')).toBe('1969-12-31')
  expect(localDay('1970-01-01T00:44:30Z', 'Africa/Monrovia')).toBe('1970-01-01')
})

it('lies in a span with both its ends', () => {
  const span = { valid_from: '2026-01-01', valid_to: '2026-01-02' }
  expect(['2025-12-31', '2026-01-01', '2026-01-02', '2026-01-03'].map((day) => isInForce(day, span))).toEqual([false, true, true, false])
  expect(isInForce('2026-01-01', { valid_from: null, valid_to: null })).toBe(true)
})
