import { type FieldProblem, Refusal, type RefusalCode } from '../refusal.ts'
import { patternFault } from '../rules/pattern.ts'
import { normalPostcode } from './postcode.ts'
import { isCountry, regionCode } from './region.ts'
import { daySchema } from './tax-table.ts'

/** A place as people write it. */
export interface GivenPlace {
  country: string
  region?: string | null
  postcode_from?: string | null
  postcode_to?: string | null
  postcode_pattern?: string | null
}

/** A place in the form it is kept and compared in. */
export interface Place {
  country: string
  region: string | null
  postcode_from: string | null
  postcode_to: string | null
  postcode_pattern: string | null
}

/** Gathers what is wrong with something, by the pointers of its fields. */
export class FieldProblems {
  readonly list: FieldProblem[] = []

  add(pointer: string, code: string, detail: string): void {
    this.list.push({ pointer, code, detail })
  }

  /** Refuses if anything was wrong. */
  refuse(code: RefusalCode, detail: string): void {
    if (this.list.length > 0) throw new Refusal(code, { detail, errors: this.list })
  }
}

/**
 * A place in its one form: a region by its code, postcodes in capital letters and digits alone. Where only one end of a range
 * is given it is both. What is wrong is added to `problems`, below `pointer`.
 */
export function checkPlace(given: GivenPlace, pointer: string, problems: FieldProblems): Place {
  const { country } = given
  const anywhere = country === '*'
  if (!anywhere && !isCountry(country)) problems.add(`${pointer}/country`, 'unknown_country', 'There is no such country in ISO 3166-1.')
  const region = checkRegion(given, pointer, problems)
  const postcodes = checkRange(given, pointer, problems)
  const pattern = given.postcode_pattern ?? null
  const fault = pattern === null ? undefined : patternFault(pattern)
  if (fault) problems.add(`${pointer}/postcode_pattern`, fault.code, fault.detail)
  else if (pattern !== null && /^$|\p{C}/u.test(pattern))
    problems.add(`${pointer}/postcode_pattern`, 'invalid_pattern', 'The pattern is empty or holds characters that cannot be seen.')
  if (pattern !== null && postcodes.postcode_from !== null)
    problems.add(`${pointer}/postcode_pattern`, 'range_and_pattern', 'Postcodes are given by a range or by a pattern, not by both.')
  if (anywhere && (pattern !== null || postcodes.postcode_from !== null))
    problems.add(`${pointer}/country`, 'country_required', 'Postcodes are those of a country: say which.')
  return { country, region, ...postcodes, postcode_pattern: pattern }
}

/** A span of days, both included. */
export function checkSpan(span: { valid_from: string | null; valid_to: string | null }, pointer: string, problems: FieldProblems): void {
  for (const field of ['valid_from', 'valid_to'] as const) {
    if (span[field] !== null && !daySchema.safeParse(span[field]).success)
      problems.add(`${pointer}/${field}`, 'invalid_date', 'A day is written 2026-03-01, from 1900 on.')
  }
  if (span.valid_from !== null && span.valid_to !== null && span.valid_from > span.valid_to)
    problems.add(`${pointer}/valid_to`, 'ends_before_it_begins', 'It ends before it begins.')
}

function checkRegion({ country, region }: GivenPlace, pointer: string, problems: FieldProblems): string | null {
  if (region === undefined || region === null) return null
  const code = regionCode(country, region)
  if (code === undefined) problems.add(`${pointer}/region`, 'unknown_region', `${country} has no such region in ISO 3166-2.`)
  return code ?? null
}

function checkRange(given: GivenPlace, pointer: string, problems: FieldProblems): Pick<Place, 'postcode_from' | 'postcode_to'> {
  const first = given.postcode_from ?? given.postcode_to ?? null
  const last = given.postcode_to ?? first
  if (first === null || last === null) return { postcode_from: null, postcode_to: null }
  const [from, to] = [normalPostcode(first), normalPostcode(last)]
  const field = given.postcode_from === null || given.postcode_from === undefined ? 'postcode_to' : 'postcode_from'
  if (from === '' || to === '') problems.add(`${pointer}/${field}`, 'invalid_postcode', 'A postcode has letters or digits.')
  else if (from.length !== to.length)
    problems.add(`${pointer}/postcode_to`, 'invalid_postcode', 'Both ends of a range of postcodes have the same number of characters.')
  else if (from > to) problems.add(`${pointer}/postcode_to`, 'ends_before_it_begins', 'The range ends before it begins.')
  return { postcode_from: from, postcode_to: to }
}
