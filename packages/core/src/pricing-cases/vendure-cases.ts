import { z } from 'zod'
import { allocate } from '../money.ts'
import type { PromotionDocumentInput } from '../pricing/promotion-document.ts'
import type { Conditions } from '../rules/conditions.ts'
import type { Answer } from './answer.ts'
import { CannotMap, decimal, type PricingCase, ppmOf, read } from './pricing-case.ts'
import { all, type CaseLine, type CasePromotion, type CaseShop, codeOf, leaf, type PricedCase, priceCase, subtotals, sum } from './shop.ts'

/**
 * Vendure: order-calculator and prorate. Integers are minor units. It rounds the price that is left, so a half in a
 * discount or in an included tax is rounded down; a tax that is added is rounded half up.
 */
export function answerVendureCase({ input }: PricingCase): Answer {
  if (input.operation === 'allocate') return allocateTotal(read(allocation, input, 'input'))
  const given = read(cart, input, 'input')
  const shop = shopOf(given)
  const result = priceCase(shop)
  return { asked: { document: result.document, input: result.input }, actual: answer(given, result) }
}

const allocation = z.strictObject({ operation: z.literal('allocate'), weights: z.array(z.int()), total: z.int() })

const action = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('percentage_unit'),
    percent: decimal,
    only_unit_price: z.int().optional(),
    only_lines_without_other_discounts: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal('fixed_unit'),
    amount: z.int(),
    only_unit_price: z.int().optional(),
    only_lines_without_other_discounts: z.boolean().optional(),
  }),
  z.strictObject({ type: z.literal('set_unit_price'), amount: z.int(), only_unit_price: z.int().optional() }),
  z.strictObject({ type: z.literal('percentage_order'), percent: decimal }),
  z.strictObject({ type: z.literal('fixed_order'), amount: z.int() }),
  z.strictObject({ type: z.literal('set_order_price'), amount: z.int() }),
  z.strictObject({ type: z.literal('free_shipping') }),
])
const promotion = z.strictObject({
  name: z.string(),
  action,
  coupon_code: z.string().optional(),
  min_order_total: z.int().optional(),
  condition: z.strictObject({ type: z.literal('any_line_quantity_at_least'), quantity: z.int() }).optional(),
})
const taxedPrice = { price: z.int(), price_includes_tax: z.boolean(), tax_rate_percent: decimal.nullable() }
const taxLine = z.strictObject({ description: z.string(), rate_percent: decimal })
const cart = z.strictObject({
  prices_include_tax: z.boolean(),
  tax_rates_percent: z.record(z.string(), decimal).nullable(),
  tax_lines_on_every_line: z.array(taxLine).optional(),
  lines: z.array(z.strictObject({ unit_price: z.int(), tax_category: z.string(), quantity: z.int() })),
  promotions: z.array(promotion).default([]),
  coupon_codes: z.array(z.string()).default([]),
  shipping_lines: z.array(z.strictObject(taxedPrice)).default([]),
  surcharges: z.array(z.strictObject({ description: z.string(), ...taxedPrice })).default([]),
})
type Cart = z.output<typeof cart>
type TaxedPrice = Pick<Cart['shipping_lines'][number], 'price' | 'price_includes_tax' | 'tax_rate_percent'>

function allocateTotal({ weights, total }: z.output<typeof allocation>): Answer {
  return { asked: { weights, total }, actual: { parts: allocate(BigInt(total), weights.map(BigInt)).map(Number) } }
}

function shopOf(given: Cart): CaseShop {
  if (given.shipping_lines.length > 1) throw new CannotMap('several shipping methods in one cart')
  const [shippingLine] = given.shipping_lines
  const positive = given.surcharges.filter(({ price }) => price >= 0)
  const negative = given.surcharges.filter(({ price }) => price < 0)
  return {
    currency: 'USD',
    policy: {
      prices_include_tax: given.prices_include_tax,
      rounding: given.prices_include_tax ? 'half_down' : 'half_up',
      discount_rounding: 'half_down',
    },
    taxes: { rates: ratesOf(given) },
    shipping: { methods: shippingLine ? [methodOf(shippingLine, given)] : [] },
    method: shippingLine ? 'shipping' : null,
    lines: [...given.lines.map(lineOf), ...positive.map((surcharge) => surchargeLine(surcharge, given))],
    promotions: [...given.promotions.map(promotionOf), ...negative.map((surcharge) => surchargeDiscount(surcharge, given))],
    codes: given.coupon_codes,
  }
}

type RateInput = { id: string; name: string; country: string; category: string; rate_ppm: number; priority?: number }

/** A rate by category; or else every tax line on goods of every category, side by side. And a category for each rate in percent. */
function ratesOf({ tax_rates_percent, tax_lines_on_every_line = [], shipping_lines, surcharges, lines }: Cart): RateInput[] {
  const byCategory = Object.entries(tax_rates_percent ?? {}).map(([category, percent]) => rateOf(category, percent, category))
  const categories = [...new Set(lines.map(({ tax_category }) => tax_category))]
  const byLine = tax_lines_on_every_line.flatMap(({ description, rate_percent }, index) =>
    categories.map((category) => ({ ...rateOf(description, rate_percent, category), id: description, priority: index + 1 })),
  )
  const named = [...shipping_lines, ...surcharges].flatMap(({ tax_rate_percent }) => tax_rate_percent ?? [])
  const byPercent = [...new Set(named)].map((percent) => rateOf(`${percent} %`, percent, percentCategory(percent)))
  return [...byCategory, ...byLine, ...byPercent]
}

function rateOf(name: string, percent: string, category: string): RateInput {
  return { id: `${name} ${category}`, name, country: 'US', category, rate_ppm: ppmOf(percent) }
}

