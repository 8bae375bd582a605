import type { Leaf, LeafValue, Operator } from './conditions.ts'
import type { FactName } from './fact-values.ts'

/** What a condition saw: amounts in minor units, decimals and times as text, for lines what was counted. */
export type Seen = boolean | number | string | readonly string[] | LinesSeen | null

export interface LinesSeen {
  /** What was measured of the lines that fulfil the inner conditions: their number, units or minor units. */
  measured: number
  /** How many lines fulfil them, and how many there are. */
  matching: number
  lines: number
}

/** `missing`: the fact had no value, so the condition fails whatever it asks. */
export interface LeafTrace {
  fact: FactName
  operator: Operator
  expected: LeafValue
  actual: Seen
  result: 'held' | 'failed' | 'missing'
}

export interface GroupTrace {
  group: 'all' | 'any' | 'not'
  result: 'held' | 'failed'
  of: ConditionTrace[]
}

/** How conditions came out, in the order and shape in which they were written. Plain JSON. */
export type ConditionTrace = LeafTrace | GroupTrace

export function isGroupTrace(trace: ConditionTrace): trace is GroupTrace {
  return 'group' in trace
}

/** The condition that a trace is of. */
export function leafOf({ fact, operator, expected }: LeafTrace): Leaf {
  return { fact, operator, value: expected }
}
