import { compilePricing } from '@souk/core/pricing/compile-pricing.ts'
import { priceCart } from '@souk/core/pricing/price-cart.ts'
import { cartOf, documentOf, line, promotion, promotionId } from '@souk/core/pricing/testing/shop.ts'
import type { Conditions } from '@souk/core/rules/conditions.ts'
import { expect, it } from 'vitest'
import { presentPromotionTrace, promotionTraceSchema } from './promotion-trace.ts'

const conditions = {
  all: [
    { fact: 'cart.subtotal', operator: 'greaterThanInclusive', value: 5000 },
    { any: [{ not: { fact: 'shipping_address.country', operator: 'equal', value: 'DE' } }] },
  ],
} as unknown as Conditions
const tenOff = [{ type: 'percentage', on: 'order', rate_ppm: 100_000, where: null }] as const

function traceOf(unitPrice: number, country: string | null, given: object = {}) {
  const id = promotionId(1)
  const rules = compilePricing(documentOf({ promotions: [promotion({ id, conditions, actions: [...tenOff], ...given })] }))
  const address = country === null ? null : { country, region: null, postcode: null, city: null }
  const priced = priceCart(cartOf([line('a', unitPrice)], { shippingAddress: address }), rules, 'full')
  return promotionTraceSchema.parse(presentPromotionTrace(priced.promotions[0]!, 'EUR'))
}

it('says which conditions held, with the values seen, where they stand, and what was taken off', () => {
  expect(traceOf(6_240, 'FR')).toMatchObject({
    promotion_id: promotionId(1),
    version: 1,
    outcome: 'applied',
    amount: { amount: 624, currency: 'EUR' },
    conditions_held: true,
    conditions: [
      {
        pointer: '/all/0',
        fact: 'cart.subtotal',
        operator: 'greaterThanInclusive',
        expected: { amount: 5000, currency: 'EUR' },
        actual: { amount: 6240, currency: 'EUR' },
        result: 'held',
        words: 'subtotal 62.40 EUR is at least 50.00 EUR',
      },
      { pointer: '/all/1/any/0/not', fact: 'shipping_address.country', expected: 'DE', actual: 'FR', result: 'failed' },
    ],
  })
})

it('says which condition failed', () => {
  const trace = traceOf(4_000, 'FR')
  expect(trace).toMatchObject({ outcome: 'conditions_failed', conditions_held: false, amount: { amount: 0 } })
  expect(trace.words).toContain('subtotal 40.00 EUR')
  expect(trace.conditions.map((condition) => condition.result)).toEqual(['failed', 'failed'])
})

it('tells a missing value from a wrong one', () => {
  expect(traceOf(6_240, null).conditions[1]).toMatchObject({ actual: null, result: 'missing' })
})

it('has no conditions to show for a promotion without any', () => {
  expect(traceOf(100, null, { conditions: null })).toMatchObject({ outcome: 'applied', conditions_held: null, conditions: [] })
})
