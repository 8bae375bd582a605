import { AMOUNT_MAX } from '../money.ts'
import { nameFault, TEXT_FAULTS } from '../text.ts'
import { isPlainObject } from './check-json.ts'
import type { Operator, Scalar } from './conditions.ts'
import { formatRuleDecimal, parseRuleDecimal } from './decimal.ts'
import type { Fact, FactType, TextForm } from './fact-catalogue.ts'
import { dayNumber, dayText } from './fact-row.ts'
import type { Faults } from './faults.ts'
import { comparable } from './leaf-test.ts'
import { RULE_TEXT_GRAPHEMES_MAX, RULE_VALUES_MAX } from './limits.ts'
import { patternFault } from './pattern.ts'

const FORMS: Record<TextForm, { pattern: RegExp; detail: string }> = {
  uuid: { pattern: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, detail: 'An id is a UUID in lower case.' },
  country: { pattern: /^[A-Z]{2}$/, detail: 'A country is an ISO 3166-1 code of two capital letters.' },
  currency: { pattern: /^[A-Z]{3}$/, detail: 'A currency is an ISO 4217 code of three capital letters.' },
  domain: { pattern: /^[^\s@A-Z]+$/, detail: 'A domain is written in lower case and without @.' },
  code: { pattern: /^[^\s\p{Ll}]+$/u, detail: 'A coupon code is written in capital letters and without spaces.' },
}
// A part of a text need not look like the whole.
const PARTS: readonly Operator[] = ['startsWith', 'endsWith']
const INSTANT = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/
const INTEGER_MAX = 1_000_000_000_000

/** Where a value stands and what it is for. */
export interface ValuePlace {
  fact: Fact
  operator: Operator
  pointer: string
  faults: Faults
}

/** One value of the fact's type, in the form in which it is kept; undefined with a fault when it is none. */
export function checkSingle(value: unknown, place: ValuePlace): Scalar | undefined {
  const { pointer, faults } = place
  if (isPlainObject(value) && Object.hasOwn(value, 'fact'))
    return faults.add(pointer, 'value_from_fact', 'A value is written out: it cannot be taken from another fact.')
  return CHECKS[place.fact.type](value, place)
}

/** Two values, the lesser first; both belong to the range. */
export function checkBounds(value: unknown, place: ValuePlace): Scalar[] | undefined {
  const { pointer, faults, fact } = place
  if (!Array.isArray(value) || value.length !== 2) return faults.add(pointer, 'value_type', 'Two bounds are expected: [from, to].')
  const bounds = checkEach(value, place)
  if (bounds && comparable(bounds[0]!, fact.type) > comparable(bounds[1]!, fact.type))
    return faults.add(pointer, 'bounds_reversed', 'The first bound is above the second.')
  return bounds
}

/** A list of values, each kept once. */
export function checkList(value: unknown, place: ValuePlace): Scalar[] | undefined {
  const { pointer, faults } = place
  if (!Array.isArray(value)) return faults.add(pointer, 'value_type', 'A list of values is expected.')
  if (value.length === 0) return faults.add(pointer, 'value_empty', 'The list is empty.')
  if (value.length > RULE_VALUES_MAX) return faults.add(pointer, 'too_many_values', `A list has at most ${RULE_VALUES_MAX} values.`)
  const values = checkEach(value, place)
  return values && [...new Set(values)]
}

export function checkPattern(value: unknown, { pointer, faults }: ValuePlace): string | undefined {
  if (typeof value !== 'string') return faults.add(pointer, 'value_type', 'A pattern is expected.')
  if (value === '') return faults.add(pointer, 'value_empty', 'The pattern is empty.')
  const fault = patternFault(value)
  return fault ? faults.add(pointer, fault.code, fault.detail) : value
}

/** `isSet` says something only of facts that may be missing. */
export function checkFlag(value: unknown, { fact, pointer, faults }: ValuePlace): boolean | undefined {
  if (typeof value !== 'boolean') return faults.add(pointer, 'value_type', 'true or false is expected.')
  return fact.nullable ? value : faults.add(pointer, 'operator_unfit', 'The fact is never missing.')
}

