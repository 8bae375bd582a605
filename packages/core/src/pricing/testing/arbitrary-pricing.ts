import fc from 'fast-check'
import { ROUNDING_MODES } from '../../money.ts'
import type { Conditions } from '../../rules/conditions.ts'
import { taxTableSchema } from '../../taxes/tax-table.ts'
import { NO_PLUGINS, type PricingInput, type PricingLine } from '../pricing-input.ts'
import type { PromotionDocumentInput } from '../promotion-document.ts'
import { cartOf, line, PARCEL, promotion, promotionId, type Shop, when } from './shop.ts'

const TAGS = ['red', 'blue', 'green']
const CODES = ['ALPHA', 'BETA', 'GAMMA']
const RATES = [
  { id: 'standard', category: 'standard', rate_ppm: 190_000 },
  { id: 'reduced', category: 'reduced', rate_ppm: 70_000 },
  { id: 'city', category: 'standard', rate_ppm: 12_500, priority: 2, compound: true },
]

/** Shops with every kind of promotion, policy, tax and way of sending, and a cart for each. */
export function arbitraryPricing(): fc.Arbitrary<{ shop: Shop; cart: PricingInput }> {
  return fc.record({ shop: arbitraryShop(), cart: arbitraryCart() })
}

function arbitraryShop(): fc.Arbitrary<Shop> {
  const mode = fc.constantFrom(...ROUNDING_MODES)
  const policy = fc.record({
    prices_include_tax: fc.boolean(),
    rounding: mode,
    discount_rounding: fc.option(mode),
    tax_rounded_per: fc.constantFrom('unit' as const, 'line' as const, 'order' as const),
    discounts: fc.constantFrom('before_tax' as const, 'after_tax' as const),
    foreign_tax: fc.constantFrom('same_gross' as const, 'same_net' as const),
    shipping_measures: fc.constantFrom('list' as const, 'discounted' as const),
  })
  return fc.record({
    policy,
    promotions: fc
      .array(arbitraryPromotion(), { maxLength: 6 })
      .map((all) => all.map((each, index) => ({ ...each, id: promotionId(index + 1) }))),
    taxes: fc.record({ mode: fc.constantFrom('none', 'category', 'highest', 'weighted'), reverseCharge: fc.boolean() }).map((tax) =>
      taxTableSchema.parse({
        seller_country: 'DE',
        rates: [
          ...RATES.map((rate) => ({ ...rate, name: rate.id, country: 'DE' })),
          { id: 'at', name: 'at', country: 'AT', rate_ppm: 200_000 },
        ],
        distance_sales: { mode: 'destination' },
        reverse_charge: tax.reverseCharge,
        exempt_groups: ['exempt'],
        shipping: { mode: tax.mode },
      }),
    ),
    shipping: fc.constantFrom(
      {},
      { methods: [{ code: PARCEL, name: 'Parcel', rate: { type: 'by_quantity', first: 300, additional: 55 }, free_from: 9_000 }] },
      { methods: [{ code: PARCEL, name: 'Parcel', rate: { type: 'percentage', rate_ppm: 33_333 } }] },
    ),
  })
}

function arbitraryPromotion(): fc.Arbitrary<PromotionDocumentInput> {
  return fc
    .record({
      trigger: fc.constantFrom('automatic' as const, 'automatic' as const, 'coupon' as const),
      priority: fc.integer({ min: 1, max: 4 }),
      mode: fc.constantFrom('stack' as const, 'stack' as const, 'stack' as const, 'best' as const, 'exclusive' as const),
      group: fc.constantFrom(null, 'one', 'two'),
      discounted_lines: fc.constantFrom('include' as const, 'include' as const, 'skip' as const),
      conditions: arbitraryConditions(),
      actions: fc.array(arbitraryAction(), { minLength: 1, maxLength: 3 }),
      budget_overrun: fc.constantFrom('cap' as const, 'refuse' as const),
      rollout_ppm: fc.constantFrom(1_000_000, 1_000_000, 500_000),
    })
    .map(({ mode, group, discounted_lines, budget_overrun, ...rest }) =>
      promotion({ ...rest, stacking: { mode, group, discounted_lines }, limits: { budget: 1_000, budget_overrun } }),
    )
}

