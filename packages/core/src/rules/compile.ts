import type { ConditionNode, Conditions, Leaf } from './conditions.ts'
import { conditionCost } from './cost.ts'
import { formatRuleDecimal } from './decimal.ts'
import type { FactType } from './fact-catalogue.ts'
import { dayText, type Row, RowLayout } from './fact-row.ts'
import type { CartFacts, FactName, LineFacts } from './fact-values.ts'
import { leafTest, type Test } from './leaf-test.ts'
import { lineTest } from './line-test.ts'
import { isLineLeaf } from './operators.ts'
import type { ConditionTrace, Seen } from './trace.ts'

export interface CompiledConditions<Facts> {
  /** Stops at the first condition that decides, cheap ones first. */
  holds(facts: Facts): boolean
  /** Evaluates every condition, in the order in which they were written. */
  trace(facts: Facts): ConditionTrace
  /** The facts that are read, each once per call. */
  needs: FactName[]
  /** See cost.ts. */
  cost: number
}

/** A closure pair for one part of the conditions: an answer, and an answer that says why. */
export interface CompiledNode {
  test: Test
  trace(row: Row): ConditionTrace
  cost: number
}

/**
 * Turns conditions that `validateConditions` has passed into closures. A condition on a missing fact fails, whatever its
 * operator (but `isSet: false`), and its trace says `missing`; groups combine what held and what failed, so that `not`
 * around a condition on a missing fact holds: "not from Austria" is true before a country is known.
 */
export function compileConditions(conditions: Conditions, scope: 'cart'): CompiledConditions<CartFacts>
export function compileConditions(conditions: Conditions, scope: 'line'): CompiledConditions<LineFacts>
export function compileConditions(conditions: Conditions, scope: 'cart' | 'line'): CompiledConditions<CartFacts | LineFacts> {
  const layout = new RowLayout(scope)
  const { test, trace, cost } = compileNode(conditions, layout)
  return { holds: (facts) => test(layout.read(facts)), trace: (facts) => trace(layout.read(facts)), needs: layout.needs(), cost }
}

export function compileNode(node: ConditionNode, layout: RowLayout): CompiledNode {
  if ('all' in node) return compileGroup('all', node.all, layout)
  if ('any' in node) return compileGroup('any', node.any, layout)
  if ('not' in node) return compileNot(node.not, layout)
  return isLineLeaf(node) ? compileLineLeaf(node, layout) : compileLeaf(node, layout)
}

function compileGroup(group: 'all' | 'any', nodes: readonly ConditionNode[], layout: RowLayout): CompiledNode {
  const parts = nodes.map((node) => compileNode(node, layout))
  const tests = parts.toSorted((a, b) => a.cost - b.cost).map((part) => part.test)
  const traces = parts.map((part) => part.trace)
  // What decides: one that failed decides `all`, one that held decides `any`.
  const deciding = group === 'any'
  return {
    test: deciding ? anyOf(tests) : allOf(tests),
    trace: (row) => {
      const of: ConditionTrace[] = new Array(traces.length)
      let held = !deciding
      for (let index = 0; index < traces.length; index++) {
        const trace = traces[index]!(row)
        of[index] = trace
        if ((trace.result === 'held') === deciding) held = deciding
      }
      return { group, result: held ? 'held' : 'failed', of }
    },
    cost: parts.reduce((total, part) => total + part.cost, 0),
  }
}

function allOf(tests: readonly Test[]): Test {
  const [first, second, third] = tests as [Test, Test, Test]
  if (tests.length === 1) return first
  if (tests.length === 2) return (row) => first(row) && second(row)
  if (tests.length === 3) return (row) => first(row) && second(row) && third(row)
  return (row) => {
    for (let index = 0; index < tests.length; index++) if (!tests[index]!(row)) return false
    return true
  }
}

function anyOf(tests: readonly Test[]): Test {
  const [first, second, third] = tests as [Test, Test, Test]
  if (tests.length === 1) return first
  if (tests.length === 2) return (row) => first(row) || second(row)
  if (tests.length === 3) return (row) => first(row) || second(row) || third(row)
  return (row) => {
    for (let index = 0; index < tests.length; index++) if (tests[index]!(row)) return true
    return false
  }
}

function compileNot(node: ConditionNode, layout: RowLayout): CompiledNode {
  const { test, trace, cost } = compileNode(node, layout)
  return {
    test: (row) => !test(row),
    trace: (row) => {
      const inner = trace(row)
      return { group: 'not', result: inner.result === 'held' ? 'failed' : 'held', of: [inner] }
    },
    cost,
  }
}

function compileLeaf(leaf: Leaf, layout: RowLayout): CompiledNode {
  const { fact, operator, value: expected } = leaf
  const test = leafTest(leaf, layout)
  const { position, type } = layout.slotOf(fact)
  const failed = operator === 'isSet' ? 'failed' : 'missing'
  const shown = SHOWN[type]
  return {
    test,
    trace: (row) => {
      const value = row[position]
      if (value === undefined) return { fact, operator, expected, actual: null, result: test(row) ? 'held' : failed }
      const actual = shown === undefined ? (value as Seen) : shown(value as number)
      return { fact, operator, expected, actual, result: test(row) ? 'held' : 'failed' }
    },
    cost: conditionCost(leaf),
  }
}

function compileLineLeaf(leaf: Leaf, layout: RowLayout): CompiledNode {
  const { fact, operator, value: expected } = leaf
  const { test, see, holds } = lineTest(leaf, layout, (where, lines) => compileNode(where, lines).test)
  return {
    test,
    trace: (row) => {
      const actual = see(row)
      return { fact, operator, expected, actual, result: actual === null ? 'missing' : holds(actual) ? 'held' : 'failed' }
    },
    cost: conditionCost(leaf),
  }
}

/** How a trace shows values that a row holds in another form. */
const SHOWN: Partial<Record<FactType, (value: number) => Seen>> = {
  decimal: formatRuleDecimal,
  date: dayText,
  time: (value) => new Date(value).toISOString(),
}
