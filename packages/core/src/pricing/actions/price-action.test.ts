import { describe, expect, it } from 'vitest'
import type { PromotionDocumentInput } from '../promotion-document.ts'
import { cartOf, discounts, line, PARCEL, priceIn, promotion, type Shop, when } from '../testing/shop.ts'

type Action = PromotionDocumentInput['actions'][number]

/** A shirt at 19.99 three times, and a mug at 8.00. */
const cart = cartOf([line('mug', 800), line('shirt', 1999, 3)], { shipping: { method: PARCEL } })
const shirts = when('line.tags', 'contains', 'shirt')

function taken(action: Action, shop: Shop = {}): Record<string, number> {
  const priced = priceIn({ ...shop, promotions: [promotion({ actions: [action] })] }, cart)
  return { ...discounts(priced), shipping: Number(priced.totals.shippingDiscount) }
}

describe('a percentage', () => {
  it('on pieces is rounded for one piece and multiplied', () => {
    // 19.99 * 12.5 % = 2.49875
    expect(taken({ type: 'percentage', on: 'unit', rate_ppm: 125_000, where: shirts })).toEqual({ mug: 0, shirt: 3 * 250, shipping: 0 })
  })

  it('on lines is rounded once for each line', () => {
    // 59.97 * 12.5 % = 7.49625
    expect(taken({ type: 'percentage', on: 'line', rate_ppm: 125_000, where: null })).toEqual({ mug: 100, shirt: 750, shipping: 0 })
  })

  it('on the order is rounded once and shared by largest remainder', () => {
    // 67.97 * 10 % = 6.797; the mug's share is 0.80, the shirts' 6.00
    expect(taken({ type: 'percentage', on: 'order', rate_ppm: 100_000, where: null })).toEqual({ mug: 80, shirt: 600, shipping: 0 })
  })

  it('on shipping leaves the goods alone', () => {
    expect(taken({ type: 'percentage', on: 'shipping', rate_ppm: 500_000, where: null })).toEqual({ mug: 0, shirt: 0, shipping: 245 })
  })

  it('on shipping with conditions on lines needs a line that meets them', () => {
    const where = when('line.tags', 'contains', 'book')
    expect(taken({ type: 'percentage', on: 'shipping', rate_ppm: 500_000, where })).toEqual({ mug: 0, shirt: 0, shipping: 0 })
  })

  it('on the total is shared among goods and shipping', () => {
    // 10 % of 72.87
    expect(taken({ type: 'percentage', on: 'total', rate_ppm: 100_000, where: null })).toEqual({ mug: 80, shirt: 600, shipping: 49 })
  })

  it('takes off no more than its limit, shared in proportion', () => {
    const action: Action = { type: 'percentage', on: 'unit', rate_ppm: 500_000, where: null, amount_max: 1000 }
    expect(taken(action)).toEqual({ mug: 118, shirt: 882, shipping: 0 })
  })

  it('is of what is left, or of the list price, as it says', () => {
    const twice = (basis: 'remaining' | 'list') => {
      const action: Action = { type: 'percentage', on: 'line', rate_ppm: 500_000, where: shirts, basis }
      return discounts(priceIn({ promotions: [promotion({ actions: [action] }), promotion({ actions: [action] })] }, cart)).shirt
    }
    expect(twice('remaining')).toBe(2999 + 1499)
    expect(twice('list')).toBe(5997)
  })
})

describe('an amount', () => {
  it('comes off each piece, but not more than the piece costs', () => {
    expect(taken({ type: 'fixed', on: 'unit', amount: 900, where: null })).toEqual({ mug: 800, shirt: 2700, shipping: 0 })
  })

  it('comes off each line', () => {
    expect(taken({ type: 'fixed', on: 'line', amount: 500, where: null })).toEqual({ mug: 500, shirt: 500, shipping: 0 })
  })

  it('comes off the order in proportion to what its lines cost', () => {
    // 10.00 * 8.00 / 67.97 = 1.177
    expect(taken({ type: 'fixed', on: 'order', amount: 1000, where: null })).toEqual({ mug: 118, shirt: 882, shipping: 0 })
  })

  it('comes off no more than all of it', () => {
    expect(taken({ type: 'fixed', on: 'order', amount: 100_000, where: null })).toEqual({ mug: 800, shirt: 5997, shipping: 0 })
    expect(taken({ type: 'fixed', on: 'total', amount: 100_000, where: null })).toEqual({ mug: 800, shirt: 5997, shipping: 490 })
    expect(taken({ type: 'fixed', on: 'shipping', amount: 100_000, where: null })).toEqual({ mug: 0, shirt: 0, shipping: 490 })
  })
})