/** A whole number of units, lines or minor units that lines are held against. */
export function checkMeasure(value: unknown, least: number, pointer: string, faults: Faults): number | undefined {
  return checkWhole(value, least, Number(AMOUNT_MAX), { pointer, faults })
}

const CHECKS: Record<FactType, (value: unknown, place: ValuePlace) => Scalar | undefined> = {
  boolean: (value, { pointer, faults }) =>
    typeof value === 'boolean' ? value : faults.add(pointer, 'value_type', 'true or false is expected.'),
  integer: (value, place) => checkWhole(value, place.fact.minimum ?? 0, place.fact.maximum ?? INTEGER_MAX, place),
  amount: (value, place) => checkWhole(value, 0, Number(AMOUNT_MAX), place),
  decimal: checkDecimal,
  time: checkInstant,
  date: checkDate,
  text: checkText,
  set: checkText,
  lines: (_, { pointer, faults }) => faults.add(pointer, 'value_type', 'Line conditions are expected.'),
}

function checkEach(values: readonly unknown[], place: ValuePlace): Scalar[] | undefined {
  const checked = values.map((value, index) => checkSingle(value, { ...place, pointer: `${place.pointer}/${index}` }))
  return checked.includes(undefined) ? undefined : (checked as Scalar[])
}

function checkWhole(
  value: unknown,
  least: number,
  most: number,
  { pointer, faults }: Pick<ValuePlace, 'pointer' | 'faults'>,
): number | undefined {
  if (!Number.isInteger(value)) return faults.add(pointer, 'value_type', 'A whole number is expected; amounts are in minor units.')
  const whole = value as number
  if (whole < least || whole > most) return faults.add(pointer, 'value_out_of_range', `The number lies between ${least} and ${most}.`)
  // -0 would be written as 0 when it is stored.
  return whole === 0 ? 0 : whole
}

function checkDecimal(value: unknown, { fact, pointer, faults }: ValuePlace): string | undefined {
  const scaled = typeof value === 'string' || Number.isInteger(value) ? parseRuleDecimal(String(value)) : undefined
  if (scaled === undefined)
    return faults.add(pointer, 'value_type', 'A decimal in text with at most four places is expected, such as "12.5".')
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = fact
  if (scaled < minimum * 10_000 || scaled > maximum * 10_000)
    return faults.add(pointer, 'value_out_of_range', `The number lies between ${minimum} and ${maximum}.`)
  return formatRuleDecimal(scaled)
}

function checkInstant(value: unknown, { pointer, faults }: ValuePlace): string | undefined {
  const match = typeof value === 'string' ? INSTANT.exec(value) : null
  if (!match || !isDay(match[1]!))
    return faults.add(pointer, 'value_type', 'A time with its offset is expected, such as "2026-05-04T09:30:00+02:00".')
  return new Date(value as string).toISOString()
}

function checkDate(value: unknown, { pointer, faults }: ValuePlace): string | undefined {
  if (typeof value === 'string' && isDay(value)) return value
  return faults.add(pointer, 'value_type', 'A date is expected, such as "2026-05-04".')
}

/** A day that the calendar has: 2026-02-30 is none. */
function isDay(text: string): boolean {
  const day = dayNumber(text)
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && Number.isFinite(day) && dayText(day) === text
}

function checkText(value: unknown, { fact, operator, pointer, faults }: ValuePlace): string | undefined {
  if (typeof value !== 'string') return faults.add(pointer, 'value_type', 'A text is expected.')
  if (value === '') return faults.add(pointer, 'value_empty', 'The text is empty.')
  const fault = nameFault(value, RULE_TEXT_GRAPHEMES_MAX)
  if (fault) return faults.add(pointer, fault, TEXT_FAULTS[fault])
  const form = fact.form && !PARTS.includes(operator) ? FORMS[fact.form] : undefined
  if (form && !form.pattern.test(value)) return faults.add(pointer, 'value_form', form.detail)
  return value.normalize('NFC')
}
