import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ROUNDING_MODES } from '../money.ts'
import type { Conditions } from '../rules/conditions.ts'
import { taxTableSchema } from '../taxes/tax-table.ts'
import type { PricedCart } from './priced-cart.ts'
import type { PromotionDocumentInput } from './promotion-document.ts'
import { type NaiveCart, type NaivePromotion, type NaiveResult, priceNaively } from './testing/naive-pricing.ts'
import { cartOf, line, PARCEL, priceIn, promotion, promotionId, type Shop, when } from './testing/shop.ts'

it('agrees with a second way to price, on every line, piece, tax and total', () => {
  fc.assert(
    fc.property(arbitraryNaiveCart(), (cart) => {
      expect(inNaiveWords(priced(cart))).toEqual(priceNaively(cart))
    }),
    { numRuns: 600 },
  )
})

function priced(cart: NaiveCart): PricedCart {
  const lines = cart.lines.map(({ id, price, quantity, floor, tag, category }) =>
    line(id, Number(price), quantity, { minimumPrice: floor, tags: [tag], taxCategory: category }),
  )
  return priceIn(shopOf(cart), cartOf(lines, { shipping: cart.shipping === null ? null : { method: PARCEL } }))
}

function shopOf({ policy, promotions, rates, shipping, shippingTax }: NaiveCart): Shop {
  const table = [
    ...rates.standard.map((rate, index) => ({ ...rate, category: 'standard', priority: index + 1 })),
    // Of the second priority only the standard category has a rate: it is charged on the others, too.
    { ...rates.reduced[0]!, category: 'reduced', priority: 1 },
  ]
  return {
    policy: {
      prices_include_tax: policy.included,
      rounding: policy.rounding,
      discount_rounding: policy.discountRounding,
      tax_rounded_per: policy.per,
      discounts: policy.discounts,
    },
    promotions: promotions.map(toDocument),
    taxes: taxTableSchema.parse({
      seller_country: 'DE',
      rates: table.map(({ code, ppm, compound, category, priority }) => ({
        id: code,
        name: code,
        country: 'DE',
        category,
        rate_ppm: Number(ppm),
        compound,
        priority,
      })),
      shipping: { none: { mode: 'none' }, standard: { mode: 'category' }, weighted: { mode: 'weighted' } }[shippingTax],
    }),
    shipping: { methods: [{ code: PARCEL, name: 'Parcel', rate: { type: 'flat', amount: Number(shipping ?? 0n) } }] },
  }
}

function toDocument(given: NaivePromotion, index: number): PromotionDocumentInput {
  return promotion({ id: promotionId(index + 1), priority: 500 - index, actions: [actionOf(given)] })
}

function actionOf(given: NaivePromotion): PromotionDocumentInput['actions'][number] {
  if (given.type === 'buy_x_get_y') {
    const { buy, get, ppm } = given
    return { type: 'buy_x_get_y', buy: { where: null, quantity: buy }, get: { where: null, quantity: get }, rate_ppm: Number(ppm) }
  }
  const where: Conditions | null = given.tag === null ? null : when('line.tags', 'contains', given.tag)
  if (given.type === 'percentage') return { type: 'percentage', on: given.on, rate_ppm: Number(given.ppm), where }
  return given.type === 'fixed'
    ? { type: 'fixed', on: given.on, amount: Number(given.amount), where }
    : { type: 'set_price', on: given.on, amount: Number(given.amount), where }
}

function inNaiveWords({ lines, shipping, totals }: PricedCart): NaiveResult {
  return {
    lines: lines.map(({ id, discount, tax, total, pieces }) => ({
      id,
      discount,
      tax,
      total,
      pieces: pieces.flatMap(({ quantity, amount }) => Array<bigint>(Number(quantity)).fill(amount)),
    })),
    shipping: shipping && { discount: shipping.discount, tax: shipping.tax, total: shipping.total },
    total: totals.total,
  }
}

function arbitraryNaiveCart(): fc.Arbitrary<NaiveCart> {
  const price = fc.oneof(fc.bigInt({ min: 0n, max: 50n }), fc.bigInt({ min: 0n, max: 10_000n }), fc.bigInt({ min: 0n, max: 10n ** 9n }))
  const oneLine = fc.record({
    price,
    quantity: fc.integer({ min: 1, max: 7 }),
    floor: fc.oneof({ weight: 3, arbitrary: fc.constant(0n) }, { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 9_000n }) }),
    tag: fc.constantFrom('red', 'blue'),
    category: fc.constantFrom('standard' as const, 'reduced' as const),
  })
  const ppm = fc.oneof(fc.constantFrom(0n, 70_000n, 190_000n, 82_500n, 500_000n, 1_000_000n), fc.bigInt({ min: 0n, max: 1_000_000n }))
  const tag = fc.constantFrom(null, 'red', 'blue')
  const amount = fc.oneof(fc.bigInt({ min: 0n, max: 100n }), fc.bigInt({ min: 0n, max: 20_000n }))
  const anywhere = fc.constantFrom('unit' as const, 'line' as const, 'order' as const, 'shipping' as const, 'total' as const)
  const priceable = fc.constantFrom('unit' as const, 'line' as const, 'order' as const, 'shipping' as const)
  const onePromotion: fc.Arbitrary<NaivePromotion> = fc.oneof(
    fc.record({ type: fc.constant('percentage' as const), on: anywhere, ppm, tag }),
    fc.record({ type: fc.constant('fixed' as const), on: anywhere, amount, tag }),
    fc.record({ type: fc.constant('set_price' as const), on: priceable, amount, tag }),
    fc.record({ type: fc.constant('buy_x_get_y' as const), buy: fc.integer({ min: 1, max: 4 }), get: fc.integer({ min: 1, max: 3 }), ppm }),
  )
  const mode = fc.constantFrom(...ROUNDING_MODES)
  return fc.record({
    lines: fc.array(oneLine, { minLength: 1, maxLength: 6 }).map((lines) => lines.map((each, index) => ({ ...each, id: `l${index}` }))),
    promotions: fc.array(onePromotion, { maxLength: 5 }),
    shipping: fc.option(fc.bigInt({ min: 0n, max: 3_000n })),
    policy: fc.record({
      included: fc.boolean(),
      rounding: mode,
      discountRounding: mode,
      per: fc.constantFrom('unit' as const, 'line' as const, 'order' as const),
      discounts: fc.constantFrom('before_tax' as const, 'after_tax' as const),
    }),
    rates: fc.tuple(ppm, ppm, ppm, fc.boolean()).map(([first, second, reduced, compound]) => ({
      standard: [
        { code: 'first', ppm: first, compound: false },
        { code: 'second', ppm: second, compound },
      ],
      reduced: [
        { code: 'reduced', ppm: reduced, compound: false },
        { code: 'second', ppm: second, compound },
      ],
    })),
    shippingTax: fc.constantFrom('none' as const, 'standard' as const, 'weighted' as const),
  })
}
