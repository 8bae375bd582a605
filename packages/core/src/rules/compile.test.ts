import { describe, expect, it } from 'vitest'
import { cartFacts, lineFacts } from '../testing/rules/facts.ts'
import { compileConditions } from './compile.ts'
import type { ConditionNode, Conditions } from './conditions.ts'
import type { CartFacts } from './fact-values.ts'
import { compileAll } from './rule-set.ts'
import { validateConditions } from './validate.ts'

const leaf = (fact: string, operator: string, value: unknown) => ({ fact, operator, value }) as ConditionNode
const compiled = (json: unknown) => compileConditions(validateConditions(json, { scope: 'cart', pointer: '' }), 'cart')
const holds = (node: ConditionNode, facts: Partial<CartFacts>) => compiled({ all: [node] }).holds(cartFacts(facts))

describe('a condition', () => {
  it.each<[string, unknown, Partial<CartFacts>, boolean]>([
    ['equal', 5000, { 'cart.subtotal': 5000n }, true],
    ['notEqual', 5000, { 'cart.subtotal': 5000n }, false],
    ['lessThan', 5000, { 'cart.subtotal': 5000n }, false],
    ['lessThanInclusive', 5000, { 'cart.subtotal': 5000n }, true],
    ['greaterThan', 5000, { 'cart.subtotal': 5001n }, true],
    ['greaterThanInclusive', 5000, { 'cart.subtotal': 4999n }, false],
    ['between', [5000, 6000], { 'cart.subtotal': 6000n }, true],
    ['between', [5000, 6000], { 'cart.subtotal': 6001n }, false],
    ['greaterThan', 999_999_999_999, { 'cart.subtotal': 1_000_000_000_000n }, true],
  ])('on an amount: %s %o of %o is %s', (operator, value, facts, expected) => {
    expect(holds(leaf('cart.subtotal', operator, value), facts)).toBe(expected)
  })

  it.each<[string, string, unknown, Partial<CartFacts>, boolean]>([
    ['shipping_address.city', 'equal', 'Berlin', { 'shipping_address.city': 'berlin' }, false],
    ['shipping_address.city', 'matches', '(?i)^berlin$', { 'shipping_address.city': 'berlin' }, true],
    ['shipping_address.city', 'matches', 'er', { 'shipping_address.city': 'Berlin' }, true],
    ['shipping_address.postcode', 'startsWith', '10', { 'shipping_address.postcode': '10115' }, true],
    ['shipping_address.postcode', 'endsWith', '10', { 'shipping_address.postcode': '10115' }, false],
    ['shipping_address.country', 'notIn', ['US', 'CA'], { 'shipping_address.country': 'DE' }, true],
    ['time.date', 'between', ['2026-05-01', '2026-05-31'], { 'time.date': '2026-05-31' }, true],
    ['time.date', 'lessThan', '2026-05-04', { 'time.date': '2026-05-04' }, false],
    ['time.now', 'greaterThanInclusive', '2026-05-04T11:30:00+02:00', { 'time.now': '2026-05-04T09:30:00Z' }, true],
    ['time.now', 'lessThan', '2026-05-04T09:30:00Z', { 'time.now': '2026-05-04T09:29:59.999Z' }, true],
    ['customer.groups', 'containsAny', ['vip', 'staff'], { 'customer.groups': ['press', 'staff'] }, true],
    ['customer.groups', 'containsAll', ['vip', 'staff'], { 'customer.groups': ['staff'] }, false],
    ['customer.groups', 'containsAll', ['a', 'b', 'c', 'd', 'e'], { 'customer.groups': ['f', 'e', 'd', 'c', 'b', 'a'] }, true],
    ['customer.groups', 'containsNone', ['vip'], { 'customer.groups': [] }, true],
    ['customer.groups', 'doesNotContain', 'vip', { 'customer.groups': ['vip'] }, false],
  ])('on %s: %s %o of %o is %s', (fact, operator, value, facts, expected) => {
    expect(holds(leaf(fact, operator, value), facts)).toBe(expected)
  })

  it('on a decimal is exact: 0.1 and 0.2 are 0.3', () => {
    const { holds: onLine } = compileConditions({ all: [leaf('line.sale_percent', 'equal', '0.3')] }, 'line')
    expect(onLine(lineFacts({ 'line.sale_percent': 1_000 + 2_000 }))).toBe(true)
    expect(onLine(lineFacts({ 'line.sale_percent': 3_001 }))).toBe(false)
  })

  it.each([
    leaf('shipping_address.country', 'equal', 'DE'),
    leaf('shipping_address.country', 'notEqual', 'DE'),
    leaf('shipping_address.country', 'in', ['DE']),
    leaf('shipping_address.country', 'notIn', ['DE']),
    leaf('shipping_address.city', 'startsWith', 'B'),
    leaf('shipping_address.city', 'matches', '.'),
    leaf('customer.orders_count', 'lessThan', 1),
    leaf('customer.orders_count', 'notEqual', 1),
    leaf('customer.orders_count', 'notIn', [1]),
    leaf('customer.orders_count', 'between', [0, 9]),
    leaf('customer.first_order', 'equal', false),
    leaf('customer.first_order', 'notEqual', true),
    leaf('shipping.amount', 'greaterThanInclusive', 0),
  ])('on a missing fact fails and says so, whatever it asks: %j', (node) => {
    const rule = compiled({ all: [node] })
    for (const missing of [undefined, null]) {
      const facts = cartFacts({ [(node as { fact: string }).fact]: missing })
      expect(rule.holds(facts)).toBe(false)
      expect(rule.trace(facts)).toMatchObject({ result: 'failed', of: [{ result: 'missing', actual: null }] })
    }
  })

  it('on a missing fact holds under not, and for isSet', () => {
    const country = leaf('shipping_address.country', 'equal', 'DE')
    expect(compiled({ not: country }).holds(cartFacts())).toBe(true)
    expect(compiled({ not: country }).trace(cartFacts())).toMatchObject({ group: 'not', result: 'held', of: [{ result: 'missing' }] })
    expect(holds(leaf('shipping_address.country', 'isSet', false), {})).toBe(true)
    expect(holds(leaf('shipping_address.country', 'isSet', true), {})).toBe(false)
    expect(compiled({ all: [leaf('shipping_address.country', 'isSet', true)] }).trace(cartFacts())).toMatchObject({
      of: [{ result: 'failed' }],
    })
  })
})

