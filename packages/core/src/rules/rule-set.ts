import { type CompiledNode, compileNode } from './compile.ts'
import type { Conditions } from './conditions.ts'
import { type Row, RowLayout, type Slot } from './fact-row.ts'
import type { CartFacts, FactName } from './fact-values.ts'
import { requiredKey } from './required-key.ts'
import type { ConditionTrace } from './trace.ts'

export interface Rule {
  id: string
  /** Null always holds. */
  conditions: Conditions | null
}

export interface RuleOutcome {
  id: string
  held: boolean
  /** Null for a rule without conditions. */
  trace: ConditionTrace | null
}

export interface CompiledRules {
  /** The ids of the rules that hold, in the order of the rules. Looks only at rules whose index key the cart has. */
  evaluateAll(facts: CartFacts): string[]
  /** Every rule with every condition, in the order of the rules. */
  evaluateAllWithTrace(facts: CartFacts): RuleOutcome[]
  /** The facts that are read, each once per call. */
  needs: FactName[]
  cost: number
}

/** Rules that can only hold when a fact is, or contains, one value; by that value. */
interface FactIndex {
  slot: Slot
  rules: Map<string, number[]>
}

/**
 * Compiles rules over the cart together: facts are read once per cart, and rules that ask for a certain country, channel,
 * currency, coupon code, customer or group are looked up by it instead of being tried.
 */
export function compileAll(rules: readonly Rule[]): CompiledRules {
  const layout = new RowLayout('cart')
  const compiled = rules.map(({ conditions }) => (conditions ? compileNode(conditions, layout) : undefined))
  const { unindexed, indexes } = buildIndexes(rules, layout)
  const ids = rules.map((rule) => rule.id)
  return {
    evaluateAll: (facts) => {
      const row = layout.read(facts)
      const worthTrying = indexes.length === 0 ? unindexed : addIndexed(row, unindexed.slice(), indexes)
      const held: string[] = []
      for (let rule = 0; rule < compiled.length; rule++) {
        if (worthTrying[rule] === 0) continue
        const node = compiled[rule]
        if (node === undefined || node.test(row)) held.push(ids[rule]!)
      }
      return held
    },
    evaluateAllWithTrace: (facts) => {
      const row = layout.read(facts)
      return compiled.map((node, rule) => outcome(ids[rule]!, node, row))
    },
    needs: layout.needs(),
    cost: compiled.reduce((total, node) => total + (node?.cost ?? 0), 0),
  }
}

function outcome(id: string, node: CompiledNode | undefined, row: Row): RuleOutcome {
  if (!node) return { id, held: true, trace: null }
  const trace = node.trace(row)
  return { id, held: trace.result === 'held', trace }
}

/** `unindexed` has a 1 for each rule that no value can be looked up for. */
function buildIndexes(rules: readonly Rule[], layout: RowLayout): { unindexed: Uint8Array; indexes: FactIndex[] } {
  const unindexed = new Uint8Array(rules.length)
  const byFact = new Map<FactName, FactIndex>()
  for (const [rule, { conditions }] of rules.entries()) {
    const key = conditions ? requiredKey(conditions) : undefined
    if (!key) {
      unindexed[rule] = 1
      continue
    }
    const index = byFact.get(key.fact) ?? { slot: layout.slotOf(key.fact), rules: new Map() }
    byFact.set(key.fact, index)
    for (const value of key.values) {
      const found = index.rules.get(value)
      if (found) found.push(rule)
      else index.rules.set(value, [rule])
    }
  }
  return { unindexed, indexes: [...byFact.values()] }
}

/** Marks the rules that the values of the row lead to. */
function addIndexed(row: Row, marks: Uint8Array, indexes: readonly FactIndex[]): Uint8Array {
  for (const { slot, rules } of indexes) {
    const value = row[slot.position] as string | readonly string[] | undefined
    if (value === undefined) continue
    if (typeof value === 'string') mark(marks, rules.get(value))
    else for (let index = 0; index < value.length; index++) mark(marks, rules.get(value[index]!))
  }
  return marks
}

function mark(marks: Uint8Array, rules: readonly number[] | undefined): void {
  if (rules) for (let index = 0; index < rules.length; index++) marks[rules[index]!] = 1
}
