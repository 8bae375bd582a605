import { describe, expect, it } from 'vitest'
import { FACTS } from '../rules/fact-catalogue.ts'
import type { CartFactName, LineFactName } from '../rules/fact-values.ts'
import { PricingFacts, PricingLineFacts } from './cart-facts.ts'
import type { PricingInput } from './pricing-input.ts'
import { cartOf, line } from './testing/shop.ts'

const lines = [
  line('mug', 800, 2, { tags: ['red', 'blue'], collections: ['kitchen'], vendor: 'Acme', productType: 'Cup', grams: 300n }),
  line('pen', 150, 1, { tags: ['blue'], sku: '', vendor: '', compareAtPrice: 200n, requiresShipping: false, taxCategory: 'reduced' }),
]

function factsOf(overrides: Partial<PricingInput> = {}): PricingFacts {
  const input = cartOf(lines, overrides)
  return new PricingFacts(input, {
    timeZone: 'Europe/Berlin',
    lines: lines.map((each) => new PricingLineFacts(each, each.quantity)),
    shippingAmount: () => 490n,
    discountedSubtotal: () => 1_000n,
  })
}

function valuesOf(facts: PricingFacts): Record<string, unknown> {
  const names = Object.entries(FACTS).filter(([, { scope }]) => scope === 'cart')
  return Object.fromEntries(names.map(([name]) => [name, facts[name as CartFactName]]))
}

describe('the facts of a cart', () => {
  it('are those of the catalogue', () => {
    const address = { country: 'DE', region: 'BE', postcode: '10115', city: 'Berlin' }
    const customer = {
      id: 'c',
      groups: ['vip', 'early', 'vip'],
      ordersCount: 3n,
      totalSpent: 9_900n,
      lastOrderAt: '2026-11-11T13:00:00.000Z',
      taxExempt: false,
      vatId: null,
    }
    const coupons = [
      { code: 'twenty', promotionId: 'p', state: 'usable' as const },
      { code: 'OLD', promotionId: 'p', state: 'expired' as const },
    ]
    const given = {
      shippingAddress: address,
      billingCountry: 'AT',
      customer,
      coupons,
      firstOrder: false,
      emailDomain: 'example.org',
      shipping: { method: 'parcel' },
    }
    const { lines: seen, ...values } = valuesOf(factsOf(given))
    expect(seen).toHaveLength(2)
    expect(values).toEqual({
      'cart.subtotal': 1_750n,
      'cart.discounted_subtotal': 1_000n,
      'cart.quantity': 3,
      'cart.line_count': 2,
      'cart.weight': 700,
      'cart.skus': ['SKU-mug'],
      'cart.product_ids': ['product-mug', 'product-pen'],
      'cart.variant_ids': ['variant-mug', 'variant-pen'],
      'cart.collections': ['kitchen'],
      'cart.tags': ['blue', 'red'],
      'cart.vendors': ['Acme'],
      'cart.product_types': ['Cup'],
      'customer.known': true,
      'customer.id': 'c',
      'customer.groups': ['early', 'vip'],
      'customer.orders_count': 3,
      'customer.total_spent': 9_900n,
      // 23 hours more would make ten.
      'customer.last_order_days': 9,
      'customer.first_order': false,
      'customer.email_domain': 'example.org',
      channel: 'web',
      currency: 'EUR',
      'time.now': '2026-11-21T12:00:00.000Z',
      'time.date': '2026-11-21',
      'time.weekday': 6,
      'time.hour': 13,
      'time.minute_of_day': 780,
      'shipping_address.country': 'DE',
      'shipping_address.region': 'BE',
      'shipping_address.postcode': '10115',
      'shipping_address.city': 'Berlin',
      'billing_address.country': 'AT',
      'shipping.method': 'parcel',
      'shipping.amount': 490n,
      'coupon.codes': ['TWENTY'],
    })
  })

  it('are missing where nobody knows them', () => {
    const values = valuesOf(factsOf())
    const missing = Object.keys(values).filter((name) => values[name] === null)
    const nullable = Object.entries(FACTS).filter(([, fact]) => fact.scope === 'cart' && fact.nullable)
    expect(missing).toEqual(nullable.map(([name]) => name).filter((name) => name !== 'shipping.amount'))
    expect(values['customer.groups']).toEqual([])
  })
})

describe('the facts of a line', () => {
  it('are those of the catalogue', () => {
    const names = Object.entries(FACTS).filter(([, { scope }]) => scope === 'line')
    const [mug, pen] = lines.map((each) => {
      const facts = new PricingLineFacts(each, each.quantity)
      return Object.fromEntries(names.map(([name]) => [name, facts[name as LineFactName]]))
    })
    expect(mug).toEqual({
      'line.quantity': 2,
      'line.unit_price': 800n,
      'line.subtotal': 1_600n,
      'line.weight': 600,
      'line.sku': 'SKU-mug',
      'line.product_id': 'product-mug',
      'line.variant_id': 'variant-mug',
      'line.tags': ['red', 'blue'],
      'line.collections': ['kitchen'],
      'line.vendor': 'Acme',
      'line.product_type': 'Cup',
      'line.on_sale': false,
      'line.sale_percent': null,
      'line.taxable': true,
      'line.tax_category': null,
      'line.requires_shipping': true,
    })
    expect(pen).toMatchObject({
      'line.on_sale': true,
      'line.sale_percent': 250_000,
      'line.sku': null,
      'line.vendor': null,
      'line.tax_category': 'reduced',
      'line.requires_shipping': false,
    })
  })
})