describe('conditions on lines', () => {
  const sale = { all: [leaf('line.tags', 'contains', 'sale')] } as Conditions
  const lines = [
    lineFacts({ 'line.tags': ['sale'], 'line.quantity': 2, 'line.subtotal': 2_000n }),
    lineFacts({ 'line.quantity': 5, 'line.subtotal': 9_000n }),
    lineFacts({ 'line.tags': ['sale', 'new'], 'line.quantity': 1, 'line.subtotal': 500n }),
  ]

  it.each<[string, unknown, boolean]>([
    ['any_line', sale, true],
    ['every_line', sale, false],
    ['no_line', sale, false],
    ['lines_quantity_at_least', { where: sale, quantity: 3 }, true],
    ['lines_quantity_at_least', { where: sale, quantity: 4 }, false],
    ['lines_quantity_at_most', { where: sale, quantity: 3 }, true],
    ['lines_quantity_at_most', { where: sale, quantity: 2 }, false],
    ['lines_subtotal_at_least', { where: sale, amount: 2_500 }, true],
    ['lines_subtotal_at_most', { where: sale, amount: 2_499 }, false],
    ['lines_count_at_least', { where: null, count: 3 }, true],
    ['lines_count_at_most', { where: null, count: 2 }, false],
  ])('%s %j is %s', (operator, value, expected) => {
    const rule = compiled({ all: [leaf('lines', operator, value)] })
    expect(rule.holds(cartFacts({ lines }))).toBe(expected)
    expect(rule.trace(cartFacts({ lines })).result).toBe(expected ? 'held' : 'failed')
  })

  it('of a cart without lines: no line fulfils them, and not every line does', () => {
    for (const [operator, expected] of [
      ['any_line', false],
      ['every_line', false],
      ['no_line', true],
    ] as const)
      expect(compiled({ all: [leaf('lines', operator, sale)] }).holds(cartFacts())).toBe(expected)
  })

  it('say how many lines there are, how many fulfil them and what those come to', () => {
    const trace = compiled({ all: [leaf('lines', 'lines_subtotal_at_least', { where: sale, amount: 5_000 })] }).trace(cartFacts({ lines }))
    expect(trace).toMatchObject({ of: [{ actual: { measured: 2_500, matching: 2, lines: 3 }, result: 'failed' }] })
  })
})

