import { describe, expect, it } from 'vitest'
import { AMOUNT_MAX } from '../money.ts'
import { compilePricing } from './compile-pricing.ts'
import { priceCart } from './price-cart.ts'
import { pricingVersion } from './pricing-document.ts'
import { NO_PLUGINS, type PricingInput } from './pricing-input.ts'
import { shippingOptions } from './shipping-options.ts'
import { cartOf, documentOf, line, PARCEL, priceIn, promotion, type Shop, when } from './testing/shop.ts'

const tenPercent = promotion({ name: 'Ten percent', actions: [{ type: 'percentage', on: 'order', rate_ppm: 100_000, where: null }] })
const freeShipping = promotion({
  name: 'Free shipping',
  actions: [{ type: 'percentage', on: 'shipping', rate_ppm: 1_000_000, where: null }],
})
const installed = { installId: 'install', plugin: 'loyalty', version: '1.2.3' }

describe('the stages', () => {
  it('lie in a fixed order, and each says what it did', () => {
    const shop: Shop = {
      policy: { prices_include_tax: true },
      taxes: { default_rate_ppm: 190_000, default_name: 'VAT' },
      promotions: [
        freeShipping,
        tenPercent,
        promotion({
          name: 'Mugs',
          priority: 1,
          actions: [{ type: 'fixed', on: 'unit', amount: 100, where: when('line.tags', 'contains', 'mug') }],
        }),
      ],
    }
    const cart = cartOf([line('mug', 1000, 2), line('pen', 500)], {
      shipping: { method: PARCEL },
      manual: [{ target: { lineId: 'pen' }, amount: 50n, reason: 'A scratch', code: 'scratch' }],
      plugins: {
        ...NO_PLUGINS,
        discounts: [{ ...installed, operations: [{ target: 'order', amount: 200n, reason: 'Points', code: null }] }],
      },
    })
    const priced = priceIn(shop, cart)
    expect(priced.explanation).toEqual([
      { step: 'list_price', text: '3 items at list price', amount: 2500n },
      { step: 'promotion', text: 'Mugs', amount: -200n },
      { step: 'promotion', text: 'Ten percent', amount: -230n },
      { step: 'plugin', text: 'Points', amount: -200n },
      { step: 'manual', text: 'A scratch', amount: -50n },
      { step: 'shipping', text: 'Parcel', amount: 490n },
      { step: 'promotion', text: 'Free shipping', amount: -490n },
      { step: 'tax', text: 'VAT 19 %, included in the prices', amount: priced.totals.tax },
      { step: 'total', text: 'Total', amount: 1820n },
    ])
    expect(priced.totals).toMatchObject({ subtotal: 2500n, discount: 1170n, shippingDiscount: 490n, shipping: 490n, total: 1820n })
    expect(priced.adjustments.find(({ source }) => source === 'plugin')).toMatchObject({
      code: 'loyalty',
      installId: 'install',
      version: '1.2.3',
    })
  })

  it('price an empty cart at nothing', () => {
    const priced = priceIn({ promotions: [tenPercent, freeShipping] }, cartOf([], { shipping: { method: PARCEL } }))
    expect(priced.totals).toMatchObject({ subtotal: 0n, shipping: 0n, total: 0n })
    expect(priced.shipping).toBeNull()
  })

  it('price goods that cost nothing', () => {
    const priced = priceIn(
      { promotions: [tenPercent], taxes: { default_rate_ppm: 190_000 } },
      cartOf([line('sample', 0, 3)], { shipping: { method: PARCEL } }),
    )
    expect(priced.totals).toMatchObject({ discount: 0n, shipping: 490n, tax: 93n, total: 583n })
  })

  it('let plugins take off what there is, and no more', () => {
    const operations = [
      { target: { lineId: 'mug' }, amount: 99_999n, reason: 'Much', code: 'MUCH' },
      { target: 'order' as const, amount: 99_999n, reason: 'More', code: null },
      { target: 'shipping' as const, amount: 99_999n, reason: 'All', code: null },
      { target: { lineId: 'nowhere' }, amount: 5n, reason: 'Lost', code: null },
    ]
    const priced = priceIn(
      {},
      cartOf([line('mug', 1000), line('pen', 500)], {
        shipping: { method: PARCEL },
        plugins: { ...NO_PLUGINS, discounts: [{ ...installed, operations }] },
      }),
    )
    const charged = priced.adjustments.filter(({ source }) => source !== 'tax')
    expect(charged.map(({ code, amount }) => [code, amount])).toEqual([
      ['MUCH', -1000n],
      ['loyalty', -500n],
      [PARCEL, 490n],
      ['loyalty', -490n],
    ])
    expect(priced.totals.total).toBe(0n)
  })

  it('pass on what plugins could not do', () => {
    const notes = [{ plugin: 'loyalty', reason: 'timeout', text: 'No points today.' }]
    expect(priceIn({}, cartOf([line('mug', 1000)], { plugins: { ...NO_PLUGINS, notes } })).notes).toEqual(notes)
  })
})

