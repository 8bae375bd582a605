import { z } from 'zod'
import type { FactName } from './fact-values.ts'

/**
 * Conditions in the format of json-rules-engine, without its `path`, `params`, `condition`, `priority`, `name`, operator
 * decorators and values taken from other facts: groups of `all`, `any` and `not` around leaves. What may stand in them is
 * said by validate.ts; docs/rules.md is the merchant's view.
 */
export type Conditions = { all: ConditionNode[] } | { any: ConditionNode[] } | { not: ConditionNode }
export type ConditionNode = Conditions | Leaf

export interface Leaf {
  fact: FactName
  operator: Operator
  value: LeafValue
}

export type Scalar = boolean | number | string

/** Amounts are integer minor units, decimals are text ("12.5"), times and dates ISO 8601 text. */
export type LeafValue = Scalar | Scalar[] | Conditions | LinesMeasured

/** How many units, lines or minor units the lines must come to that fulfil `where`; null is every line. */
export type LinesMeasured =
  | { where: Conditions | null; quantity: number }
  | { where: Conditions | null; amount: number }
  | { where: Conditions | null; count: number }

export type OrderedOperator = 'lessThan' | 'lessThanInclusive' | 'greaterThan' | 'greaterThanInclusive'
export type LineOperator =
  | 'any_line'
  | 'every_line'
  | 'no_line'
  | 'lines_quantity_at_least'
  | 'lines_quantity_at_most'
  | 'lines_subtotal_at_least'
  | 'lines_subtotal_at_most'
  | 'lines_count_at_least'
  | 'lines_count_at_most'
export type Operator =
  | 'equal'
  | 'notEqual'
  | OrderedOperator
  | 'between'
  | 'in'
  | 'notIn'
  | 'contains'
  | 'doesNotContain'
  | 'containsAny'
  | 'containsAll'
  | 'containsNone'
  | 'startsWith'
  | 'endsWith'
  | 'matches'
  | 'isSet'
  | LineOperator

/**
 * Conditions as a field of a document or a body. It takes any object: what is wrong inside is said by `validateConditions`,
 * which names every fault by its pointer, and which whoever saves conditions must call.
 */
export const conditionsSchema = z
  .custom<Conditions>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'not conditions')
  .meta({
    type: 'object',
    description:
      'Conditions over the documented facts: `{"all": […]}`, `{"any": […]}` or `{"not": …}` around `{"fact", "operator", "value"}`.',
    examples: [{ all: [{ fact: 'cart.subtotal', operator: 'greaterThanInclusive', value: 5000 }] }],
  })
