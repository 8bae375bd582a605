import { Engine, Fact, Operator } from 'json-rules-engine'
import { Refusal } from '../refusal.ts'
import { compileConditions } from './compile.ts'
import type { ConditionNode, Conditions, Leaf, LeafValue, Scalar } from './conditions.ts'
import { FACTS, type FactType, type RuleScope } from './fact-catalogue.ts'
import type { CartFacts, FactName, LineFacts } from './fact-values.ts'
import { measuredBound, whereOf } from './line-test.ts'
import { isLineLeaf } from './operators.ts'
import { compilePattern } from './pattern.ts'
import type { Rule } from './rule-set.ts'
import { sampleCarts, sampleLines } from './sample-facts.ts'

// The one file that knows json-rules-engine: docs/decisions/0007-rules-are-closures.md. It shares no operator with the
// closures, so that the two can be held against each other.

type EngineValue = Scalar | readonly string[] | LinesCounted | undefined

interface LinesCounted {
  lines: number
  matching: number
  quantity: number
  amount: number
}

/**
 * json-rules-engine as its authors wrote it, with our operators, a resolver that refuses every path, and missing facts
 * allowed. Line conditions are run by engines of their own, one line at a time. About 300 times slower than the closures.
 */
export class ReferenceEngine {
  private readonly engine: Engine
  private readonly scope: RuleScope
  private readonly wheres: ReferenceEngine[] = []

  constructor(rules: readonly Rule[], scope: RuleScope) {
    this.scope = scope
    this.engine = new Engine([], { allowUndefinedFacts: true, pathResolver: refusePath })
    for (const operator of operators()) this.engine.addOperator(operator)
    for (const { id, conditions } of rules) {
      // The engine calls an empty `all` true: this is how it says "no conditions".
      const top = conditions ? this.translate(conditions) : { all: [] }
      this.engine.addRule({ name: id, conditions: top as never, event: { type: id } })
    }
  }

  /** The ids of the rules that the engine fires, in no order. */
  async run(facts: CartFacts | LineFacts): Promise<string[]> {
    const given: Record<string, unknown> = {}
    for (const name of Object.keys(FACTS) as FactName[]) {
      if (FACTS[name].scope !== this.scope) continue
      const value = (facts as unknown as Record<string, unknown>)[name]
      if (value === undefined || value === null) continue
      given[name] = name === 'lines' ? this.linesFact(value as readonly LineFacts[]) : engineValue(value, FACTS[name].type)
    }
    const { results } = await this.engine.run(given)
    return results.map((result) => result.name)
  }

  private translate(node: ConditionNode): unknown {
    if ('all' in node) return { all: node.all.map((each) => this.translate(each)) }
    if ('any' in node) return { any: node.any.map((each) => this.translate(each)) }
    if ('not' in node) return { not: this.translate(node.not) }
    return isLineLeaf(node) ? this.translateLines(node) : { ...node, value: engineExpected(node) }
  }

  /** The engine passes `params` to the fact `lines`: which line engine decides. Merchants cannot write them. */
  private translateLines(leaf: Leaf): unknown {
    const where = whereOf(leaf)
    this.wheres.push(new ReferenceEngine([{ id: 'line', conditions: where }], 'line'))
    return { fact: leaf.fact, operator: leaf.operator, params: { where: this.wheres.length - 1 }, value: measuredBound(leaf) ?? null }
  }

  private linesFact(lines: readonly LineFacts[]): Fact<Promise<LinesCounted>> {
    return new Fact<Promise<LinesCounted>>(
      'lines',
      async (params) => {
        const counted: LinesCounted = { lines: lines.length, matching: 0, quantity: 0, amount: 0 }
        for (const line of lines) {
          const fired = await this.wheres[params.where as number]!.run(line)
          if (fired.length === 0) continue
          counted.matching += 1
          counted.quantity += line['line.quantity']
          counted.amount += Number(line['line.subtotal'])
        }
        return counted
      },
      { cache: false },
    )
  }
}

/**
 * Holds the closures of conditions against the engine, on the facts given or on ones made around the values that the
 * conditions name. Refuses `rule_invalid` when they disagree: a rule that two readings of the format take differently is not
 * one to price with. Takes some milliseconds.
 */
