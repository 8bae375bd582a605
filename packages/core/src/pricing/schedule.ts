import type { PromotionSchedule } from './promotion-document.ts'
import { instantOf, type WallTime, wallTime } from './wall-clock.ts'

/** Whether a promotion holds at an instant (milliseconds since 1970). */
export type CompiledSchedule = (instant: number) => boolean

/**
 * A schedule made ready. Its beginning and end are instants, found once; weekdays and minutes are read off the wall. In the
 * hour that a clock shows twice in autumn, a window of minutes is open twice; in the hour it skips in spring, not at all.
 */
export function compileSchedule(schedule: PromotionSchedule | null, merchantTimeZone: string): CompiledSchedule {
  if (schedule === null) return () => true
  const timeZone = schedule.time_zone ?? merchantTimeZone
  const starts = schedule.starts_at === null ? -Infinity : instantOf(schedule.starts_at, timeZone)
  const ends = schedule.ends_at === null ? Infinity : instantOf(schedule.ends_at, timeZone)
  const { weekdays, from_minute, to_minute } = schedule
  const readsWall = weekdays !== null || from_minute !== null || to_minute !== null
  const from = from_minute ?? 0
  const to = to_minute ?? 1440
  return (instant) => instant >= starts && instant < ends && (!readsWall || isOpen(wallTime(instant, timeZone), weekdays, from, to))
}

function isOpen(wall: WallTime, weekdays: readonly number[] | null, from: number, to: number): boolean {
  const overMidnight = from > to
  const minute = wall.minuteOfDay
  if (overMidnight ? minute < from && minute >= to : minute < from || minute >= to) return false
  // What lies behind midnight belongs to the window that opened the day before.
  const opened = overMidnight && minute < to ? ((wall.weekday + 5) % 7) + 1 : wall.weekday
  return weekdays === null || weekdays.includes(opened)
}
