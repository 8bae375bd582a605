const formats = new Map<string, Intl.DateTimeFormat>()

/** The day of the calendar that an instant falls on in a time zone (IANA name): 2026-03-01. */
export function localDay(instant: string, timeZone: string): string {
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone, calendar: 'iso8601', year: 'numeric', month: '2-digit', day: '2-digit' })
    formats.set(timeZone, format)
  }
  const parts = Object.fromEntries(format.formatToParts(new Date(instant)).map((part) => [part.type, part.value]))
  return `${parts.year!.padStart(4, '0')}-${parts.month}-${parts.day}`
}

/** Whether a day lies in a span; both ends belong to it, and a null end is none. */
export function isInForce(day: string, span: { valid_from: string | null; valid_to: string | null }): boolean {
  return (span.valid_from === null || span.valid_from <= day) && (span.valid_to === null || day <= span.valid_to)
}
