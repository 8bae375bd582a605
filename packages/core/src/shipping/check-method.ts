import { Refusal } from '../refusal.ts'
import type { ConditionNode, Conditions } from '../rules/conditions.ts'
import { validateConditions } from '../rules/validate.ts'
import { checkPlace, FieldProblems } from '../taxes/check-place.ts'
import { checkCategory } from '../taxes/check-rate.ts'
import { nameFault, TEXT_FAULTS } from '../text.ts'
import { SHIPPING_NAME_GRAPHEMES_MAX, type ShippingMethod, type ShippingRateRule, shippingMethodSchema } from './shipping-table.ts'

/**
 * A method in the form it is kept in. Refuses `shipping_invalid` with what is wrong, and what `validateConditions` refuses. The
 * method has passed its schema as far as types go; the bounds of its numbers are looked at again here.
 */
export function requireMethod(given: ShippingMethod, zoneIds: ReadonlySet<string>): ShippingMethod {
  const problems = new FieldProblems()
  const fault = nameFault(given.name, SHIPPING_NAME_GRAPHEMES_MAX)
  if (fault) problems.add('/name', fault, TEXT_FAULTS[fault])
  for (const [index, id] of (given.zone_ids ?? []).entries())
    if (!zoneIds.has(id)) problems.add(`/zone_ids/${index}`, 'unknown_zone', 'There is no such zone.')
  if (given.tax_category !== null) checkCategory(given.tax_category, '/tax_category', problems)
  if (isAbove(given.subtotal_min, given.subtotal_max))
    problems.add('/subtotal_max', 'ends_before_it_begins', 'The highest order value is below the least.')
  if (isAbove(given.grams_min, given.grams_max))
    problems.add('/grams_max', 'ends_before_it_begins', 'The highest weight is below the least.')
  const rate = checkRate(given.rate, problems)
  const form = shippingMethodSchema.safeParse({ ...given, rate, conditions: null })
  for (const { path, message } of form.error?.issues ?? [])
    problems.add(`/${path.map(String).join('/')}`, message, 'The value is out of range.')
  problems.refuse('shipping_invalid', 'This method cannot be offered.')
  return {
    ...form.data!,
    name: given.name.normalize('NFC'),
    zone_ids: distinct(given.zone_ids),
    conditions: requireConditions(given.conditions),
  }
}

/** What shipping costs cannot depend on what shipping costs. */
function requireConditions(given: ShippingMethod['conditions']): Conditions | null {
  if (given === null) return null
  const conditions = validateConditions(given, { scope: 'cart', pointer: '/conditions' })
  const circular = factsOf(conditions).find((fact) => fact.startsWith('shipping.'))
  if (circular === undefined) return conditions
  const detail = `A shipping method cannot depend on ${circular}: it is chosen and priced before that is known.`
  throw new Refusal('rule_invalid', { detail, errors: [{ pointer: '/conditions', code: 'circular', detail }] })
}

function factsOf(node: ConditionNode): string[] {
  if ('all' in node) return node.all.flatMap(factsOf)
  if ('any' in node) return node.any.flatMap(factsOf)
  return 'not' in node ? factsOf(node.not) : [node.fact]
}

/** Steps and rows that would say two things at once, and places that are not there. Steps are kept in their order of size. */
function checkRate(rate: ShippingRateRule, problems: FieldProblems): ShippingRateRule {
  switch (rate.type) {
    case 'by_weight': {
      checkDistinct(
        rate.steps.map((step) => step.from_grams),
        '/rate/steps',
        problems,
      )
      return { ...rate, steps: rate.steps.toSorted((a, b) => a.from_grams - b.from_grams) }
    }
    case 'by_subtotal': {
      checkDistinct(
        rate.steps.map((step) => step.from),
        '/rate/steps',
        problems,
      )
      return { ...rate, steps: rate.steps.toSorted((a, b) => a.from - b.from) }
    }
    case 'percentage':
      if (isAbove(rate.amount_min, rate.amount_max))
        problems.add('/rate/amount_max', 'ends_before_it_begins', 'The highest amount is below the least.')
      return rate
    case 'table':
      return checkTable(rate, problems)
    default:
      return rate
  }
}

function checkTable(rate: Extract<ShippingRateRule, { type: 'table' }>, problems: FieldProblems): ShippingRateRule {
  const rows = rate.rows.map((row, index) => {
    const { country, region, postcode_from } = checkPlace({ ...row, postcode_from: row.postcode }, `/rate/rows/${index}`, problems)
    return { ...row, country, region, postcode: postcode_from }
  })
  checkDistinct(
    rows.map(({ country, region, postcode, from }) => JSON.stringify([country, region, postcode, from])),
    '/rate/rows',
    problems,
  )
  return { ...rate, rows }
}

function checkDistinct(keys: readonly (number | string)[], pointer: string, problems: FieldProblems): void {
  const seen = new Set<number | string>()
  for (const [index, key] of keys.entries()) {
    if (seen.has(key)) problems.add(`${pointer}/${index}`, 'duplicate', 'Another entry begins at the same place.')
    seen.add(key)
  }
}

function isAbove(low: number | null, high: number | null): boolean {
  return low !== null && high !== null && low > high
}

function distinct(ids: readonly string[] | null): string[] | null {
  return ids && [...new Set(ids)]
}
