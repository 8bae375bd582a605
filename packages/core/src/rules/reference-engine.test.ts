import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { Engine, type EngineOptions } from 'json-rules-engine'
import { afterEach, describe, expect, it } from 'vitest'
import { Refusal } from '../refusal.ts'
import { arbitraryCart, arbitraryConditions, arbitraryLine } from '../testing/rules/arbitrary-conditions.ts'
import { compileConditions } from './compile.ts'
import type { ConditionNode, Conditions, Leaf } from './conditions.ts'
import type { CartFacts } from './fact-values.ts'
import { OPERATORS } from './operators.ts'
import { checkAgainstReference, ReferenceEngine, refusePath } from './reference-engine.ts'
import { compileAll } from './rule-set.ts'
import { validateConditions } from './validate.ts'

const RULES = 10_000
const RULES_A_RUN = 20
const CARTS_A_RUN = 3

describe('json-rules-engine and the closures', () => {
  it(`fire the same of ${RULES} random rules, looked up together, one by one, and traced`, async () => {
    const seen = { held: 0, failed: 0, operators: new Set<string>() }
    const arbitraryRules = fc.array(passing('cart'), { minLength: RULES_A_RUN, maxLength: RULES_A_RUN })
    const carts = fc.array(arbitraryCart(), { minLength: CARTS_A_RUN, maxLength: CARTS_A_RUN })
    await fc.assert(
      fc.asyncProperty(arbitraryRules, carts, async (conditions, cartsDrawn) => {
        const rules = conditions.map((each, index) => ({ id: String(index), conditions: each }))
        const reference = new ReferenceEngine(rules, 'cart')
        const compiled = compileAll(rules)
        for (const facts of cartsDrawn) {
          const fired = (await reference.run(facts)).sort(byNumber)
          expect(compiled.evaluateAll(facts)).toEqual(fired)
          expect(idsOf(compiled.evaluateAllWithTrace(facts))).toEqual(fired)
          expect(rules.filter((rule) => compileConditions(rule.conditions, 'cart').holds(facts)).map((rule) => rule.id)).toEqual(fired)
          seen.held += fired.length
          seen.failed += rules.length - fired.length
        }
        for (const rule of rules) for (const leaf of leavesOf(rule.conditions)) seen.operators.add(leaf.operator)
      }),
      { numRuns: RULES / RULES_A_RUN },
    )
    // Rules that never or always hold would prove nothing.
    expect(Math.min(seen.held, seen.failed)).toBeGreaterThan(RULES)
    expect([...seen.operators].sort()).toEqual(Object.keys(OPERATORS).sort())
  })

  it('agree about conditions on a line', async () => {
    await fc.assert(
      fc.asyncProperty(passing('line'), arbitraryLine(), async (conditions, facts) => {
        const fired = await new ReferenceEngine([{ id: 'rule', conditions }], 'line').run(facts)
        expect(compileConditions(conditions, 'line').holds(facts)).toBe(fired.length === 1)
      }),
      { numRuns: 1_000 },
    )
  })

  it('are held against each other around the values of conditions that are saved', async () => {
    await fc.assert(
      fc.asyncProperty(passing('cart'), async (conditions) => {
        await checkAgainstReference(conditions, { scope: 'cart', pointer: '/conditions' })
      }),
      { numRuns: 50 },
    )
  })

  it('refuse conditions that they would read differently', async () => {
    // Validation refuses this one: a text where a number belongs, which the engine's own comparison takes.
    const conditions = { all: [{ fact: 'cart.quantity', operator: 'greaterThan', value: true }] } as unknown as Conditions
    const samples = [{ 'cart.quantity': '2' } as unknown as CartFacts]
    await expect(checkAgainstReference(conditions, { scope: 'cart', pointer: '/conditions', samples })).rejects.toMatchObject({
      code: 'rule_invalid',
      details: { errors: [{ pointer: '/conditions', code: 'engine_disagrees' }] },
    })
  })
})

describe('paths into facts', () => {
  // Of the kind that jsonpath-plus 10 ran on the host (CVE-2024-21534, CVE-2025-1302 and what followed them).
  const PROBES = [
    '$..[?(globalThis.pwned = (@.constructor.constructor("return process")().pid))]',
    `$..[?(p="globalThis.pwned=1";a=''[['constructor']][['constructor']](p);a())]`,
    "$[(([].find.constructor('globalThis.pwned = 1'))())]",
    "$..[?(' '.sub.constructor.constructor('globalThis.pwned = 1')())]",
  ]
  const leafWith = (path: string) => ({ fact: 'lines', operator: 'equal', value: null, path })

  afterEach(() => void Reflect.deleteProperty(globalThis, 'pwned'))

  it('have no evaluator of JSONPath before version 11 behind them', () => {
    const require = createRequire(createRequire(import.meta.url).resolve('json-rules-engine'))
    const { version } = JSON.parse(readFileSync(require.resolve('jsonpath-plus/package.json'), 'utf8'))
    expect(Number(version.split('.')[0])).toBeGreaterThanOrEqual(11)
  })

  it('are refused by name when conditions are saved', () => {
    const refused = () => validateConditions({ all: [leafWith(PROBES[0]!)] }, { scope: 'cart', pointer: '/conditions' })
    expect(refused).toThrow(Refusal)
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'rule_invalid',
        details: expect.objectContaining({
          errors: expect.arrayContaining([expect.objectContaining({ pointer: '/conditions/all/0/path', code: 'refused_field' })]),
        }),
      }),
    )
  })

  it.each(PROBES)('do nothing even when a rule is handed to the engine with %s', async (path) => {
    const run = (options: EngineOptions) =>
      new Engine([{ conditions: { all: [leafWith(path)] }, event: { type: 'fired' } }], options).run({ lines: [{ sku: 'x' }] })
    await expect(run({ pathResolver: refusePath })).rejects.toThrow('rules have no paths')
    // The engine's own resolver, which we never use: with jsonpath-plus 11 it throws.
    await expect(run({})).rejects.toThrow()
    const conditions = { all: [{ fact: 'cart.tags', operator: 'contains', value: 'x', path }] } as unknown as Conditions
    const ours = new ReferenceEngine([{ id: 'rule', conditions }], 'cart')
    await expect(ours.run({ 'cart.tags': ['x'] } as unknown as CartFacts)).rejects.toThrow('rules have no paths')
    expect('pwned' in globalThis).toBe(false)
  })
})

/** Random conditions that may be saved. */
function passing(scope: 'cart' | 'line'): fc.Arbitrary<Conditions> {
  return arbitraryConditions(scope)
    .map((json) => {
      try {
        return validateConditions(json, { scope, pointer: '' })
      } catch (error) {
        if (error instanceof Refusal) return undefined
        throw error
      }
    })
    .filter((conditions) => conditions !== undefined)
}

function leavesOf(node: ConditionNode): Leaf[] {
  if ('all' in node) return node.all.flatMap(leavesOf)
  if ('any' in node) return node.any.flatMap(leavesOf)
  return 'not' in node ? leavesOf(node.not) : [node]
}

function idsOf(outcomes: readonly { id: string; held: boolean }[]): string[] {
  return outcomes.filter((outcome) => outcome.held).map((outcome) => outcome.id)
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b)
}
