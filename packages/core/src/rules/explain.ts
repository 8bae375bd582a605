import type { LeafValue, Scalar } from './conditions.ts'
import { FACTS } from './fact-catalogue.ts'
import { measuredBound } from './line-test.ts'
import { measureOf, OPERATORS } from './operators.ts'
import { type ConditionTrace, isGroupTrace, type LeafTrace, type LinesSeen, leafOf, type Seen } from './trace.ts'
import { saidExpected, saidList, saidMeasured, saidOfBoolean, saidValue, saidWith } from './wording.ts'

/** A trace as JSON for people and programs: each part with its words, amounts with their currency. */
export type ExplainedTrace = ExplainedGroup | ExplainedLeaf

export interface ExplainedGroup {
  group: 'all' | 'any' | 'not'
  result: 'held' | 'failed'
  words: string
  of: ExplainedTrace[]
}

export interface ExplainedLeaf {
  fact: string
  operator: string
  /** As in the condition, but amounts are {amount, currency}. */
  expected: unknown
  actual: unknown
  result: LeafTrace['result']
  words: string
}

/**
 * Why conditions held or failed, in one sentence of what decided it, with the values seen: "subtotal 62.40 EUR is at least
 * 50.00 EUR and country is DE". For a failure only what failed is said.
 */
export function explainTrace(trace: ConditionTrace, currency: string): string {
  return deciding(trace)
    .map((leaf) => statement(leaf, currency))
    .join(' and ')
}

/** The same as a tree, whole, for staff. */
export function explainInFull(trace: ConditionTrace, currency: string): ExplainedTrace {
  const words = explainTrace(trace, currency)
  if (isGroupTrace(trace))
    return { group: trace.group, result: trace.result, words, of: trace.of.map((each) => explainInFull(each, currency)) }
  const { fact, operator, result } = trace
  const isAmount = FACTS[fact].type === 'amount' || measureOf(operator) === 'amount'
  const money = (value: unknown) => (isAmount ? withCurrency(value, currency) : value)
  return { fact, operator, expected: money(trace.expected), actual: money(trace.actual), result, words }
}

/** The conditions without which it would have come out otherwise. */
function deciding(trace: ConditionTrace): LeafTrace[] {
  if (!isGroupTrace(trace)) return [trace]
  const { group, of, result } = trace
  if (group === 'not') return of.flatMap(deciding)
  const everyCounts = (group === 'all') === (result === 'held')
  return of.filter((each) => everyCounts || (each.result === 'held') === (result === 'held')).flatMap(deciding)
}

/** What a condition saw, as a sentence that is true: it reads the same whether it stands under `not` or not. */
function statement(leaf: LeafTrace, currency: string): string {
  const fact = FACTS[leaf.fact]
  const { label, type } = fact
  const { actual, expected, operator, result } = leaf
  if (type === 'lines') return lineStatement(leaf, currency)
  if (actual === null) return type === 'boolean' ? `it is not known whether ${label}` : `${label} is not known`
  if (type === 'boolean') return saidOfBoolean(fact, actual as boolean)
  const phrase = OPERATORS[operator][result === 'held' ? 'held' : 'failed']
  if (type === 'set') return `${label} (${saidList(actual as readonly string[], 'and')}) ${phrase} ${saidExpected(leafOf(leaf), currency)}`
  const said = saidValue(leaf.fact, actual as Scalar, currency)
  if (operator === 'isSet') return `${label} is ${said}`
  if (operator === 'equal' || operator === 'notEqual') {
    const same = (operator === 'equal') === (result === 'held')
    return same ? `${label} is ${said}` : `${label} is ${said}, not ${saidValue(leaf.fact, expected as Scalar, currency)}`
  }
  return `${label} ${said} ${phrase} ${saidExpected(leafOf(leaf), currency)}`
}

function lineStatement(leaf: LeafTrace, currency: string): string {
  const { actual, operator, result } = leaf
  if (actual === null) return 'the lines are not known'
  const asked = leafOf(leaf)
  const { matching, measured, lines } = actual as LinesSeen
  if (OPERATORS[operator].value === 'conditions') return `${matching} of ${lines} lines come${saidWith(asked, currency)}`
  const measure = measureOf(operator)
  const phrase = OPERATORS[operator][result === 'held' ? 'held' : 'failed']
  const bound = saidMeasured(measuredBound(asked), measure, currency)
  return `lines${saidWith(asked, currency)} come to ${saidMeasured(measured, measure, currency)}, ${phrase} ${bound}`
}

function withCurrency(value: unknown, currency: string): unknown {
  if (typeof value === 'number') return { amount: value, currency }
  if (Array.isArray(value)) return value.map((each) => withCurrency(each, currency))
  if (value === null || typeof value !== 'object') return value
  const members = value as Record<string, LeafValue | Seen>
  return {
    ...members,
    ...('measured' in members && { measured: withCurrency(members.measured, currency) }),
    ...('amount' in members && { amount: withCurrency(members.amount, currency) }),
  }
}
