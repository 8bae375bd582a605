import { describe, expect, it } from 'vitest'
import type { PricingLine } from '../pricing-input.ts'
import type { PromotionDocumentInput } from '../promotion-document.ts'
import { cartOf, discounts, line, priceIn, promotion, when } from '../testing/shop.ts'

type Action = PromotionDocumentInput['actions'][number]

const tagged = (tag: string) => when('line.tags', 'contains', tag)

function taken(actions: Action[], lines: PricingLine[]): Record<string, number> {
  return discounts(priceIn({ promotions: actions.map((action) => promotion({ actions: [action] })) }, cartOf(lines)))
}

describe('buy x get y', () => {
  const threeForTwo: Action = { type: 'buy_x_get_y', buy: { where: null, quantity: 2 }, get: { where: null, quantity: 1 } }

  it('gives the cheapest', () => {
    expect(taken([threeForTwo], [line('mug', 800), line('pen', 150), line('shirt', 1999)])).toEqual({ mug: 0, pen: 150, shirt: 0 })
  })

  it('gives one for every complete set', () => {
    const given = (quantity: number) => taken([threeForTwo], [line('mug', 800, quantity)]).mug
    expect([2, 3, 5, 6, 9].map(given)).toEqual([0, 800, 800, 1600, 2400])
  })

  it('gives no more often than it may', () => {
    expect(taken([{ ...threeForTwo, times_max: 1 }], [line('mug', 800, 9)])).toEqual({ mug: 800 })
  })

  it('takes a part off what is given, or an amount', () => {
    expect(taken([{ ...threeForTwo, rate_ppm: 500_000 }], [line('mug', 799, 3)])).toEqual({ mug: 400 })
    expect(taken([{ ...threeForTwo, amount: 100 }], [line('mug', 800, 3)])).toEqual({ mug: 100 })
    expect(taken([{ ...threeForTwo, amount: 1000 }], [line('mug', 800, 3)])).toEqual({ mug: 800 })
  })

  it('buys some things and gives others', () => {
    const socks: Action = {
      type: 'buy_x_get_y',
      buy: { where: tagged('shoes'), quantity: 1 },
      get: { where: tagged('socks'), quantity: 2 },
    }
    expect(taken([socks], [line('shoes', 9900), line('socks', 500, 3)])).toEqual({ shoes: 0, socks: 1000 })
    expect(taken([socks], [line('shoes', 9900), line('socks', 500)])).toEqual({ shoes: 0, socks: 0 })
    expect(taken([socks], [line('socks', 500, 3)])).toEqual({ socks: 0 })
  })

  it('leaves what is needed to buy where a piece can be on either side', () => {
    // Any two, and one of the sale for nothing: the pen alone is not of the sale.
    const sale: Action = { type: 'buy_x_get_y', buy: { where: null, quantity: 2 }, get: { where: tagged('sale'), quantity: 1 } }
    const lines = [line('a', 300, 1, { tags: ['sale'] }), line('b', 200, 1, { tags: ['sale'] }), line('pen', 100)]
    expect(taken([sale], lines)).toEqual({ a: 0, b: 200, pen: 0 })
    expect(taken([sale], lines.slice(0, 2))).toEqual({ a: 0, b: 0 })
  })

  it('gives something dearer where the cheapest is needed to buy', () => {
    const pair: Action = { type: 'buy_x_get_y', buy: { where: tagged('buy'), quantity: 1 }, get: { where: tagged('get'), quantity: 1 } }
    const lines = [line('a', 100, 1, { tags: ['buy', 'get'] }), line('b', 500, 1, { tags: ['get'] })]
    expect(taken([pair], lines)).toEqual({ a: 0, b: 500 })
  })

  it('may give the dearest, behind those that count as bought', () => {
    const dearest: Action = { type: 'buy_x_get_y', buy: { where: null, quantity: 2 }, get: { where: null, quantity: 2, first: 'dearest' } }
    expect(taken([dearest], [line('a', 500, 2), line('b', 1000, 2), line('c', 100, 3)])).toEqual({ a: 1000, b: 0, c: 0 })
  })

  it('counts a piece once, also for another promotion of the kind', () => {
    expect(taken([threeForTwo, threeForTwo], [line('mug', 800, 5)])).toEqual({ mug: 800 })
    expect(taken([threeForTwo, threeForTwo], [line('mug', 800, 6)])).toEqual({ mug: 1600 })
  })

  it('takes pieces that cost nothing any more last when it looks for what was bought', () => {
    const free: Action = { type: 'percentage', on: 'unit', rate_ppm: 1_000_000, where: null, units_max: 1 }
    const shop = { promotions: [promotion({ actions: [free] }), promotion({ actions: [threeForTwo] })] }
    expect(discounts(priceIn(shop, cartOf([line('mug', 800, 3)])))).toEqual({ mug: 800 })
  })
})

