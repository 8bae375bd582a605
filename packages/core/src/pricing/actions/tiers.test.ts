import { describe, expect, it } from 'vitest'
import type { PricingLine } from '../pricing-input.ts'
import type { PromotionDocumentInput } from '../promotion-document.ts'
import { cartOf, discounts, line, PARCEL, priceIn, promotion, when } from '../testing/shop.ts'

type Tiers = Extract<PromotionDocumentInput['actions'][number], { type: 'tiers' }>

const byQuantity: Tiers = {
  type: 'tiers',
  on: 'unit',
  by: 'quantity',
  per: 'line',
  where: null,
  tiers: [
    { from: 10, rate_ppm: 200_000 },
    { from: 3, rate_ppm: 100_000 },
  ],
}

function taken(action: Tiers, lines: PricingLine[]): Record<string, number> {
  const priced = priceIn({ promotions: [promotion({ actions: [action] })] }, cartOf(lines, { shipping: { method: PARCEL } }))
  return { ...discounts(priced), shipping: Number(priced.totals.shippingDiscount) }
}

describe('tiers', () => {
  it('count the highest that is reached', () => {
    const off = (quantity: number) => taken(byQuantity, [line('mug', 1000, quantity)]).mug
    expect([1, 2, 3, 9, 10, 11].map(off)).toEqual([0, 0, 300, 900, 2000, 2200])
  })

  it('are measured on each line, each product, or all matching lines', () => {
    const red = line('red', 1000, 2, { productId: 'shirt' })
    const blue = line('blue', 1000, 2, { productId: 'shirt' })
    const lines = [red, blue, line('mug', 500, 1)]
    expect(taken({ ...byQuantity, per: 'line' }, lines)).toMatchObject({ red: 0, blue: 0, mug: 0 })
    expect(taken({ ...byQuantity, per: 'product' }, lines)).toMatchObject({ red: 200, blue: 200, mug: 0 })
    expect(taken({ ...byQuantity, per: 'order' }, lines)).toMatchObject({ red: 200, blue: 200, mug: 50 })
    expect(taken({ ...byQuantity, per: 'order', where: when('line.product_id', 'equal', 'shirt') }, lines)).toMatchObject({
      red: 200,
      mug: 0,
    })
  })

  it('are measured by what the goods cost at list price', () => {
    const byAmount: Tiers = {
      ...byQuantity,
      by: 'amount',
      per: 'order',
      on: 'order',
      tiers: [
        { from: 5000, amount: 500 },
        { from: 10_000, amount: 1500 },
      ],
    }
    expect(taken(byAmount, [line('mug', 4999)]).mug).toBe(0)
    expect(taken(byAmount, [line('mug', 5000)]).mug).toBe(500)
    expect(taken(byAmount, [line('mug', 5000, 2), line('pen', 1000)])).toMatchObject({ mug: 1364, pen: 136 })
  })

  it('set a price for pieces', () => {
    const priced: Tiers = {
      ...byQuantity,
      tiers: [
        { from: 2, unit_price: 900 },
        { from: 5, unit_price: 750 },
      ],
    }
    expect(taken(priced, [line('mug', 1000, 5)]).mug).toBe(1250)
    expect(taken({ ...priced, on: 'line' }, [line('mug', 1000, 2)]).mug).toBe(200)
  })

  it('reduce the shipping', () => {
    const shipping: Tiers = {
      ...byQuantity,
      on: 'shipping',
      tiers: [
        { from: 2, rate_ppm: 500_000 },
        { from: 4, rate_ppm: 1_000_000 },
      ],
    }
    const off = (quantity: number) => taken(shipping, [line('mug', 1000, quantity)]).shipping
    expect([1, 2, 4].map(off)).toEqual([0, 245, 490])
  })
})