describe('amounts that no shop can charge', () => {
  it.each([
    ['a line', [line('gold', Number(AMOUNT_MAX), 2)]],
    ['a total', [line('gold', Number(AMOUNT_MAX)), line('mug', 1)]],
  ])('are refused: %s', (_name, lines) => {
    expect(() => priceIn({}, cartOf(lines))).toThrow(expect.objectContaining({ code: 'amount_out_of_range' }))
  })

  it('are refused in another currency than the pricing has', () => {
    expect(() => priceIn({}, cartOf([line('mug', 1000)], { currency: 'USD' }))).toThrow(
      expect.objectContaining({ code: 'currency_mismatch' }),
    )
  })

  it('are refused with their tax', () => {
    expect(() => priceIn({ taxes: { default_rate_ppm: 10_000 } }, cartOf([line('gold', Number(AMOUNT_MAX))]))).toThrow(
      expect.objectContaining({ code: 'amount_out_of_range' }),
    )
  })

  it.each([
    { manual: [{ target: 'order' as const, amount: -1n, reason: 'Bad', code: 'bad' }] },
    { manual: [{ target: 'shipping' as const, amount: -1n, reason: 'Bad', code: 'bad' }] },
    {
      plugins: {
        ...NO_PLUGINS,
        discounts: [{ ...installed, operations: [{ target: { lineId: 'mug' }, amount: -1n, reason: 'Bad', code: null }] }],
      },
    },
  ])('are refused when a discount would raise the price', (overrides: Partial<PricingInput>) => {
    expect(() => priceIn({}, cartOf([line('mug', 1000)], { shipping: { method: PARCEL }, ...overrides }))).toThrow(
      expect.objectContaining({ code: 'rule_result_invalid' }),
    )
  })
})

