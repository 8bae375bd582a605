import { RE2JS } from 're2js'

export const POSTCODE_LENGTH_MAX = 10

/** Which postcodes something is for; all null: any. A range or a pattern, not both. */
export interface PostcodeLimit {
  postcode_from: string | null
  postcode_to: string | null
  postcode_pattern?: string | null
}

/** A postcode in the form they are compared in: capital letters and digits alone. '' for one that has none. */
export function normalPostcode(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
    .slice(0, POSTCODE_LENGTH_MAX)
}

/**
 * Whether a postcode lies in a range, both ends included. As many leading characters are compared as the ends have: 94110-1234
 * is in 94000..94999, and from 35 to 35 is everything that begins with 35. A shorter postcode is in no range.
 */
export function inPostcodeRange(postcode: string, from: string, to: string): boolean {
  if (postcode.length < from.length) return false
  const start = postcode.slice(0, from.length)
  return start >= from && start <= to
}

/** How many postcodes of full length a range covers: the fewer, the more it says. */
export function postcodeRangeWidth(from: string, to: string): number {
  return (inBase36(to) - inBase36(from) + 1) * 36 ** (POSTCODE_LENGTH_MAX - from.length)
}

/** A test of whole postcodes, in linear time whatever the pattern says. Undefined for one that cannot be read. */
export function compilePostcodePattern(pattern: string): ((postcode: string) => boolean) | undefined {
  try {
    const compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE)
    return (postcode) => compiled.testExact(postcode)
  } catch {
    return undefined
  }
}

function inBase36(text: string): number {
  return Number.parseInt(text, 36)
}
