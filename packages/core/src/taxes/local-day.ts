/** Since 1973 every offset from UTC is a multiple of a quarter of an hour: a day does not end within one. */
const QUARTER_MS = 900_000
const QUARTERS_SINCE = Date.UTC(1973, 0, 1)

interface Zone {
  format: Intl.DateTimeFormat
  /** The quarter that was asked for last: most questions are about now. */
  quarter: number
  day: string
}

const zones = new Map<string, Zone>()

/** The day of the calendar that an instant falls on in a time zone (IANA name): 2026-03-01. */
export function localDay(instant: string, timeZone: string): string {
  const zone = zoneOf(timeZone)
  const moment = Date.parse(instant)
  const quarter = moment < QUARTERS_SINCE ? Number.NaN : Math.floor(moment / QUARTER_MS)
  if (zone.quarter === quarter) return zone.day
  const parts = Object.fromEntries(zone.format.formatToParts(moment).map((part) => [part.type, part.value]))
  zone.day = `${parts.year!.padStart(4, '0')}-${parts.month}-${parts.day}`
  zone.quarter = quarter
  return zone.day
}

function zoneOf(timeZone: string): Zone {
  let zone = zones.get(timeZone)
  if (!zone) {
    const format = new Intl.DateTimeFormat('en-CA', { timeZone, calendar: 'iso8601', year: 'numeric', month: '2-digit', day: '2-digit' })
    zone = { format, quarter: Number.NaN, day: '' }
    zones.set(timeZone, zone)
  }
  return zone
}

/** Whether a day lies in a span; both ends belong to it, and a null end is none. */
export function isInForce(day: string, span: { valid_from: string | null; valid_to: string | null }): boolean {
  return (span.valid_from === null || span.valid_from <= day) && (span.valid_to === null || day <= span.valid_to)
}
