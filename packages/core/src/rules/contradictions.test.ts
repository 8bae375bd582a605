import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Refusal } from '../refusal.ts'
import { arbitraryCart, arbitraryConditions } from '../testing/rules/arbitrary-conditions.ts'
import { compileConditions } from './compile.ts'
import type { Conditions } from './conditions.ts'
import { validateConditions } from './validate.ts'
import { warnOfConditions } from './warnings.ts'

const leaf = (fact: string, operator: string, value: unknown) => ({ fact, operator, value })
const sale = { all: [leaf('line.tags', 'contains', 'sale')] }

function faultsOf(json: unknown): string[] {
  try {
    validateConditions(json, { scope: 'cart', pointer: '' })
    return []
  } catch (error) {
    return (error as Refusal).details.errors!.map((fault) => `${fault.pointer} ${fault.code}`)
  }
}

describe('conditions that can never hold', () => {
  it.each<[string, unknown[]]>([
    ['below 5 and above 9', [leaf('cart.subtotal', 'lessThan', 5), leaf('cart.subtotal', 'greaterThan', 9)]],
    ['above 4 and below 5, of whole numbers', [leaf('cart.quantity', 'greaterThan', 4), leaf('cart.quantity', 'lessThan', 5)]],
    ['two currencies', [leaf('currency', 'equal', 'EUR'), leaf('currency', 'equal', 'USD')]],
    ['one of those that it is not', [leaf('channel', 'in', ['web', 'pos']), leaf('channel', 'notIn', ['web', 'pos', 'app'])]],
    ['two beginnings', [leaf('shipping_address.postcode', 'startsWith', '10'), leaf('shipping_address.postcode', 'startsWith', '2')]],
    ['a text that ends otherwise', [leaf('shipping_address.city', 'equal', 'Berlin'), leaf('shipping_address.city', 'endsWith', 'burg')]],
    ['true and false', [leaf('customer.known', 'equal', true), leaf('customer.known', 'notEqual', true)]],
    ['in the set and not', [leaf('customer.groups', 'containsAll', ['vip', 'staff']), leaf('customer.groups', 'doesNotContain', 'staff')]],
    ['any of what is excluded', [leaf('cart.tags', 'containsAny', ['a', 'b']), leaf('cart.tags', 'containsNone', ['b', 'a', 'c'])]],
    ['missing and something', [leaf('shipping.method', 'isSet', false), leaf('shipping.method', 'equal', 'x')]],
    ['a date before and after', [leaf('time.date', 'lessThan', '2026-01-01'), leaf('time.date', 'greaterThanInclusive', '2026-01-01')]],
    ['a line and none', [leaf('lines', 'any_line', sale), leaf('lines', 'no_line', sale)]],
    [
      'at least 3 and at most 2',
      [leaf('lines', 'lines_count_at_least', { where: sale, count: 3 }), leaf('lines', 'lines_count_at_most', { where: sale, count: 2 })],
    ],
  ])('%s', (_, [first, second]) => {
    expect(faultsOf({ all: [first, second] })).toEqual(['/all/1 contradiction'])
    expect(faultsOf({ all: [first, { all: [second] }] })).toEqual(['/all/1/all/0 contradiction'])
    expect(faultsOf({ any: [first, second] })).toEqual([])
  })

  it.each<[string, unknown]>([
    ['an hour above 23', leaf('time.hour', 'greaterThan', 23)],
    ['an amount below nothing', leaf('cart.subtotal', 'lessThan', 0)],
    ['no weekday at all', leaf('time.weekday', 'notIn', [1, 2, 3, 4, 5, 6, 7])],
    ['more than all of the price off', leaf('lines', 'any_line', { all: [leaf('line.sale_percent', 'greaterThan', '100')] })],
  ])('%s', (_, never) => {
    expect(faultsOf({ any: [never, leaf('currency', 'equal', 'EUR')] })).toEqual([expect.stringMatching(/ never_true$/)])
  })

  it('stand in line conditions by themselves: two conditions on a line may name two lines of the cart', () => {
    const red = { all: [leaf('line.sku', 'equal', 'red')] }
    const blue = { all: [leaf('line.sku', 'equal', 'blue')] }
    expect(faultsOf({ all: [leaf('lines', 'any_line', red), leaf('lines', 'any_line', blue)] })).toEqual([])
    expect(faultsOf({ all: [leaf('lines', 'any_line', { all: [...red.all, ...blue.all] })] })).toEqual(['/all/0/value/all/1 contradiction'])
  })

  it('are refused rightly: no cart ever fulfils them', () => {
    let refused = 0
    fc.assert(
      fc.property(
        fc.array(arbitraryConditions('cart'), { minLength: 2, maxLength: 4 }),
        fc.array(arbitraryCart(), { minLength: 5, maxLength: 5 }),
        (drawn, carts) => {
          const all = drawn
            .flatMap((each) => ('any' in each ? each.any : 'all' in each ? each.all : [each.not]))
            .filter((node) => 'fact' in node)
          fc.pre(all.length > 1 && all.length <= 20)
          const faults = faultsOf({ all })
          fc.pre(faults.length > 0 && faults.every((fault) => / (contradiction|never_true)$/.test(fault) && !fault.includes('value')))
          refused++
          const { holds } = compileConditions({ all } as Conditions, 'cart')
          for (const cart of carts) expect(holds(cart)).toBe(false)
        },
      ),
      { numRuns: 500, maxSkipsPerRun: 1_000 },
    )
    expect(refused).toBeGreaterThanOrEqual(500)
  })
})

describe('conditions worth a second look', () => {
  const warningsOf = (json: Conditions) => warnOfConditions(json, '/c').map((warning) => `${warning.pointer} ${warning.code}`)

  it('are those that every cart fulfils', () => {
    expect(
      warningsOf({ all: [leaf('cart.subtotal', 'greaterThanInclusive', 0), leaf('time.hour', 'between', [0, 23])] } as Conditions),
    ).toEqual(['/c/all/0 always_true', '/c/all/1 always_true'])
    expect(warningsOf({ all: [leaf('cart.subtotal', 'greaterThan', 0)] } as Conditions)).toEqual([])
    // Not of every cart: the fact may be missing.
    expect(warningsOf({ all: [leaf('customer.orders_count', 'greaterThanInclusive', 0)] } as Conditions)).toEqual([])
  })

  it('are those that a missing fact fulfils', () => {
    const austria = leaf('shipping_address.country', 'equal', 'AT')
    expect(warningsOf({ not: austria } as Conditions)).toEqual(['/c/not holds_when_missing'])
    expect(warningsOf({ not: { not: austria } } as Conditions)).toEqual([])
    expect(warningsOf({ not: { all: [leaf('lines', 'any_line', { all: [leaf('line.sku', 'equal', 'x')] })] } } as Conditions)).toEqual([
      '/c/not/all/0/value/all/0 holds_when_missing',
    ])
  })
})