describe('a set price', () => {
  it('is that of a piece, a line, the goods or the shipping', () => {
    expect(taken({ type: 'set_price', on: 'unit', amount: 1500, where: shirts }).shirt).toBe(3 * 499)
    expect(taken({ type: 'set_price', on: 'line', amount: 5000, where: shirts }).shirt).toBe(997)
    expect(taken({ type: 'set_price', on: 'order', amount: 6000, where: null })).toEqual({ mug: 94, shirt: 703, shipping: 0 })
    expect(taken({ type: 'set_price', on: 'shipping', amount: 100, where: null }).shipping).toBe(390)
  })

  it('never raises a price', () => {
    for (const on of ['unit', 'line', 'order', 'shipping'] as const) {
      expect(taken({ type: 'set_price', on, amount: 99_999, where: null })).toEqual({ mug: 0, shirt: 0, shipping: 0 })
    }
  })
})

describe('which pieces', () => {
  const half = { type: 'percentage', on: 'unit', rate_ppm: 500_000, where: null } as const

  it('at most so many on each line', () => {
    expect(taken({ ...half, units_max: 2 })).toMatchObject({ mug: 400, shirt: 2000 })
  })

  it('at most so many of the order, the cheapest or the dearest first', () => {
    expect(taken({ ...half, units_max: 2, units_per: 'order' })).toMatchObject({ mug: 400, shirt: 1000 })
    expect(taken({ ...half, units_max: 2, units_per: 'order', units_first: 'dearest' })).toMatchObject({ mug: 0, shirt: 2000 })
  })

  it('from the second on', () => {
    expect(taken({ ...half, units_skip: 1 })).toMatchObject({ mug: 0, shirt: 2000 })
  })

  it('from the second on, and no more than so many of those', () => {
    expect(taken({ ...half, units_skip: 1, units_max: 1 })).toMatchObject({ mug: 0, shirt: 1000 })
    expect(taken({ ...half, units_skip: 1, units_max: 2, units_per: 'order' })).toMatchObject({ mug: 0, shirt: 2000 })
  })

  it('in whole groups only', () => {
    expect(taken({ ...half, units_group: 2 })).toMatchObject({ mug: 0, shirt: 2000 })
    expect(taken({ ...half, units_group: 3, units_per: 'order' })).toMatchObject({ mug: 400, shirt: 2000 })
  })

  it('not the first, not too many, and in whole groups, all at once', () => {
    // Of five pens four are in groups of two; the first two get nothing; two are left, where three might get something.
    const action: Action = { ...half, units_skip: 2, units_max: 3, units_group: 2 }
    expect(discounts(priceIn({ promotions: [promotion({ actions: [action] })] }, cartOf([line('pen', 100, 5)])))).toEqual({ pen: 100 })
  })

  it('first so much, then so much for each further one', () => {
    const first: Action = { type: 'fixed', on: 'unit', amount: 113, where: shirts, units_max: 1 }
    const further: Action = { type: 'fixed', on: 'unit', amount: 211, where: shirts, units_skip: 1 }
    const priced = priceIn({ promotions: [promotion({ actions: [first, further] })] }, cart)
    expect(discounts(priced)).toEqual({ mug: 0, shirt: 113 + 2 * 211 })
    expect(priced.adjustments.filter(({ source }) => source === 'promotion')).toHaveLength(1)
  })
})

describe('a minimum price', () => {
  const guarded = cartOf([line('mug', 2000, 3), line('shirt', 5000, 1, { minimumPrice: 4500n })])

  it('holds for each piece, and the others take what it does not', () => {
    const off = (amount: number) =>
      discounts(priceIn({ promotions: [promotion({ actions: [{ type: 'fixed', on: 'order', amount, where: null }] })] }, guarded))
    expect(off(500)).toEqual({ mug: 273, shirt: 227 })
    expect(off(2500)).toEqual({ mug: 2000, shirt: 500 })
    expect(off(99_999)).toEqual({ mug: 6000, shirt: 500 })
  })

  it('holds against a percentage on pieces', () => {
    const action: Action = { type: 'percentage', on: 'unit', rate_ppm: 500_000, where: null }
    expect(discounts(priceIn({ promotions: [promotion({ actions: [action] })] }, guarded))).toEqual({ mug: 3000, shirt: 500 })
  })

  it('above the price changes nothing', () => {
    const priced = priceIn(
      { promotions: [promotion({ actions: [{ type: 'fixed', on: 'unit', amount: 100, where: null }] })] },
      cartOf([line('mug', 2000, 1, { minimumPrice: 3000n })]),
    )
    expect(priced.totals.total).toBe(2000n)
  })
})
