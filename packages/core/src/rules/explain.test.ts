import { describe, expect, it } from 'vitest'
import { cartFacts, lineFacts } from '../testing/rules/facts.ts'
import { compileConditions } from './compile.ts'
import type { ConditionNode, Conditions } from './conditions.ts'
import { explainInFull, explainTrace } from './explain.ts'
import type { CartFacts } from './fact-values.ts'
import { nearMisses, nearMissWords } from './near-miss.ts'
import { validateConditions } from './validate.ts'
import { describeConditions } from './wording.ts'

const leaf = (fact: string, operator: string, value: unknown) => ({ fact, operator, value }) as ConditionNode
const valid = (json: unknown): Conditions => validateConditions(json, { scope: 'cart', pointer: '' })
const traceOf = (json: unknown, facts: Partial<CartFacts>) => compileConditions(valid(json), 'cart').trace(cartFacts(facts))
const wordsOf = (node: ConditionNode, facts: Partial<CartFacts>, currency = 'EUR') =>
  explainTrace(traceOf({ all: [node] }, facts), currency)

const sale = { all: [leaf('line.tags', 'contains', 'sale')] }
const lines = [lineFacts({ 'line.tags': ['sale'], 'line.quantity': 2, 'line.subtotal': 2_000n }), lineFacts()]

describe('a trace in words', () => {
  it.each<[ConditionNode, Partial<CartFacts>, string]>([
    [leaf('cart.subtotal', 'greaterThanInclusive', 5000), { 'cart.subtotal': 6240n }, 'subtotal 62.40 EUR is at least 50.00 EUR'],
    [leaf('cart.subtotal', 'greaterThanInclusive', 5000), { 'cart.subtotal': 4690n }, 'subtotal 46.90 EUR is less than 50.00 EUR'],
    [leaf('cart.subtotal', 'between', [100, 5000]), { 'cart.subtotal': 5n }, 'subtotal 0.05 EUR is not between 1.00 EUR and 50.00 EUR'],
    [leaf('currency', 'equal', 'EUR'), {}, 'currency is EUR'],
    [leaf('currency', 'equal', 'USD'), {}, 'currency is EUR, not USD'],
    [leaf('currency', 'notEqual', 'USD'), {}, 'currency is EUR, not USD'],
    [leaf('currency', 'notEqual', 'EUR'), {}, 'currency is EUR'],
    [
      leaf('shipping_address.country', 'in', ['DE', 'AT', 'CH']),
      { 'shipping_address.country': 'FR' },
      'country FR is not one of DE, AT or CH',
    ],
    [leaf('shipping_address.country', 'in', ['DE']), {}, 'country is not known'],
    [leaf('shipping_address.country', 'isSet', true), { 'shipping_address.country': 'FR' }, 'country is FR'],
    [leaf('shipping_address.city', 'matches', '^B'), { 'shipping_address.city': 'Berlin' }, 'city Berlin matches the pattern ^B'],
    [leaf('customer.groups', 'contains', 'vip'), {}, "customer's groups (none) do not include vip"],
    [
      leaf('customer.groups', 'containsAll', ['a', 'b']),
      { 'customer.groups': ['b', 'a', 'c'] },
      "customer's groups (b, a and c) include all of a and b",
    ],
    [
      leaf('cart.skus', 'containsAny', ['1', '2', '3', '4', '5', '6', '7']),
      {},
      'SKUs in the cart (none) include none of 1, 2, 3, 4, 5 and 2 more',
    ],
    [leaf('customer.known', 'equal', true), {}, 'the buyer has no account'],
    [leaf('customer.first_order', 'equal', true), {}, 'it is not known whether this is the first order'],
    [leaf('time.weekday', 'in', [6, 7]), {}, 'weekday Monday is not one of Saturday or Sunday'],
    [leaf('time.minute_of_day', 'lessThan', 1110), {}, 'time of day 11:30 is less than 18:30'],
    [leaf('cart.weight', 'greaterThan', 2000), { 'cart.weight': 1500 }, 'weight 1500 g is not more than 2000 g'],
    [leaf('lines', 'any_line', sale), { lines }, '1 of 2 lines come with (tags include sale)'],
    [
      leaf('lines', 'lines_quantity_at_least', { where: sale, quantity: 3 }),
      { lines },
      'lines with (tags include sale) come to 2 items, less than 3 items',
    ],
    [leaf('lines', 'lines_subtotal_at_most', { where: null, amount: 3000 }), { lines }, 'lines come to 30.00 EUR, at most 30.00 EUR'],
  ])('%o of %o: %s', (node, facts, words) => {
    expect(wordsOf(node, facts)).toBe(words)
  })

  it('writes amounts with the decimals of their currency', () => {
    const node = leaf('cart.subtotal', 'greaterThan', 1500)
    expect(wordsOf(node, { 'cart.subtotal': 1600n }, 'JPY')).toBe('subtotal 1600 JPY is more than 1500 JPY')
    expect(wordsOf(node, { 'cart.subtotal': 1600n }, 'KWD')).toBe('subtotal 1.600 KWD is more than 1.500 KWD')
  })

  it('says what decided: what failed of all, what held of any, and the truth under not', () => {
    const country = leaf('shipping_address.country', 'equal', 'AT')
    const conditions = { all: [leaf('currency', 'equal', 'EUR'), { any: [leaf('channel', 'equal', 'pos'), country] }, { not: country }] }
    expect(explainTrace(traceOf(conditions, { 'shipping_address.country': 'DE' }), 'EUR')).toBe(
      'channel is web, not pos and country is DE, not AT',
    )
    expect(explainTrace(traceOf(conditions, { 'shipping_address.country': 'AT' }), 'EUR')).toBe('country is AT')
    expect(explainTrace(traceOf(conditions, { 'shipping_address.country': 'DE', channel: 'pos' }), 'EUR')).toBe(
      'currency is EUR and channel is pos and country is DE, not AT',
    )
  })

  it('is also JSON, each part with its words and amounts with their currency', () => {
    const conditions = {
      all: [leaf('cart.subtotal', 'between', [100, 200]), leaf('lines', 'lines_subtotal_at_least', { where: sale, amount: 900 })],
    }
    expect(explainInFull(traceOf(conditions, { 'cart.subtotal': 150n, lines }), 'EUR')).toEqual({
      group: 'all',
      result: 'held',
      words: expect.stringContaining('subtotal 1.50 EUR is between 1.00 EUR and 2.00 EUR and lines with'),
      of: [
        {
          fact: 'cart.subtotal',
          operator: 'between',
          expected: [
            { amount: 100, currency: 'EUR' },
            { amount: 200, currency: 'EUR' },
          ],
          actual: { amount: 150, currency: 'EUR' },
          result: 'held',
          words: 'subtotal 1.50 EUR is between 1.00 EUR and 2.00 EUR',
        },
        {
          fact: 'lines',
          operator: 'lines_subtotal_at_least',
          expected: { where: sale, amount: { amount: 900, currency: 'EUR' } },
          actual: { measured: { amount: 2000, currency: 'EUR' }, matching: 1, lines: 2 },
          result: 'held',
          words: 'lines with (tags include sale) come to 20.00 EUR, at least 9.00 EUR',
        },
      ],
    })
  })

  it('says what conditions ask for before there is a cart', () => {
    const conditions = valid({
      any: [
        { all: [leaf('cart.subtotal', 'greaterThanInclusive', 5000), { not: leaf('customer.known', 'equal', true) }] },
        leaf('lines', 'any_line', { any: [leaf('line.on_sale', 'equal', true), leaf('line.sale_percent', 'greaterThan', '12.5')] }),
        leaf('lines', 'lines_quantity_at_least', { where: sale, quantity: 1 }),
        leaf('coupon.codes', 'containsNone', ['A']),
      ],
    })
    expect(describeConditions(conditions, 'EUR')).toBe(
      '(subtotal is at least 50.00 EUR and not (the buyer has an account)) or at least one line with (on sale or price reduction is more than 12.5 %) ' +
        'or at least 1 item of lines with (tags include sale) or coupon codes include none of A',
    )
  })
})

