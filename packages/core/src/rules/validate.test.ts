import { describe, expect, it } from 'vitest'
import { Refusal } from '../refusal.ts'
import { FACTS, type RuleScope } from './fact-catalogue.ts'
import { RULE_BYTES_MAX, RULE_FAULTS_MAX } from './limits.ts'
import { OPERATORS } from './operators.ts'
import { validateConditions } from './validate.ts'

const leaf = (fact: string, operator: string, value: unknown) => ({ fact, operator, value })
const SUBTOTAL = leaf('cart.subtotal', 'greaterThanInclusive', 5000)
const SALE = { all: [leaf('line.tags', 'contains', 'sale')] }

/** The refusal's code, and each fault as "pointer code". */
function refusalOf(json: unknown, scope: RuleScope = 'cart'): { code: string; faults: string[] } {
  try {
    validateConditions(json, { scope, pointer: '/c' })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { code: error.code, faults: (error.details.errors ?? []).map((fault) => `${fault.pointer} ${fault.code}`) }
  }
  return { code: 'accepted', faults: [] }
}

describe('what passes', () => {
  it.each([
    ['all, any and not', { all: [SUBTOTAL, { any: [leaf('currency', 'equal', 'EUR'), { not: leaf('customer.known', 'equal', true) }] }] }],
    ['four levels', { all: [{ any: [{ not: { all: [SUBTOTAL] } }] }] }],
    ['conditions on lines', { all: [leaf('lines', 'every_line', SALE), leaf('lines', 'lines_count_at_most', { where: null, count: 0 })] }],
    [
      'twenty conditions on the cart and twenty on lines',
      { any: [...repeated(19, SUBTOTAL), leaf('lines', 'any_line', { any: repeated(20, SALE.all[0]) })] },
    ],
    [
      'a list of two hundred',
      {
        all: [
          leaf(
            'cart.skus',
            'containsAny',
            repeated(200, 'x').map((text, index) => text + index),
          ),
        ],
      },
    ],
    ['the ends of ranges', { all: [leaf('time.hour', 'between', [0, 23]), leaf('shipping.amount', 'lessThan', 1_000_000_000_000)] }],
    ['a part of a country code', { all: [leaf('shipping_address.country', 'startsWith', 'd')] }],
  ])('%s', (_, json) => {
    expect(validateConditions(json, { scope: 'cart', pointer: '' })).toEqual(json)
  })

  it('is kept as a copy in one form', () => {
    const given = {
      all: [
        leaf('time.now', 'lessThan', '2026-05-04T09:30:00+02:00'),
        leaf('shipping_address.city', 'in', ['Zu\u0308rich', 'Z\u00fcrich']),
        leaf('cart.quantity', 'greaterThan', -0),
        leaf('lines', 'any_line', { all: [leaf('line.sale_percent', 'in', ['x'])] }),
      ],
    }
    given.all[3] = leaf('lines', 'any_line', { all: [leaf('line.sale_percent', 'between', ['12.50', 20])] })
    const kept = validateConditions(given, { scope: 'cart', pointer: '' })
    expect(kept).toEqual({
      all: [
        leaf('time.now', 'lessThan', '2026-05-04T07:30:00.000Z'),
        leaf('shipping_address.city', 'in', ['Z\u00fcrich']),
        leaf('cart.quantity', 'greaterThan', 0),
        leaf('lines', 'any_line', { all: [leaf('line.sale_percent', 'between', ['12.5', '20'])] }),
      ],
    })
    expect((kept as { all: unknown[] }).all[0]).not.toBe(given.all[0])
    expect(validateConditions(kept, { scope: 'cart', pointer: '' })).toEqual(kept)
  })
})