function arbitraryConditions(): fc.Arbitrary<Conditions | null> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 20_000 }).map((amount) => when('cart.subtotal', 'greaterThanInclusive', amount)) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0, max: 20_000 }).map((amount) => when('cart.discounted_subtotal', 'greaterThanInclusive', amount)),
    },
    { weight: 1, arbitrary: fc.constantFrom(...TAGS).map((tag) => when('cart.tags', 'contains', tag)) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 900 }).map((amount) => when('shipping.amount', 'lessThan', amount)) },
  )
}

function arbitraryAction(): fc.Arbitrary<PromotionDocumentInput['actions'][number]> {
  const rate_ppm = fc.oneof(fc.constantFrom(0, 100_000, 333_333, 500_000, 1_000_000), fc.integer({ min: 0, max: 1_000_000 }))
  const amount = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 20_000 }))
  const where = fc.oneof(
    fc.constant(null),
    fc.constantFrom(...TAGS).map((tag) => when('line.tags', 'contains', tag)),
  )
  const quantity = fc.integer({ min: 1, max: 3 })
  const first = fc.constantFrom('cheapest' as const, 'dearest' as const)
  const units = {
    units_max: fc.option(fc.integer({ min: 1, max: 4 })),
    units_skip: fc.integer({ min: 0, max: 2 }),
    units_group: quantity,
    units_per: fc.constantFrom('line' as const, 'order' as const),
    units_first: first,
  }
  const on = fc.constantFrom('unit' as const, 'line' as const, 'order' as const, 'shipping' as const, 'total' as const)
  const most = fc.option(fc.integer({ min: 1, max: 3 }))
  const tier = fc.oneof(
    fc.record({ from: amount, rate_ppm }),
    fc.record({ from: amount, amount }),
    fc.record({ from: amount, unit_price: amount }),
  )
  return fc.oneof(
    fc.record({
      type: fc.constant('percentage' as const),
      on,
      rate_ppm,
      where,
      ...units,
      amount_max: fc.option(amount),
      basis: fc.constantFrom('remaining' as const, 'list' as const),
    }),
    fc.record({ type: fc.constant('fixed' as const), on, amount, where, ...units }),
    fc.record({
      type: fc.constant('set_price' as const),
      on: fc.constantFrom('unit' as const, 'line' as const, 'order' as const, 'shipping' as const),
      amount,
      where,
      ...units,
    }),
    fc.record({
      type: fc.constant('buy_x_get_y' as const),
      buy: fc.record({ where, quantity }),
      get: fc.record({ where, quantity, first }),
      rate_ppm,
      amount: fc.option(amount),
      times_max: most,
    }),
    fc.record({
      type: fc.constant('tiers' as const),
      on: fc.constantFrom('unit' as const, 'line' as const, 'order' as const, 'shipping' as const),
      by: fc.constantFrom('quantity' as const, 'amount' as const),
      per: fc.constantFrom('line' as const, 'product' as const, 'order' as const),
      where,
      tiers: fc.array(tier, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      type: fc.constant('bundle' as const),
      parts: fc.array(fc.record({ where, quantity }), { minLength: 1, maxLength: 3 }),
      value: fc.oneof(fc.record({ price: amount }), fc.record({ rate_ppm }), fc.record({ amount })),
      first,
      times_max: most,
    }),
    fc.constant({ type: 'gift' as const, variant_id: 'variant-gift', quantity: 1 }),
  )
}

