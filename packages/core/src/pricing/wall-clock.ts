/** What a clock on the wall shows. */
export interface WallTime {
  /** YYYY-MM-DD. */
  date: string
  /** 1 Monday to 7 Sunday. */
  weekday: number
  hour: number
  /** Since midnight on the wall. */
  minuteOfDay: number
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

const formats = new Map<string, Intl.DateTimeFormat>()

/** What the clock on the wall of a time zone (IANA name) shows at an instant (milliseconds since 1970). Pure: it reads no clock. */
export function wallTime(instant: number, timeZone: string): WallTime {
  const local = instant + offsetAt(instant, timeZone)
  const days = Math.floor(local / DAY_MS)
  const minuteOfDay = Math.floor((local - days * DAY_MS) / MINUTE_MS)
  return {
    date: new Date(local).toISOString().slice(0, 10),
    // 1970-01-01 was a Thursday.
    weekday: ((((days + 3) % 7) + 7) % 7) + 1,
    hour: Math.floor(minuteOfDay / 60),
    minuteOfDay,
  }
}

/**
 * The instant at which a clock on the wall shows a local time (2026-03-29T02:30). A time that the clock shows twice is the
 * first of them; one that it skips lies as far behind the jump as it would have without one. (Temporal calls that
 * disambiguation "compatible"; Node 24 has no Temporal.)
 */
export function instantOf(localTime: string, timeZone: string): number {
  const local = Date.parse(`${localTime}Z`)
  // No zone changes its offset twice within two days.
  const before = offsetAt(local - DAY_MS, timeZone)
  const after = offsetAt(local + DAY_MS, timeZone)
  const isShown = (offset: number) => offsetAt(local - offset, timeZone) === offset
  if (isShown(before)) return local - before
  return isShown(after) ? local - after : local - before
}

/** How far the wall is ahead of UTC, in milliseconds. */
function offsetAt(instant: number, timeZone: string): number {
  const parts: Record<string, number> = {}
  for (const { type, value } of formatOf(timeZone).formatToParts(instant)) parts[type] = Number(value)
  const shown = Date.UTC(parts.year!, parts.month! - 1, parts.day!, parts.hour!, parts.minute!, parts.second!)
  return shown - Math.floor(instant / 1000) * 1000
}

/** Making a format takes 30 times as long as using it. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    formats.set(timeZone, format)
  }
  return format
}
