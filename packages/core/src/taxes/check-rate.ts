import type { FieldProblem } from '../refusal.ts'
import { nameFault, TEXT_FAULTS } from '../text.ts'
import { checkPlace, checkSpan, FieldProblems } from './check-place.ts'
import { PPM_WHOLE, TAX_NAME_GRAPHEMES_MAX, TAX_PRIORITY_MAX, type TaxRateRow, taxCategorySchema } from './tax-table.ts'

/** A rate without its id. */
export type NewTaxRate = Omit<TaxRateRow, 'id'>

/** A rate in the form it is kept in, and what is wrong with it; its pointers are those of the API. */
export function checkRate(given: NewTaxRate): { rate: NewTaxRate; problems: FieldProblem[] } {
  const problems = new FieldProblems()
  const place = checkPlace(given, '', problems)
  checkSpan(given, '', problems)
  checkName(given.name, '/name', problems)
  checkCategory(given.category, '/category', problems)
  if (!Number.isInteger(given.rate_ppm) || given.rate_ppm < 0 || given.rate_ppm > PPM_WHOLE)
    problems.add('/rate_percent', 'percentage_out_of_range', 'A rate is between 0 and 100 percent, with at most four decimals.')
  if (!Number.isInteger(given.priority) || given.priority < 1 || given.priority > TAX_PRIORITY_MAX)
    problems.add('/priority', 'priority_out_of_range', `A priority is between 1 and ${TAX_PRIORITY_MAX}.`)
  return { rate: { ...given, ...place, name: given.name.normalize('NFC') }, problems: problems.list }
}

/** As checkRate. Refuses `tax_invalid`. */
export function requireRate(given: NewTaxRate): NewTaxRate {
  const { rate, problems } = checkRate(given)
  const found = new FieldProblems()
  found.list.push(...problems)
  found.refuse('tax_invalid', 'This rate cannot be charged.')
  return rate
}

export function checkName(name: string, pointer: string, problems: FieldProblems): void {
  const fault = name === '' ? 'invalid_text' : nameFault(name, TAX_NAME_GRAPHEMES_MAX)
  if (fault) problems.add(pointer, fault, TEXT_FAULTS[fault])
}

export function checkCategory(category: string, pointer: string, problems: FieldProblems): void {
  if (!taxCategorySchema.safeParse(category).success)
    problems.add(pointer, 'invalid_tax_category', 'A tax category is up to 63 small letters, digits, hyphens and underscores.')
}

/**
 * Whether two rates of which neither is more specific could fit the same postcode: their ranges cross, of the same length, and
 * neither lies within the other. Both are for the same place, category and priority.
 */
export function crosses(a: NewTaxRate, b: NewTaxRate): boolean {
  if (a.postcode_from === null || a.postcode_to === null || b.postcode_from === null || b.postcode_to === null) return false
  if (a.postcode_from.length !== b.postcode_from.length) return false
  const apart = a.postcode_to < b.postcode_from || b.postcode_to < a.postcode_from
  const aInB = b.postcode_from <= a.postcode_from && a.postcode_to <= b.postcode_to
  const bInA = a.postcode_from <= b.postcode_from && b.postcode_to <= a.postcode_to
  const together =
    (a.valid_to === null || b.valid_from === null || b.valid_from <= a.valid_to) &&
    (b.valid_to === null || a.valid_from === null || a.valid_from <= b.valid_to)
  return !apart && !aInB && !bInA && together
}