describe('what is refused', () => {
  it.each<[string, unknown, string]>([
    ['nothing', undefined, '/c not_json'],
    ['null', null, '/c group_expected'],
    ['a list', [], '/c group_expected'],
    ['a condition without a group', SUBTOTAL, '/c group_expected'],
    ['an empty all', { all: [] }, '/c/all empty_group'],
    ['an empty any, which the engine calls true', { any: [] }, '/c/any empty_group'],
    ['a group that is no list', { all: SUBTOTAL }, '/c/all value_type'],
    ['a not around a list', { not: [SUBTOTAL] }, '/c/not value_type'],
    ['a condition that is text', { all: ['cart.subtotal > 5'] }, '/c/all/0 value_type'],
    ['two groups in one, of which the engine reads one', { any: [SUBTOTAL], all: [SUBTOTAL] }, '/c/any unknown_field'],
    ['an unknown member', { all: [{ ...SUBTOTAL, note: 'x' }] }, '/c/all/0/note unknown_field'],
    ['a path', { all: [{ ...SUBTOTAL, path: '$' }] }, '/c/all/0/path refused_field'],
    ['params', { all: [{ ...SUBTOTAL, params: {} }] }, '/c/all/0/params refused_field'],
    ['a priority', { all: [SUBTOTAL], priority: 2 }, '/c/priority refused_field'],
    ['a name', { all: [SUBTOTAL], name: 'x' }, '/c/name refused_field'],
    ['a shared condition', { all: [{ condition: 'shared' }] }, '/c/all/0/condition refused_field'],
    ['a value from another fact', { all: [leaf('cart.subtotal', 'equal', { fact: 'cart.weight' })] }, '/c/all/0/value value_from_fact'],
    ['a decorated operator', { all: [leaf('cart.skus', 'everyFact:equal', 'x')] }, '/c/all/0/operator operator_unknown'],
    ['an unknown operator', { all: [leaf('cart.subtotal', '>', 1)] }, '/c/all/0/operator operator_unknown'],
    ['an operator that objects have', { all: [leaf('cart.subtotal', 'toString', 1)] }, '/c/all/0/operator operator_unknown'],
    ['an unknown fact', { all: [leaf('cart.total', 'equal', 1)] }, '/c/all/0/fact fact_unknown'],
    ['a fact that objects have', { all: [leaf('__proto__', 'equal', 1)] }, '/c/all/0/fact fact_unknown'],
    ['a fact that is no text', { all: [leaf(['cart.subtotal'] as never, 'equal', 1)] }, '/c/all/0/fact fact_unknown'],
    ['a fact of lines at the cart', { all: [leaf('line.sku', 'equal', 'x')] }, '/c/all/0/fact fact_of_other_scope'],
    [
      'a fact of the cart at lines',
      { all: [leaf('lines', 'no_line', { all: [SUBTOTAL] })] },
      '/c/all/0/value/all/0/fact fact_of_other_scope',
    ],
    ['a condition without a value', { all: [{ fact: 'channel', operator: 'equal' }] }, '/c/all/0/value missing_field'],
    [
      'an order among texts, where "9" is above "10"',
      { all: [leaf('shipping_address.postcode', 'greaterThan', '9')] },
      '/c/all/0/operator operator_unfit',
    ],
    ['in on a set', { all: [leaf('cart.skus', 'in', ['x'])] }, '/c/all/0/operator operator_unfit'],
    ['in with a text, in which the engine would search', { all: [leaf('channel', 'in', 'web,pos')] }, '/c/all/0/value value_type'],
    ['in with an empty list', { all: [leaf('channel', 'in', [])] }, '/c/all/0/value value_empty'],
    ['a number in text', { all: [leaf('cart.subtotal', 'equal', '5000')] }, '/c/all/0/value value_type'],
    ['a text in number', { all: [leaf('channel', 'equal', 5)] }, '/c/all/0/value value_type'],
    ['an amount with decimals', { all: [leaf('cart.subtotal', 'equal', 49.9)] }, '/c/all/0/value value_type'],
    ['a negative amount', { all: [leaf('cart.subtotal', 'lessThan', -1)] }, '/c/all/0/value value_out_of_range'],
    ['an amount that no shop charges', { all: [leaf('cart.subtotal', 'lessThan', 1e12 + 1)] }, '/c/all/0/value value_out_of_range'],
    ['an eighth weekday', { all: [leaf('time.weekday', 'in', [1, 8])] }, '/c/all/0/value/1 value_out_of_range'],
    ['yes for true', { all: [leaf('customer.known', 'equal', 'yes')] }, '/c/all/0/value value_type'],
    ['null', { all: [leaf('channel', 'equal', null)] }, '/c/all/0/value value_type'],
    ['an empty text', { all: [leaf('channel', 'startsWith', '')] }, '/c/all/0/value value_empty'],
    ['a text that is too long', { all: [leaf('channel', 'equal', 'x'.repeat(256))] }, '/c/all/0/value text_too_long'],
    ['half a character', { all: [leaf('channel', 'equal', '\ud800')] }, '/c/all/0/value invalid_text'],
    ['a hidden character', { all: [leaf('channel', 'equal', 'we\u200bb')] }, '/c/all/0/value invalid_text'],
    ['a country in small letters', { all: [leaf('shipping_address.country', 'equal', 'de')] }, '/c/all/0/value value_form'],
    ['a coupon code in small letters', { all: [leaf('coupon.codes', 'contains', 'save10')] }, '/c/all/0/value value_form'],
    ['an id that is none', { all: [leaf('customer.id', 'equal', '42')] }, '/c/all/0/value value_form'],
    ['bounds in the wrong order', { all: [leaf('cart.quantity', 'between', [9, 5])] }, '/c/all/0/value bounds_reversed'],
    ['three bounds', { all: [leaf('cart.quantity', 'between', [1, 2, 3])] }, '/c/all/0/value value_type'],
    ['a day that is none', { all: [leaf('time.date', 'equal', '2026-02-30')] }, '/c/all/0/value value_type'],
    ['a time without its offset', { all: [leaf('time.now', 'lessThan', '2026-05-04T09:30:00')] }, '/c/all/0/value value_type'],
    ['isSet of what is never missing', { all: [leaf('cart.subtotal', 'isSet', true)] }, '/c/all/0/value operator_unfit'],
    [
      'a measure of nothing',
      { all: [leaf('lines', 'lines_quantity_at_least', { where: null, quantity: 0 })] },
      '/c/all/0/value/quantity value_out_of_range',
    ],
    [
      'a measure of something else',
      { all: [leaf('lines', 'lines_quantity_at_least', { where: null, amount: 3 })] },
      '/c/all/0/value value_type',
    ],
    [
      'lines in lines',
      { all: [leaf('lines', 'any_line', { all: [leaf('lines', 'any_line', SALE)] })] },
      '/c/all/0/value/all/0/fact fact_of_other_scope',
    ],
    ['line conditions without a group', { all: [leaf('lines', 'any_line', SALE.all[0])] }, '/c/all/0/value group_expected'],
    ['a pattern that cannot be read', { all: [leaf('channel', 'matches', '[')] }, '/c/all/0/value invalid_pattern'],
  ])('%s', (_, json, fault) => {
    const { code, faults } = refusalOf(json)
    expect(code).toBe('rule_invalid')
    expect(faults).toContain(fault)
  })

  it.each<[string, unknown, string]>([
    ['five levels', { all: [{ any: [{ not: { all: [{ any: [SUBTOTAL] }] } }] }] }, '/c/all/0/any/0/not/all/0 too_deep'],
    [
      'five levels, the last on lines',
      { all: [{ any: [{ not: { all: [leaf('lines', 'any_line', SALE)] } }] }] },
      '/c/all/0/any/0/not/all/0/value too_deep',
    ],
    ['21 conditions', { any: repeated(21, SUBTOTAL) }, '/c/any/20 too_many_conditions'],
    [
      '21 conditions on lines',
      { any: [leaf('lines', 'any_line', { any: repeated(21, SALE.all[0]) })] },
      '/c/any/0/value/any/20 too_many_conditions',
    ],
    ['a list of 201', { all: [leaf('cart.skus', 'containsAny', repeated(201, 'x'))] }, '/c/all/0/value too_many_values'],
    [
      'many patterns on every line',
      { all: repeated(3, leaf('lines', 'any_line', { any: [leaf('line.sku', 'matches', '^A')] })) },
      '/c too_expensive',
    ],
    [
      'more bytes than conditions have',
      { all: repeated(20, leaf('cart.skus', 'containsAny', repeated(20, 'x'.repeat(250)))) },
      '/c too_large',
    ],
  ])('%s, as too complex', (_, json, fault) => {
    const { code, faults } = refusalOf(json)
    expect(code).toBe('rule_too_complex')
    expect(faults).toContain(fault)
  })

  it.each(['^(a+)+$', '(a*)*', '(x|x)*', '(?=a)', '(a)\\1', 'a'.repeat(201)])('the pattern %s, as unsafe', (pattern) => {
    const refused = refusalOf({ all: [leaf('lines', 'any_line', { all: [leaf('line.sku', 'matches', pattern)] })] })
    expect(refused).toEqual({ code: 'unsafe_pattern', faults: ['/c/all/0/value/all/0/value unsafe_pattern'] })
  })

  it('and every fault is named at once, up to a limit', () => {
    expect(refusalOf({ all: [leaf('a', 'equal', 1), leaf('channel', 'x', 1), leaf('channel', 'equal', 1)] }).faults).toEqual([
      '/c/all/0/fact fact_unknown',
      '/c/all/1/operator operator_unknown',
      '/c/all/2/value value_type',
    ])
    expect(refusalOf({ all: repeated(20, { fact: 'a', x: 1 }) }).faults).toHaveLength(RULE_FAULTS_MAX)
  })

  it('every fact by every operator that does not compare its type', () => {
    for (const [fact, { scope, type }] of Object.entries(FACTS)) {
      for (const [operator, { types }] of Object.entries(OPERATORS)) {
        if (types.includes(type)) continue
        expect(refusalOf({ all: [leaf(fact, operator, 1)] }, scope).faults).toEqual(['/c/all/0/operator operator_unfit'])
      }
    }
  })
})

