import type { Leaf, LineOperator, Operator } from './conditions.ts'
import type { FactType } from './fact-catalogue.ts'

/** What stands in `value`: one value, two bounds, a list, a pattern, true or false, line conditions, or those with a number. */
export type ValueKind = 'single' | 'bounds' | 'list' | 'pattern' | 'flag' | 'conditions' | 'measured'

export interface OperatorKind {
  types: readonly FactType[]
  value: ValueKind
  /** How explanations say that it held, and that it failed: "subtotal 62.40 EUR <held> 50.00 EUR". */
  held: string
  failed: string
}

const NUMBERS = ['integer', 'amount', 'decimal', 'time', 'date'] as const
const LINES = ['lines'] as const

/** Which operator takes which facts, under the engine's own names where it has one. */
export const OPERATORS: Readonly<Record<Operator, OperatorKind>> = {
  equal: { types: ['boolean', 'integer', 'amount', 'decimal', 'text', 'date'], value: 'single', held: 'is', failed: 'is not' },
  notEqual: { types: ['boolean', 'integer', 'amount', 'decimal', 'text', 'date'], value: 'single', held: 'is not', failed: 'is' },
  lessThan: { types: NUMBERS, value: 'single', held: 'is less than', failed: 'is not less than' },
  lessThanInclusive: { types: NUMBERS, value: 'single', held: 'is at most', failed: 'is more than' },
  greaterThan: { types: NUMBERS, value: 'single', held: 'is more than', failed: 'is not more than' },
  greaterThanInclusive: { types: NUMBERS, value: 'single', held: 'is at least', failed: 'is less than' },
  between: { types: NUMBERS, value: 'bounds', held: 'is between', failed: 'is not between' },
  in: { types: ['integer', 'text', 'date'], value: 'list', held: 'is one of', failed: 'is not one of' },
  notIn: { types: ['integer', 'text', 'date'], value: 'list', held: 'is not one of', failed: 'is one of' },
  contains: { types: ['set'], value: 'single', held: 'include', failed: 'do not include' },
  doesNotContain: { types: ['set'], value: 'single', held: 'do not include', failed: 'include' },
  containsAny: { types: ['set'], value: 'list', held: 'include one of', failed: 'include none of' },
  containsAll: { types: ['set'], value: 'list', held: 'include all of', failed: 'do not include all of' },
  containsNone: { types: ['set'], value: 'list', held: 'include none of', failed: 'include one of' },
  startsWith: { types: ['text'], value: 'single', held: 'starts with', failed: 'does not start with' },
  endsWith: { types: ['text'], value: 'single', held: 'ends with', failed: 'does not end with' },
  matches: { types: ['text'], value: 'pattern', held: 'matches', failed: 'does not match' },
  isSet: { types: ['boolean', ...NUMBERS, 'text', 'set'], value: 'flag', held: 'is', failed: 'is' },
  any_line: { types: LINES, value: 'conditions', held: 'at least one line', failed: 'no line' },
  every_line: { types: LINES, value: 'conditions', held: 'every line', failed: 'not every line' },
  no_line: { types: LINES, value: 'conditions', held: 'no line', failed: 'at least one line' },
  lines_quantity_at_least: { types: LINES, value: 'measured', held: 'at least', failed: 'less than' },
  lines_quantity_at_most: { types: LINES, value: 'measured', held: 'at most', failed: 'more than' },
  lines_subtotal_at_least: { types: LINES, value: 'measured', held: 'at least', failed: 'less than' },
  lines_subtotal_at_most: { types: LINES, value: 'measured', held: 'at most', failed: 'more than' },
  lines_count_at_least: { types: LINES, value: 'measured', held: 'at least', failed: 'less than' },
  lines_count_at_most: { types: LINES, value: 'measured', held: 'at most', failed: 'more than' },
}

export function isOperator(name: unknown): name is Operator {
  return typeof name === 'string' && Object.hasOwn(OPERATORS, name)
}

export type LineMeasure = 'quantity' | 'amount' | 'count'

const MEASURES: Partial<Record<Operator, LineMeasure>> = {
  lines_quantity_at_least: 'quantity',
  lines_quantity_at_most: 'quantity',
  lines_subtotal_at_least: 'amount',
  lines_subtotal_at_most: 'amount',
  lines_count_at_least: 'count',
  lines_count_at_most: 'count',
}

/** What a line operator counts, which is also the name of the number in its value: lines, unless it says otherwise. */
export function measureOf(operator: Operator): LineMeasure {
  return MEASURES[operator] ?? 'count'
}

export function isAtLeast(operator: Operator): boolean {
  return operator.endsWith('_at_least')
}

export function isLineLeaf(leaf: Leaf): leaf is Leaf & { operator: LineOperator } {
  return leaf.fact === 'lines'
}
