import { expect, it } from 'vitest'
import { compilePricing } from '../pricing/compile-pricing.ts'
import { NO_PLUGINS, type PricingInput } from '../pricing/pricing-input.ts'
import { cartOf, documentOf, line, PARCEL, promotion } from '../pricing/testing/shop.ts'
import { priceQuote } from '../quote/price-quote.ts'
import type { Cart } from './cart.ts'
import { withAnswers } from './with-plugins.ts'

const tenPercent = promotion({ name: 'Ten', actions: [{ type: 'percentage', on: 'order', rate_ppm: 100_000, where: null }] })
const rules = compilePricing(documentOf({ promotions: [tenPercent] }))
const installed = { installId: '0198c0de-0000-7000-8000-000000000001', plugin: 'p', version: '1.0.0' }
const off = { target: 'order' as const, amount: 100n, reason: 'Less', code: null }
const rate = { code: 'bike', name: 'Bike', amount: 1n, taxCategory: null, deliveryDays: null, pickupPoint: null }

/** A cart of which the buyer has not said how to send it. */
function cartWith(shippingOption: string | null): Cart {
  const shipping = shippingOption === null ? null : { method: shippingOption }
  const quote = priceQuote(cartOf([line('tea', 2_000, 3), line('cup', 500)], { shipping }), rules)
  return { shippingOption, pricing: { rules }, ...quote } as Cart
}

const NOTE = { plugin: 'p', reason: 'timeout', text: 'p did not answer.' }
const answers: [string, Partial<PricingInput['plugins']>][] = [
  ['that take nothing off', { discounts: [{ ...installed, operations: [] }], rates: [{ ...installed, rates: [] }], notes: [NOTE] }],
  ['that take something off', { discounts: [{ ...installed, operations: [off] }] }],
  ['with a way of delivery', { rates: [{ ...installed, rates: [rate] }] }],
  ['with taxes', { taxes: { ...installed, lines: {}, shipping: null, note: 'none due', estimated: false } }],
]

it.each(answers)('answers %s are in the price as if it had been made anew', (_what, given) => {
  const plugins = { ...NO_PLUGINS, ...given }
  for (const shippingOption of [null, PARCEL, `${installed.installId}:bike`]) {
    const cart = cartWith(shippingOption)
    const shipping = shippingOption === null ? null : { method: shippingOption }
    const anew = priceQuote({ ...cart.pricingInput, shipping, plugins }, rules)
    expect(withAnswers(cart, plugins)).toEqual({ ...cart, ...anew })
  }
})

it('a price that nothing was said about is not made again', () => {
  const cart = cartWith(null)
  expect(withAnswers(cart, { ...NO_PLUGINS, discounts: [{ ...installed, operations: [] }] }).priced.lines).toBe(cart.priced.lines)
})