describe('a trace', () => {
  it('has every condition in the order and shape in which it was written, with what was seen and expected', () => {
    const conditions = {
      any: [
        leaf('shipping_address.city', 'matches', 'x'),
        { all: [leaf('time.now', 'lessThan', '2026-01-01T00:00:00.000Z'), leaf('time.date', 'equal', '2026-05-04')] },
        { not: leaf('cart.subtotal', 'lessThan', 10) },
      ],
    }
    const trace = compiled(conditions).trace(cartFacts({ 'cart.subtotal': 9n }))
    expect(trace).toEqual({
      group: 'any',
      result: 'failed',
      of: [
        { fact: 'shipping_address.city', operator: 'matches', expected: 'x', actual: null, result: 'missing' },
        {
          group: 'all',
          result: 'failed',
          of: [
            {
              fact: 'time.now',
              operator: 'lessThan',
              expected: '2026-01-01T00:00:00.000Z',
              actual: '2026-05-04T09:30:00.000Z',
              result: 'failed',
            },
            { fact: 'time.date', operator: 'equal', expected: '2026-05-04', actual: '2026-05-04', result: 'held' },
          ],
        },
        { group: 'not', result: 'failed', of: [{ fact: 'cart.subtotal', operator: 'lessThan', expected: 10, actual: 9, result: 'held' }] },
      ],
    })
    expect(JSON.parse(JSON.stringify(trace))).toEqual(trace)
  })
})

describe('rules together', () => {
  it('read each fact that one of them needs once a cart, and no other', () => {
    const rules = compileAll([
      { id: 'a', conditions: { all: [leaf('cart.subtotal', 'greaterThan', 1), leaf('cart.subtotal', 'lessThan', 9)] } },
      { id: 'b', conditions: { any: [leaf('cart.subtotal', 'equal', 3), leaf('channel', 'equal', 'web')] } },
      {
        id: 'c',
        conditions: { all: [leaf('lines', 'any_line', { all: [leaf('line.sku', 'equal', 'x'), leaf('line.sku', 'startsWith', 'x')] })] },
      },
    ])
    const reads: string[] = []
    const watched = <Facts extends object>(facts: Facts): Facts =>
      new Proxy(facts, {
        get(target, name) {
          reads.push(String(name))
          return Reflect.get(target, name)
        },
      })
    const line = watched(lineFacts({ 'line.sku': 'x' }))
    expect(rules.evaluateAll(watched(cartFacts({ 'cart.subtotal': 3n, lines: [line] })))).toEqual(['a', 'b', 'c'])
    expect(reads.sort()).toEqual(['cart.subtotal', 'channel', 'line.sku', 'lines'])
    expect([...rules.needs].sort()).toEqual(['cart.subtotal', 'channel', 'line.sku', 'lines'])
    expect(compileConditions({ all: [leaf('channel', 'equal', 'web')] }, 'cart').needs).toEqual(['channel'])
  })

  it('come out in their order, whether they are looked up or tried', () => {
    const rules = compileAll([
      { id: 'code', conditions: { all: [leaf('coupon.codes', 'contains', 'B')] } },
      { id: 'always', conditions: null },
      { id: 'either', conditions: { any: [leaf('coupon.codes', 'contains', 'A'), leaf('coupon.codes', 'containsAny', ['B', 'C'])] } },
      { id: 'not', conditions: { not: leaf('coupon.codes', 'contains', 'B') } },
      {
        id: 'country',
        conditions: { all: [leaf('shipping_address.country', 'in', ['DE', 'AT']), leaf('coupon.codes', 'containsAll', ['A', 'B'])] },
      },
      { id: 'mixed', conditions: { any: [leaf('coupon.codes', 'contains', 'A'), leaf('channel', 'equal', 'web')] } },
    ])
    const fired = (codes: string[], country?: string) =>
      rules.evaluateAll(cartFacts({ 'coupon.codes': codes, 'shipping_address.country': country }))
    expect(fired([])).toEqual(['always', 'not', 'mixed'])
    expect(fired(['B'])).toEqual(['code', 'always', 'either', 'mixed'])
    expect(fired(['A', 'B'], 'AT')).toEqual(['code', 'always', 'either', 'country', 'mixed'])
    const outcomes = rules.evaluateAllWithTrace(cartFacts())
    expect(outcomes.map(({ id, held }) => [id, held])).toEqual([
      ['code', false],
      ['always', true],
      ['either', false],
      ['not', true],
      ['country', false],
      ['mixed', true],
    ])
    expect(outcomes[1]!.trace).toBeNull()
  })

  it('that ask for a code the cart has not are not looked at', () => {
    let tried = 0
    const counting = {
      startsWith: () => {
        tried++
        return false
      },
    }
    const behind = (code: string): Conditions => ({
      all: [leaf('coupon.codes', 'contains', code), leaf('shipping_address.city', 'startsWith', 'B')],
    })
    const rules = compileAll(Array.from({ length: 100 }, (_, index) => ({ id: String(index), conditions: behind(`C${index}`) })))
    rules.evaluateAll(cartFacts({ 'coupon.codes': ['C7'], 'shipping_address.city': counting as never }))
    expect(tried).toBe(1)
  })
})
