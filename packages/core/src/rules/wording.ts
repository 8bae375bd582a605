import { currencyDigits, formatDecimal } from '../money.ts'
import type { ConditionNode, Leaf, Scalar } from './conditions.ts'
import { FACTS, type Fact } from './fact-catalogue.ts'
import { measuredBound, whereOf } from './line-test.ts'
import { isLineLeaf, type LineMeasure, measureOf, OPERATORS } from './operators.ts'

const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
/** Units that are said after the number; the others are in the fact's label. */
const UNITS_SAID: Record<string, string> = { grams: ' g', days: ' days', percent: ' %' }
const LISTED_MAX = 5
const CHARACTERS_MAX = 60

/** What conditions ask for: "subtotal is at least 50.00 EUR and country is one of DE or AT". Amounts in the currency's minor units. */
export function describeConditions(node: ConditionNode, currency: string): string {
  if ('all' in node) return joined(node.all, ' and ', currency)
  if ('any' in node) return joined(node.any, ' or ', currency)
  if ('not' in node) return `not (${describeConditions(node.not, currency)})`
  return isLineLeaf(node) ? describeLines(node, currency) : describeLeaf(node, currency)
}

function joined(nodes: readonly ConditionNode[], word: string, currency: string): string {
  return nodes
    .map((node) =>
      'fact' in node || 'not' in node || nodes.length === 1
        ? describeConditions(node, currency)
        : `(${describeConditions(node, currency)})`,
    )
    .join(word)
}

function describeLeaf(leaf: Leaf, currency: string): string {
  const fact = FACTS[leaf.fact]
  if (leaf.operator === 'isSet') return leaf.value ? `${fact.label} is known` : `${fact.label} is not known`
  if (fact.type === 'boolean') return saidOfBoolean(fact, (leaf.operator === 'equal') === leaf.value)
  return `${fact.label} ${OPERATORS[leaf.operator].held} ${saidExpected(leaf, currency)}`
}

function describeLines(leaf: Leaf, currency: string): string {
  const { held, value } = OPERATORS[leaf.operator]
  if (value === 'conditions') return `${held} with ${saidWhere(leaf, currency)}`
  return `${held} ${saidMeasured(measuredBound(leaf), measureOf(leaf.operator), currency)} of lines${saidWith(leaf, currency)}`
}

/** " with (…)", or nothing where every line counts. */
export function saidWith(leaf: Leaf, currency: string): string {
  return whereOf(leaf) ? ` with ${saidWhere(leaf, currency)}` : ''
}

function saidWhere(leaf: Leaf, currency: string): string {
  return `(${describeConditions(whereOf(leaf)!, currency)})`
}

export function saidOfBoolean(fact: Fact, value: boolean): string {
  return value ? fact.label : fact.otherwise!
}

/** What a condition compares with. */
export function saidExpected(leaf: Leaf, currency: string): string {
  const say = (value: Scalar) => saidValue(leaf.fact, value, currency)
  if (!Array.isArray(leaf.value)) return leaf.operator === 'matches' ? `the pattern ${leaf.value}` : say(leaf.value as Scalar)
  if (leaf.operator === 'between') return `${say(leaf.value[0]!)} and ${say(leaf.value[1]!)}`
  return saidList(leaf.value.map(say), leaf.operator === 'containsAll' ? 'and' : 'or')
}

/** A value of a fact as people write it: 5000 of an amount in EUR is "50.00 EUR", 1 of the weekday "Monday". */
export function saidValue(name: Leaf['fact'], value: Scalar, currency: string): string {
  const { type, unit } = FACTS[name]
  if (type === 'amount') return saidAmount(value as number, currency)
  if (name === 'time.weekday') return WEEKDAYS[(value as number) - 1] ?? String(value)
  if (name === 'time.minute_of_day') return saidTimeOfDay(value as number)
  const text = String(value)
  return `${text.length > CHARACTERS_MAX ? `${text.slice(0, CHARACTERS_MAX)}…` : text}${UNITS_SAID[unit ?? ''] ?? ''}`
}

export function saidAmount(minorUnits: number, currency: string): string {
  return `${formatDecimal(BigInt(minorUnits), currencyDigits(currency))} ${currency}`
}

function saidTimeOfDay(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

/** The first few; how many more there are. */
export function saidList(texts: readonly string[], word: 'and' | 'or'): string {
  if (texts.length === 0) return 'none'
  const shown = texts.slice(0, LISTED_MAX)
  const rest = texts.length - shown.length
  if (rest > 0) return `${shown.join(', ')} and ${rest} more`
  const last = shown.pop()!
  return shown.length === 0 ? last : `${shown.join(', ')} ${word} ${last}`
}

export function saidMeasured(measured: number, measure: LineMeasure, currency: string): string {
  if (measure === 'amount') return saidAmount(measured, currency)
  const noun = measure === 'quantity' ? 'item' : 'line'
  return `${measured} ${noun}${measured === 1 ? '' : 's'}`
}