describe('a near miss', () => {
  const misses = (json: unknown, facts: Partial<CartFacts>) => {
    const found = nearMisses(traceOf(json, facts), 'EUR')
    return found && nearMissWords(found)
  }
  const subtotal = leaf('cart.subtotal', 'greaterThanInclusive', 5000)

  it.each<[string, unknown, Partial<CartFacts>, string | undefined]>([
    ['an amount', { all: [subtotal] }, { 'cart.subtotal': 4690n }, '3.10 EUR more'],
    ['more than an amount', { all: [leaf('cart.subtotal', 'greaterThan', 5000)] }, { 'cart.subtotal': 5000n }, '0.01 EUR more'],
    [
      'units and an amount',
      { all: [subtotal, leaf('cart.quantity', 'greaterThanInclusive', 3)] },
      { 'cart.subtotal': 4000n, 'cart.quantity': 2 },
      '10.00 EUR more and 1 more item',
    ],
    [
      'units of certain lines',
      { all: [leaf('lines', 'lines_quantity_at_least', { where: sale, quantity: 4 })] },
      { lines },
      '2 more items with (tags include sale)',
    ],
    ['one certain line', { all: [leaf('lines', 'any_line', sale)] }, {}, '1 more item with (tags include sale)'],
    [
      'the shorter way of two',
      { any: [{ all: [subtotal, leaf('cart.line_count', 'greaterThan', 1)] }, leaf('cart.line_count', 'greaterThan', 2)] },
      {},
      '3 more lines',
    ],
    [
      'nothing, where a purchase does not help',
      { all: [subtotal, leaf('currency', 'equal', 'USD')] },
      { 'cart.subtotal': 4690n },
      undefined,
    ],
    ['nothing, under not', { not: leaf('cart.quantity', 'lessThan', 2) }, {}, undefined],
    [
      'nothing, where an order count is short',
      { all: [leaf('customer.orders_count', 'greaterThan', 2)] },
      { 'customer.orders_count': 2 },
      undefined,
    ],
    ['nothing, where there is too much', { all: [leaf('cart.subtotal', 'lessThan', 10)] }, { 'cart.subtotal': 20n }, undefined],
    ['nothing, when all holds', { all: [subtotal] }, { 'cart.subtotal': 5000n }, undefined],
  ])('says %s', (_, json, facts, words) => {
    expect(misses(json, facts)).toBe(words)
  })

  it('gives the distance as a number too', () => {
    expect(nearMisses(traceOf({ all: [subtotal] }, { 'cart.subtotal': 4690n }), 'EUR')).toEqual([
      { short: 310, measure: 'amount', words: '3.10 EUR more' },
    ])
  })
})