function percentCategory(percent: string): string {
  return `percent-${codeOf(percent)}`
}

function lineOf({ unit_price, tax_category, quantity }: Cart['lines'][number], index: number): CaseLine {
  return { name: `line ${index + 1}`, unitPrice: BigInt(unit_price), quantity, taxCategory: tax_category }
}

/** Whether a price states its tax like the goods do; one that does not has no place in our carts. */
function stated(price: TaxedPrice, { prices_include_tax }: Cart): void {
  if (price.price_includes_tax !== prices_include_tax) throw new CannotMap('one price that includes tax beside others that do not')
}

function methodOf(price: TaxedPrice, given: Cart) {
  stated(price, given)
  if (price.tax_rate_percent === null) throw new CannotMap('shipping without a tax rate')
  return {
    code: 'shipping',
    name: 'Shipping',
    tax_category: percentCategory(price.tax_rate_percent),
    rate: { type: 'flat' as const, amount: price.price },
  }
}

/** A surcharge is a line that is not sent. */
function surchargeLine(surcharge: Cart['surcharges'][number], given: Cart): CaseLine {
  stated(surcharge, given)
  const { description, price, tax_rate_percent } = surcharge
  return {
    name: description,
    unitPrice: BigInt(price),
    quantity: 1,
    taxCategory: tax_rate_percent === null ? null : percentCategory(tax_rate_percent),
    requiresShipping: false,
  }
}

/** A negative surcharge is a discount on the order, where all goods are taxed as it is. */
function surchargeDiscount(surcharge: Cart['surcharges'][number], given: Cart): CasePromotion {
  stated(surcharge, given)
  const { description, price, tax_rate_percent } = surcharge
  const rates = new Set(given.lines.map(({ tax_category }) => given.tax_rates_percent?.[tax_category]))
  if (rates.size !== 1 || !rates.has(tax_rate_percent ?? undefined)) throw new CannotMap('a discount with a tax rate of its own')
  return { name: description, actions: [{ type: 'fixed', on: 'order', amount: -price, where: null }] }
}

function promotionOf({ name, action, coupon_code, min_order_total, condition }: Cart['promotions'][number]): CasePromotion {
  const undiscounted = 'only_lines_without_other_discounts' in action && action.only_lines_without_other_discounts
  return {
    name,
    // An empty code is none.
    ...(coupon_code && { code: coupon_code }),
    conditions: all([
      min_order_total === undefined ? null : leaf('cart.discounted_subtotal', 'greaterThanInclusive', min_order_total),
      condition ? leaf('lines', 'any_line', lineQuantity(condition.quantity)) : null,
    ]),
    stacking: { mode: 'stack', group: null, discounted_lines: undiscounted ? 'skip' : 'include' },
    actions: [actionOf(action)],
  }
}

function lineQuantity(quantity: number): Conditions {
  return { all: [leaf('line.quantity', 'greaterThanInclusive', quantity)] }
}

function actionOf(given: z.output<typeof action>): PromotionDocumentInput['actions'][number] {
  switch (given.type) {
    case 'percentage_unit':
      return { type: 'percentage', on: 'unit', rate_ppm: ppmOf(given.percent), where: ofUnitPrice(given.only_unit_price) }
    case 'fixed_unit':
      return { type: 'fixed', on: 'unit', amount: given.amount, where: ofUnitPrice(given.only_unit_price) }
    case 'set_unit_price':
      return { type: 'set_price', on: 'unit', amount: given.amount, where: ofUnitPrice(given.only_unit_price) }
    case 'percentage_order':
      return { type: 'percentage', on: 'order', rate_ppm: ppmOf(given.percent), where: null }
    case 'fixed_order':
      return { type: 'fixed', on: 'order', amount: given.amount, where: null }
    case 'set_order_price':
      return { type: 'set_price', on: 'order', amount: given.amount, where: null }
    case 'free_shipping':
      return { type: 'percentage', on: 'shipping', rate_ppm: 1_000_000, where: null }
  }
}

function ofUnitPrice(price: number | undefined): Conditions | null {
  return all([price === undefined ? null : leaf('line.unit_price', 'equal', price)])
}

function answer(given: Cart, result: PricedCase): Record<string, unknown> {
  const { priced, lines } = result
  const goods = subtotals(result)
  const shipping = { gross: priced.shipping?.total ?? 0n, net: (priced.shipping?.total ?? 0n) - (priced.shipping?.tax ?? 0n) }
  const applied = priced.promotions.filter(({ outcome }) => outcome === 'applied').map(({ name }) => name)
  return {
    subtotal_net: Number(goods.net),
    subtotal_gross: Number(goods.gross),
    shipping_net: Number(shipping.net),
    shipping_gross: Number(shipping.gross),
    total_net: Number(goods.net + shipping.net),
    total_gross: Number(priced.totals.total),
    discount_count: applied.length,
    applied_promotions: applied,
    line_totals_gross_after_proration: lines.map(({ total }) => Number(total)),
    tax_summary: (given.tax_lines_on_every_line ?? []).map((line) => taxSummary(line, result)),
  }
}

function taxSummary({ description, rate_percent }: z.output<typeof taxLine>, { priced, lines }: PricedCase) {
  const taxes = priced.adjustments.filter(({ source, reason }) => source === 'tax' && reason === description)
  const taxed = new Set(taxes.flatMap(({ shares }) => shares.flatMap(({ target }) => ('lineId' in target ? [target.lineId] : []))))
  const base = sum(lines.filter(({ id }) => taxed.has(id)).map(({ total, tax }) => total - tax))
  return { description, rate_percent, tax_base: Number(base), tax_total: Number(sum(taxes.map(({ amount }) => amount))) }
}