describe('a bundle', () => {
  const outfit: Action = {
    type: 'bundle',
    parts: [
      { where: tagged('shirt'), quantity: 1 },
      { where: tagged('trousers'), quantity: 1 },
    ],
    value: { price: 5000 },
  }

  it('costs its price, shared in proportion, for every complete set', () => {
    // 20.00 + 40.00 for 50.00
    expect(taken([outfit], [line('shirt', 2000), line('trousers', 4000)])).toEqual({ shirt: 333, trousers: 667 })
    expect(taken([outfit], [line('shirt', 2000, 3), line('trousers', 4000, 2)])).toEqual({ shirt: 667, trousers: 1333 })
    expect(taken([outfit], [line('shirt', 2000, 3)])).toEqual({ shirt: 0 })
  })

  it('may take off a percentage or an amount instead', () => {
    expect(taken([{ ...outfit, value: { rate_ppm: 100_000 } }], [line('shirt', 2000), line('trousers', 4000)])).toEqual({
      shirt: 200,
      trousers: 400,
    })
    expect(taken([{ ...outfit, value: { amount: 600 } }], [line('shirt', 2000, 2), line('trousers', 4000, 2)])).toEqual({
      shirt: 400,
      trousers: 800,
    })
  })

  it('is never dearer than its parts', () => {
    expect(taken([outfit], [line('shirt', 1000), line('trousers', 2000)])).toEqual({ shirt: 0, trousers: 0 })
  })

  it('takes the cheapest pieces first, or the dearest', () => {
    const any: Action = { type: 'bundle', parts: [{ where: null, quantity: 3 }], value: { rate_ppm: 100_000 } }
    const lines = [line('a', 1000, 3), line('b', 2000, 1)]
    expect(taken([any], lines)).toEqual({ a: 300, b: 0 })
    expect(taken([{ ...any, first: 'dearest' }], lines)).toEqual({ a: 200, b: 200 })
  })

  it('for a price does not get worse when something cheap is added', () => {
    const any: Action = { type: 'bundle', parts: [{ where: null, quantity: 3 }], value: { price: 1000 }, first: 'dearest' }
    expect(taken([any], [line('a', 600, 3)])).toEqual({ a: 800 })
    expect(taken([any], [line('a', 600, 3), line('b', 100, 3)])).toEqual({ a: 800, b: 0 })
  })

  it('lets lines that fit several parts go where they make the most sets', () => {
    const parts = [
      { where: null, quantity: 1 },
      { where: tagged('rare'), quantity: 1 },
    ]
    const pair: Action = { type: 'bundle', parts, value: { amount: 100 } }
    const both = { tags: ['rare'] }
    // Were the rare ones spent on "any", there would be one set, or none.
    expect(taken([pair], [line('a', 100, 2, both), line('b', 900, 2)])).toEqual({ a: 20, b: 180 })
    expect(taken([{ ...pair, parts: parts.toReversed() }], [line('a', 100, 2, both), line('b', 900, 2)])).toEqual({ a: 20, b: 180 })
    expect(taken([pair], [line('a', 100, 1, both), line('b', 900, 3)])).toEqual({ a: 10, b: 90 })
  })

  it('makes no more sets than it may', () => {
    expect(taken([{ ...outfit, times_max: 1 }], [line('shirt', 2000, 9), line('trousers', 4000, 9)])).toEqual({ shirt: 333, trousers: 667 })
  })
})