describe('shipping', () => {
  const methods = [
    { code: PARCEL, name: 'Parcel', rate: { type: 'flat', amount: 490 }, free_from: 2_000 },
    { code: 'heavy', name: 'Freight', rate: { type: 'by_weight', steps: [{ from_grams: 1_000, amount: 9_900 }] } },
  ]
  const rates = [
    {
      installId: 'install',
      plugin: 'lockers',
      version: '1.0.0',
      rates: [{ code: 'l1', name: 'Locker', amount: 290n, taxCategory: null, deliveryDays: null, pickupPoint: null }],
    },
  ]
  const plugins = { ...NO_PLUGINS, rates }

  it('is chosen by its code, of the table or of a plugin', () => {
    const chosen = (method: string) =>
      priceIn({ shipping: { methods } }, cartOf([line('mug', 1000)], { shipping: { method }, plugins })).shipping
    expect(chosen(PARCEL)).toMatchObject({ method: PARCEL, name: 'Parcel', amount: 490n })
    expect(chosen('install:l1')).toMatchObject({ method: 'install:l1', name: 'Locker', amount: 290n })
  })

  it('that cannot be had is not charged, and says so', () => {
    const chosen = (method: string) => priceIn({ shipping: { methods } }, cartOf([line('mug', 1000)], { shipping: { method } }))
    expect(chosen('heavy')).toMatchObject({ shipping: null, shippingProblem: expect.stringMatching(/no rate/) })
    expect(chosen('install:l1')).toMatchObject({ shipping: null, shippingProblem: expect.stringMatching(/does not exist/) })
    expect(chosen(PARCEL).shippingProblem).toBeNull()
  })

  it('is not charged when nothing has to be sent', () => {
    const priced = priceIn({}, cartOf([line('ebook', 1000, 1, { requiresShipping: false })], { shipping: { method: PARCEL } }))
    expect(priced).toMatchObject({ shipping: null, shippingProblem: null })
  })

  it('measures the goods at list price, or after discounts, as the merchant says', () => {
    const charged = (shipping_measures: 'list' | 'discounted') =>
      priceIn(
        { policy: { shipping_measures }, promotions: [tenPercent], shipping: { methods } },
        cartOf([line('mug', 2000)], { shipping: { method: PARCEL } }),
      ).totals.shipping
    expect([charged('list'), charged('discounted')]).toEqual([0n, 490n])
  })

  it('may be had for what is left of the goods, whatever was tried before', () => {
    const cheap = [
      { code: PARCEL, name: 'Parcel', rate: { type: 'flat', amount: 100 }, conditions: when('cart.discounted_subtotal', 'lessThan', 1000) },
    ]
    const rival = (rate_ppm: number) =>
      promotion({ stacking: { mode: 'best', group: null }, actions: [{ type: 'percentage', on: 'order', rate_ppm, where: null }] })
    const shipped = (rates: number[]) =>
      priceIn({ shipping: { methods: cheap }, promotions: rates.map(rival) }, cartOf([line('mug', 1000)], { shipping: { method: PARCEL } }))
        .shipping?.amount
    expect([shipped([]), shipped([0, 100_000]), shipped([100_000, 0]), shipped([0, 0])]).toEqual([undefined, 100n, 100n, undefined])
  })

  it('is refused at a negative price', () => {
    const bad = [{ ...rates[0]!, rates: [{ ...rates[0]!.rates[0]!, amount: -1n }] }]
    const cart = cartOf([line('mug', 1000)], { shipping: { method: 'install:l1' }, plugins: { ...NO_PLUGINS, rates: bad } })
    expect(() => priceIn({}, cart)).toThrow(expect.objectContaining({ code: 'rule_result_invalid' }))
  })

  it('weighs what is sent, and nothing else', () => {
    const weighed = (requiresShipping: boolean) => {
      const lines = [line('mug', 1000), line('anvil', 100, 1, { grams: 5_000n, requiresShipping })]
      return priceIn({ shipping: { methods } }, cartOf(lines, { shipping: { method: 'heavy' } })).shipping?.amount
    }
    expect([weighed(true), weighed(false)]).toEqual([9_900n, undefined])
  })

  it('weighs gifts, too', () => {
    const { id: _id, quantity: _quantity, ...gift } = line('anvil', 100, 1, { grams: 5_000n })
    const shop = {
      shipping: { methods },
      promotions: [promotion({ actions: [{ type: 'gift', variant_id: 'variant-anvil', quantity: 1 }] })],
    }
    const priced = priceIn(shop, cartOf([line('mug', 1000)], { shipping: { method: 'heavy' }, gifts: [{ ...gift, available: true }] }))
    expect(priced.totals.shipping).toBe(9_900n)
  })

  it('is offered with what it costs after promotions', () => {
    const forParcels = promotion({ actions: freeShipping.actions, conditions: when('shipping.method', 'equal', PARCEL) })
    const rules = compilePricing(documentOf({ shipping: { methods }, promotions: [forParcels] }))
    expect(shippingOptions(cartOf([line('mug', 1000)], { plugins }), rules)).toEqual([
      { code: PARCEL, name: 'Parcel', amount: 490n, discountedAmount: 0n, available: true, words: expect.any(String) },
      { code: 'heavy', name: 'Freight', amount: 0n, discountedAmount: 0n, available: false, words: expect.any(String) },
      { code: 'install:l1', name: 'Locker', amount: 290n, discountedAmount: 290n, available: true, words: expect.any(String) },
    ])
    expect(shippingOptions(cartOf([line('ebook', 1000, 1, { requiresShipping: false })]), rules)).toEqual([])
  })

  it('costs nothing where choosing it takes away all that had to be sent', () => {
    const { id: _id, quantity: _quantity, ...mug } = line('mug', 100)
    const mugOrReduction = promotion({
      limits: { budget: 1_000, budget_overrun: 'refuse' },
      actions: [
        { type: 'gift', variant_id: mug.variantId, quantity: 1 },
        { type: 'fixed', on: 'shipping', amount: 78, where: null },
      ],
    })
    const rules = compilePricing(documentOf({ promotions: [mugOrReduction] }))
    const cart = cartOf([line('ebook', 1000, 1, { requiresShipping: false })], {
      gifts: [{ ...mug, available: true }],
      usage: { [mugOrReduction.id]: { usesLeft: null, usesLeftForCustomer: null, budgetLeft: 77n } },
    })
    const [option] = shippingOptions(cart, rules)
    expect(option).toMatchObject({ code: PARCEL, amount: 0n, discountedAmount: 0n, available: true })
    expect(option!.words).toContain('Nothing is left to be sent')
    expect(priceCart({ ...cart, shipping: { method: PARCEL } }, rules)).toMatchObject({ shipping: null, shippingProblem: null })
  })

  it('says what is missing for free shipping', () => {
    const priced = priceIn({ shipping: { methods } }, cartOf([line('mug', 1690)], { shipping: { method: PARCEL } }))
    expect(priced.nearMisses).toEqual([{ promotionId: null, words: 'Add 3.10 EUR more for free shipping.' }])
  })

  it('is a fact that conditions of promotions may ask for, before discounts', () => {
    const cheap = promotion({ ...tenPercent, name: 'cheap', conditions: when('shipping.amount', 'lessThanInclusive', 490) })
    const dear = promotion({
      ...tenPercent,
      id: promotion(tenPercent).id,
      name: 'dear',
      conditions: when('shipping.amount', 'greaterThan', 490),
    })
    const priced = priceIn(
      { promotions: [cheap, dear, freeShipping] },
      cartOf([line('mug', 1000)], { shipping: { method: PARCEL } }),
      'full',
    )
    expect(priced.promotions.filter(({ outcome }) => outcome === 'applied').map(({ name }) => name)).toEqual(['cheap', 'Free shipping'])
  })
})

describe('a pricing version', () => {
  it('is named by its content, whatever order its keys have', () => {
    const document = documentOf({ promotions: [tenPercent] })
    const turned = Object.fromEntries(Object.entries(document).reverse()) as typeof document
    expect(pricingVersion(turned)).toBe(pricingVersion(document))
    expect(compilePricing(document).version).toBe(pricingVersion(document))
    expect(pricingVersion({ ...document, currency: 'USD' })).not.toBe(pricingVersion(document))
    expect(pricingVersion(document)).toMatch(/^[0-9a-f]{64}$/)
  })

  it('may be used for many carts', () => {
    const rules = compilePricing(documentOf({ promotions: [tenPercent] }))
    const totals = [1000, 2000, 1000].map((price) => priceCart(cartOf([line('mug', price)]), rules).totals.total)
    expect(totals).toEqual([900n, 1800n, 900n])
  })
})
