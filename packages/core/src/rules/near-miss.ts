import { FACTS } from './fact-catalogue.ts'
import { measuredBound } from './line-test.ts'
import { isAtLeast, type LineMeasure, measureOf } from './operators.ts'
import { type ConditionTrace, isGroupTrace, type LeafTrace, type LinesSeen, leafOf } from './trace.ts'
import { saidAmount, saidWith } from './wording.ts'

/** What a buyer would have to put into the cart for one condition to hold. */
export interface NearMiss {
  /** In minor units, items or lines, as `measure` says. */
  short: number
  measure: LineMeasure
  /** "3.10 EUR more", "2 more items with (tags include shoes)". */
  words: string
}

const MEASURES: Partial<Record<LeafTrace['fact'], LineMeasure>> = { 'cart.quantity': 'quantity', 'cart.line_count': 'count' }

/**
 * What has to be added to the cart for conditions that failed to hold: all of it, or of several ways the one with the fewest
 * parts. Undefined when they hold, or when something stands in the way that no purchase changes.
 */
export function nearMisses(trace: ConditionTrace, currency: string): NearMiss[] | undefined {
  return trace.result === 'held' ? undefined : missing(trace, currency)
}

/** "3.10 EUR more and 2 more items with (…)". */
export function nearMissWords(misses: readonly NearMiss[]): string {
  return misses.map((miss) => miss.words).join(' and ')
}

function missing(trace: ConditionTrace, currency: string): NearMiss[] | undefined {
  if (!isGroupTrace(trace)) return missingOfLeaf(trace, currency)
  if (trace.group === 'not') return undefined
  const parts = trace.of.filter((each) => each.result !== 'held').map((each) => missing(each, currency))
  if (trace.group === 'all') return parts.includes(undefined) ? undefined : (parts.flat() as NearMiss[])
  return parts.filter((part) => part !== undefined).sort((a, b) => a.length - b.length)[0]
}

function missingOfLeaf(leaf: LeafTrace, currency: string): NearMiss[] | undefined {
  const { actual, expected, fact, operator } = leaf
  if (fact === 'lines') return missingOfLines(leaf, currency)
  if (!FACTS[fact].grows || typeof actual !== 'number' || typeof expected !== 'number') return undefined
  if (operator !== 'greaterThan' && operator !== 'greaterThanInclusive') return undefined
  return [nearMiss(expected - actual + (operator === 'greaterThan' ? 1 : 0), MEASURES[fact] ?? 'amount', () => '', currency)]
}

function missingOfLines(leaf: LeafTrace, currency: string): NearMiss[] | undefined {
  const { actual, operator } = leaf
  if (actual === null) return undefined
  const asked = leafOf(leaf)
  const which = () => saidWith(asked, currency)
  if (operator === 'any_line') return [nearMiss(1, 'quantity', which, currency)]
  if (!isAtLeast(operator)) return undefined
  return [nearMiss(measuredBound(asked) - (actual as LinesSeen).measured, measureOf(operator), which, currency)]
}

/** Words are made when they are read: of many near misses few are said. */
function nearMiss(short: number, measure: LineMeasure, which: () => string, currency: string): NearMiss {
  return {
    short,
    measure,
    get words() {
      if (measure === 'amount') return `${saidAmount(short, currency)} more${which()}`
      const noun = measure === 'quantity' ? 'item' : 'line'
      return `${short} more ${noun}${short === 1 ? '' : 's'}${which()}`
    },
  }
}