function arbitraryCart(): fc.Arbitrary<PricingInput> {
  const usage = fc.record({
    usesLeft: fc.constantFrom(null, 0n, 3n),
    usesLeftForCustomer: fc.constant(null),
    budgetLeft: fc.constantFrom(null, 0n, 77n, 1_000n),
  })
  return fc
    .record({
      lines: fc.array(arbitraryLine(), { maxLength: 7 }),
      codes: fc.subarray(CODES),
      usage: fc.dictionary(fc.integer({ min: 1, max: 6 }).map(promotionId), usage, { maxKeys: 3 }),
      country: fc.constantFrom(null, 'DE', 'AT', 'CH'),
      groups: fc.constantFrom<string[] | null>(null, ['vip'], ['exempt', 'vip']),
      vatId: fc.boolean(),
      sent: fc.boolean(),
      plugins: arbitraryPlugins(),
      manual: fc.bigInt({ min: 0n, max: 500n }),
    })
    .map(({ lines, codes, usage, country, groups, vatId, sent, plugins, manual }) => {
      const ids = lines.map((each, index) => ({ ...each, id: `l${index}` }))
      return cartOf(ids, {
        gifts: [{ ...withoutQuantity(line('gift', 999)), available: true }],
        coupons: codes.map((code, index) => ({ code, promotionId: promotionId(index + 1), state: 'usable' })),
        usage,
        shippingAddress: country === null ? null : { country, region: null, postcode: '10115', city: null },
        customer:
          groups === null
            ? null
            : { id: 'customer', groups, ordersCount: 1n, totalSpent: 5_000n, lastOrderAt: null, taxExempt: false, vatId: null },
        vatId: vatId ? { country: 'AT', number: 'ATU12345675', valid: true } : null,
        shipping: sent ? { method: PARCEL } : null,
        manual: [{ target: 'order', amount: manual, reason: 'Sorry', code: 'sorry' }],
        plugins,
      })
    })
}

function arbitraryLine(): fc.Arbitrary<PricingLine> {
  return fc
    .record({
      price: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 9_999 })),
      quantity: fc.integer({ min: 1, max: 6 }),
      minimumPrice: fc.constantFrom(null, null, 100n, 5_000n),
      compareAtPrice: fc.constantFrom(null, 5_000n),
      tags: fc.subarray(TAGS),
      taxable: fc.boolean(),
      taxCategory: fc.constantFrom(null, 'standard', 'reduced'),
      product: fc.constantFrom('shirt', 'mug'),
      requiresShipping: fc.boolean(),
    })
    .map(({ price, quantity, product, ...overrides }) => line('line', price, quantity, { ...overrides, productId: product }))
}

function arbitraryPlugins(): fc.Arbitrary<PricingInput['plugins']> {
  const target = fc.constantFrom('order' as const, 'shipping' as const, { lineId: 'l0' }, { lineId: 'nowhere' })
  const operation = fc.record({
    target,
    amount: fc.bigInt({ min: 0n, max: 3_000n }),
    reason: fc.constant('Loyal'),
    code: fc.constant(null),
  })
  const installed = { installId: 'install', plugin: 'loyalty', version: '1.0.0' }
  return fc
    .record({ operations: fc.array(operation, { maxLength: 3 }), taxes: fc.constantFrom('none', 'rates', 'amounts') })
    .map(({ operations, taxes }): PricingInput['plugins'] => ({
      ...NO_PLUGINS,
      discounts: operations.length > 0 ? [{ ...installed, operations }] : [],
      taxes:
        taxes === 'none'
          ? null
          : {
              ...installed,
              plugin: 'taxes',
              note: null,
              estimated: false,
              lines: {
                l0: taxes === 'rates' ? [{ name: 'Odd', ratePpm: 77_777n }] : [{ name: 'Odd', amount: 13n }],
                l1: [{ name: 'Odd', ratePpm: 77_777n }],
              },
              shipping: [{ name: 'Odd', ratePpm: 77_777n }],
            },
    }))
}

function withoutQuantity({ id: _id, quantity: _quantity, ...goods }: PricingLine): Omit<PricingLine, 'id' | 'quantity'> {
  return goods
}