describe('hostile input', () => {
  const nested = (depth: number) => {
    let json: unknown = SUBTOTAL
    for (let level = 0; level < depth; level++) json = { not: json }
    return json
  }
  const itself: { all: unknown[] } = { all: [] }
  itself.all.push(itself)
  const sparse: unknown[] = []
  sparse.length = 4_294_967_295

  it.each<[string, () => unknown, string]>([
    ['a thousand levels', () => nested(1_000), 'rule_too_complex'],
    ['a million levels', () => nested(1_000_000), 'rule_too_complex'],
    ['a million values', () => ({ all: repeated(1_000_000, SUBTOTAL) }), 'rule_too_complex'],
    ['a million values in one list', () => ({ all: [leaf('cart.skus', 'containsAny', repeated(1_000_000, 'x'))] }), 'rule_too_complex'],
    [
      'a hundred thousand keys',
      () => Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, 1])),
      'rule_too_complex',
    ],
    ['a list of four thousand million holes', () => ({ all: sparse }), 'rule_too_complex'],
    ['an object that holds itself', () => itself, 'rule_too_complex'],
    ['a text of a hundred million letters', () => ({ all: [leaf('channel', 'equal', 'x'.repeat(100_000_000))] }), 'rule_too_complex'],
    ['a key longer than conditions are', () => ({ all: [{ ...SUBTOTAL, ['x'.repeat(RULE_BYTES_MAX)]: 1 }] }), 'rule_too_complex'],
    ['NaN', () => ({ all: [leaf('cart.subtotal', 'equal', Number.NaN)] }), 'rule_invalid'],
    ['infinity', () => ({ all: [leaf('cart.subtotal', 'lessThan', Number.POSITIVE_INFINITY)] }), 'rule_invalid'],
    ['a number beyond exactness', () => ({ all: [leaf('cart.quantity', 'equal', 2 ** 60)] }), 'rule_invalid'],
    ['a bigint', () => ({ all: [leaf('cart.subtotal', 'equal', 5n)] }), 'rule_invalid'],
    ['a date object', () => ({ all: [leaf('time.now', 'lessThan', new Date())] }), 'rule_invalid'],
    ['a map', () => new Map([['all', [SUBTOTAL]]]), 'rule_invalid'],
    ['a function', () => ({ all: [() => SUBTOTAL] }), 'rule_invalid'],
    [
      'own keys named __proto__',
      () => JSON.parse('{"all":[{"fact":"channel","operator":"equal","value":"x","__proto__":{"fact":"y"}}]}'),
      'rule_invalid',
    ],
    ['a condition inherited', () => ({ all: [Object.create(SUBTOTAL)] }), 'rule_invalid'],
    ['a group inherited by name', () => JSON.parse('{"__proto__":{"all":[]},"constructor":[],"toString":1}'), 'rule_invalid'],
    ['lone surrogates in keys', () => ({ all: [{ ...SUBTOTAL, '\ud800/~': 1 }] }), 'rule_invalid'],
    ['a list that says it is long', () => ({ all: { length: 3, 0: SUBTOTAL } }), 'rule_invalid'],
  ])('%s is refused within a second of CPU', (_, make, code) => {
    const json = make()
    const before = process.cpuUsage()
    expect(refusalOf(json).code).toBe(code)
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(1_000_000)
  })

  it('leaves no trace in objects of others', () => {
    const json = JSON.parse('{"all":[{"fact":"channel","operator":"equal","value":"web"}],"__proto__":{"polluted":true}}')
    expect(refusalOf(json).faults).toEqual(['/c/__proto__ unknown_field'])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

function repeated<Item>(times: number, item: Item): Item[] {
  return Array.from({ length: times }, () => item)
}