export async function checkAgainstReference(
  conditions: Conditions,
  { scope, pointer, samples }: { scope: RuleScope; pointer: string; samples?: readonly (CartFacts | LineFacts)[] },
): Promise<void> {
  const reference = new ReferenceEngine([{ id: 'rule', conditions }], scope)
  const compiled = compileConditions(conditions, scope as never) as { holds(facts: CartFacts | LineFacts): boolean }
  for (const facts of samples ?? (scope === 'cart' ? sampleCarts(conditions) : sampleLines(conditions))) {
    const fired = await reference.run(facts)
    if (fired.length > 0 === compiled.holds(facts)) continue
    const detail = 'The conditions mean one thing to the reference engine and another to us.'
    throw new Refusal('rule_invalid', { detail, errors: [{ pointer, code: 'engine_disagrees', detail }] })
  }
}

/** What stands here by default runs code that a rule carries. */
export function refusePath(_value: object, path: string): never {
  throw new Error(`rules have no paths: ${path.slice(0, 40)}`)
}

function operators(): Operator[] {
  const known = (value: unknown) => value !== undefined && value !== null
  const on = <Left, Right>(name: string, holds: (left: Left, right: Right) => boolean) => new Operator<Left, Right>(name, holds, known)
  const measures = (['quantity', 'subtotal', 'count'] as const).flatMap((measure) => {
    const count = (seen: LinesCounted) => (measure === 'quantity' ? seen.quantity : measure === 'subtotal' ? seen.amount : seen.matching)
    return [
      on<LinesCounted, number>(`lines_${measure}_at_least`, (seen, bound) => count(seen) >= bound),
      on<LinesCounted, number>(`lines_${measure}_at_most`, (seen, bound) => count(seen) <= bound),
    ]
  })
  return [
    on<Scalar, Scalar>('equal', (left, right) => left === right),
    on<Scalar, Scalar>('notEqual', (left, right) => left !== right),
    on<number, number>('lessThan', (left, right) => left < right),
    on<number, number>('lessThanInclusive', (left, right) => left <= right),
    on<number, number>('greaterThan', (left, right) => left > right),
    on<number, number>('greaterThanInclusive', (left, right) => left >= right),
    on<number, [number, number]>('between', (left, [from, to]) => left >= from && left <= to),
    on<Scalar, Scalar[]>('in', (left, right) => right.includes(left)),
    on<Scalar, Scalar[]>('notIn', (left, right) => !right.includes(left)),
    on<string[], string>('contains', (left, right) => left.includes(right)),
    on<string[], string>('doesNotContain', (left, right) => !left.includes(right)),
    on<string[], string[]>('containsAny', (left, right) => right.some((each) => left.includes(each))),
    on<string[], string[]>('containsAll', (left, right) => right.every((each) => left.includes(each))),
    on<string[], string[]>('containsNone', (left, right) => !right.some((each) => left.includes(each))),
    on<string, string>('startsWith', (left, right) => left.slice(0, right.length) === right),
    on<string, string>('endsWith', (left, right) => left.slice(-right.length) === right),
    on<string, string>('matches', (left, right) => compilePattern(right).test(left)),
    new Operator<unknown, boolean>('isSet', (left, right) => known(left) === right),
    on<LinesCounted, null>('any_line', (seen) => seen.matching >= 1),
    on<LinesCounted, null>('every_line', (seen) => seen.lines >= 1 && seen.matching === seen.lines),
    on<LinesCounted, null>('no_line', (seen) => seen.matching === 0),
    ...measures,
  ] as Operator[]
}

/** Facts and values as numbers that the engine's comparisons take: amounts, times in ms, dates in ms, decimals in 1/10,000. */
function engineValue(value: unknown, type: FactType): EngineValue {
  if (type === 'amount') return Number(value)
  if (type === 'time' || type === 'date') return Date.parse(value as string)
  return value as EngineValue
}

function engineExpected({ fact, value }: Leaf): LeafValue {
  const { type } = FACTS[fact]
  const one = (each: Scalar): Scalar => (type === 'decimal' ? Math.round(Number(each) * 10_000) : (engineValue(each, type) as Scalar))
  return typeof value === 'boolean' ? value : Array.isArray(value) ? value.map(one) : one(value as Scalar)
}
