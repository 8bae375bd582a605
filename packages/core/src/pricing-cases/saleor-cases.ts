import { z } from 'zod'
import { allocate, currencyDigits, formatDecimal } from '../money.ts'
import type { PromotionDocumentInput } from '../pricing/promotion-document.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, decimal, type PricingCase, ppmOf, read } from './pricing-case.ts'
import { all, type CaseLine, type CasePromotion, type CaseShop, codeOf, leaf, type PricedCase, priceCase, subtotals } from './shop.ts'

/** Saleor: taxes of checkouts with flat rates, discounts of orders and vouchers. Saleor rounds the price without tax half up. */
export function answerSaleorCase({ input }: PricingCase): Answer {
  if ('price' in input) return onePrice(read(price, input, 'input'))
  if ('gift_card_balance' in input) return giftCard(read(giftCardPayment, input, 'input'))
  if (input.operation === 'split an order discount between goods and shipping') return splitDiscount(read(discountSplit, input, 'input'))
  if ('voucher' in input) return voucherApplies(read(voucherUse, input, 'input'))
  if ('promotion' in input) return lineDiscounts(read(linePromotion, input, 'input'))
  return checkout(read(checkoutTaxes, input, 'input'))
}

const currency = z.string()
const price = z.strictObject({ currency, price: decimal, tax_rate_percent: decimal, prices_include_tax: z.boolean() })
const giftCardPayment = z.strictObject({ currency, total_net: decimal, total_gross: decimal, gift_card_balance: decimal })
const discount = z.union([z.strictObject({ fixed: decimal }), z.strictObject({ percentage: decimal })])
const discountSplit = z.strictObject({ currency, operation: z.string(), discount, subtotal: decimal, shipping: decimal })
const voucher = z.strictObject({
  type: z.literal('entire order').default('entire order'),
  value_type: z.enum(['percentage', 'fixed']),
  value: decimal,
  min_spent: decimal.nullable().optional(),
  min_items: z.int().nullable().optional(),
})
const voucherUse = z.strictObject({ currency, total: decimal, quantity: z.int().default(1), voucher })
const linePromotion = z.strictObject({
  currency,
  lines: z.array(z.strictObject({ unit_price: decimal, quantity: z.int() })),
  promotion: z.strictObject({ percent: decimal, applied: z.literal('per line, each rounded half up') }),
})
const checkoutTaxes = z.strictObject({
  currency,
  prices_include_tax: z.boolean(),
  lines: z.array(
    z.strictObject({
      unit_price: decimal,
      quantity: z.int(),
      sale_discount_per_unit: decimal.optional(),
      tax_rate_percent: decimal.nullable(),
    }),
  ),
  shipping: z.strictObject({ price: decimal, country_default_rate_percent: decimal.optional() }),
  shipping_tax: z.string().optional(),
  order_discount: discount.optional(),
})
type Checkout = z.output<typeof checkoutTaxes>

function onePrice(given: z.output<typeof price>): Answer {
  const digits = currencyDigits(given.currency)
  const result = priceCase({
    currency: given.currency,
    policy: policyOf(given.prices_include_tax),
    taxes: { default_rate_ppm: ppmOf(given.tax_rate_percent) },
    lines: [{ name: 'price', unitPrice: amountOf(given.price, digits), quantity: 1 }],
  })
  const { net, gross } = subtotals(result)
  return answered(result, { net: formatDecimal(net, digits), gross: formatDecimal(gross, digits) })
}

/** Half up of what is left without tax is half down of the tax inside. */
function policyOf(pricesIncludeTax: boolean): NonNullable<CaseShop['policy']> {
  return { prices_include_tax: pricesIncludeTax, rounding: pricesIncludeTax ? 'half_down' : 'half_up', discount_rounding: 'half_up' }
}

/** What a gift card leaves to pay is still partly tax, in the proportion of the whole. */
function giftCard({ currency, total_net, total_gross, gift_card_balance }: z.output<typeof giftCardPayment>): Answer {
  const digits = currencyDigits(currency)
  const [net, gross, balance] = [total_net, total_gross, gift_card_balance].map((text) => amountOf(text, digits)) as [
    bigint,
    bigint,
    bigint,
  ]
  const remaining = balance < gross ? gross - balance : 0n
  const [remainingNet] = allocate(remaining, [net, gross - net])
  return {
    asked: { remaining, weights: [net, gross - net] },
    actual: { remaining_net: formatDecimal(remainingNet!, digits), remaining_gross: formatDecimal(remaining, digits) },
  }
}

/** A fixed discount is shared between goods and shipping by their amounts; a percentage is taken of each. */
function splitDiscount(given: z.output<typeof discountSplit>): Answer {
  const digits = currencyDigits(given.currency)
  const [subtotal, shipping] = [amountOf(given.subtotal, digits), amountOf(given.shipping, digits)]
  const result = priceCase({
    currency: given.currency,
    lines: [{ name: 'goods', unitPrice: subtotal, quantity: 1 }],
    shipping: { methods: [{ code: 'shipping', name: 'Shipping', rate: { type: 'flat', amount: Number(shipping) } }] },
    method: 'shipping',
    promotions: [{ name: 'Discount', actions: onTotal(given.discount, digits) }],
  })
  const { discount, shippingDiscount } = result.priced.totals
  return answered(result, {
    subtotal_discount: formatDecimal(discount - shippingDiscount, digits),
    shipping_discount: formatDecimal(shippingDiscount, digits),
  })
}

function onTotal(given: z.output<typeof discount>, digits: number): PromotionDocumentInput['actions'] {
  if ('fixed' in given) return [{ type: 'fixed', on: 'total', amount: Number(amountOf(given.fixed, digits)), where: null }]
  const rate = ppmOf(given.percentage)
  return [
    { type: 'percentage', on: 'order', rate_ppm: rate, where: null },
    { type: 'percentage', on: 'shipping', rate_ppm: rate, where: null },
  ]
}

/** Whether the conditions of a voucher hold on goods that cost so much in so many pieces. */
function voucherApplies({ currency, total, quantity, voucher }: z.output<typeof voucherUse>): Answer {
  const digits = currencyDigits(currency)
  const amount = amountOf(total, digits)
  const shares = allocate(amount, Array<bigint>(quantity).fill(1n))
  const result = priceCase({
    currency,
    lines: shares.map((unitPrice, index) => ({ name: `piece ${index + 1}`, unitPrice, quantity: 1 })),
    promotions: [voucherPromotion(voucher, digits)],
    codes: ['VOUCHER'],
  })
  return answered(result, { voucher_applicable: result.priced.promotions[0]!.outcome === 'applied' })
}

function voucherPromotion({ value_type, value, min_spent, min_items }: z.output<typeof voucher>, digits: number): CasePromotion {
  const spent = min_spent == null ? null : Number(amountOf(min_spent, digits))
  return {
    name: 'Voucher',
    code: 'VOUCHER',
    conditions: all([
      spent === null ? null : leaf('cart.subtotal', 'greaterThanInclusive', spent),
      min_items == null ? null : leaf('cart.quantity', 'greaterThanInclusive', min_items),
    ]),
    actions: [
      value_type === 'percentage'
        ? { type: 'percentage', on: 'order', rate_ppm: ppmOf(value), where: null }
        : { type: 'fixed', on: 'order', amount: Number(amountOf(value, digits)), where: null },
    ],
  }
}

function lineDiscounts({ currency, lines, promotion }: z.output<typeof linePromotion>): Answer {
  const digits = currencyDigits(currency)
  const result = priceCase({
    currency,
    lines: lines.map(({ unit_price, quantity }, index) => ({
      name: `line ${index + 1}`,
      unitPrice: amountOf(unit_price, digits),
      quantity,
    })),
    promotions: [{ name: 'Promotion', actions: [{ type: 'percentage', on: 'line', rate_ppm: ppmOf(promotion.percent), where: null }] }],
  })
  return answered(result, { line_discounts: result.lines.map(({ discount }) => formatDecimal(discount, digits)) })
}

function checkout(given: Checkout): Answer {
  const digits = currencyDigits(given.currency)
  const result = priceCase(checkoutShop(given, digits))
  const { priced, lines } = result
  const goods = subtotals(result)
  const shipping = { gross: priced.shipping?.total ?? 0n, tax: priced.shipping?.tax ?? 0n }
  const amount = (value: bigint) => formatDecimal(value, digits)
  return answered(result, {
    subtotal_net: amount(goods.net),
    subtotal_gross: amount(goods.gross),
    shipping_net: amount(shipping.gross - shipping.tax),
    shipping_gross: amount(shipping.gross),
    total_net: amount(goods.net + shipping.gross - shipping.tax),
    total_gross: amount(priced.totals.total),
    line_tax_rate: rateOn(result, (target) => 'lineId' in target && target.lineId === lines[0]?.id),
    shipping_tax_rate: rateOn(result, (target) => 'shipping' in target),
  })
}

type Target = PricedCase['priced']['adjustments'][number]['shares'][number]['target']

/** The rate of the one tax that has a share on a target, as a fraction of one. */
function rateOn({ priced }: PricedCase, is: (target: Target) => boolean): string {
  const taxes = priced.adjustments.filter(({ source, shares }) => source === 'tax' && shares.some(({ target }) => is(target)))
  const rates = new Set(taxes.map(({ ratePpm }) => ratePpm))
  const [rate] = rates
  return rates.size === 1 && typeof rate === 'bigint' ? formatDecimal(rate, 6) : 'several rates'
}

function checkoutShop(given: Checkout, digits: number): CaseShop {
  const percents = [...new Set(given.lines.flatMap(({ tax_rate_percent }) => tax_rate_percent ?? []))]
  const { mode, percent } = shippingTaxOf(given)
  return {
    currency: given.currency,
    policy: policyOf(given.prices_include_tax),
    taxes: {
      // What has no rate of its own has the country's default.
      default_rate_ppm: ppmOf(given.shipping.country_default_rate_percent ?? '0'),
      rates: [...new Set([...percents, ...(percent === null ? [] : [percent])])].map(rateOf),
      shipping: { mode, ...(percent !== null && { category: categoryOf(percent) }) },
    },
    shipping: {
      methods: [{ code: 'shipping', name: 'Shipping', rate: { type: 'flat', amount: Number(amountOf(given.shipping.price, digits)) } }],
    },
    method: 'shipping',
    lines: given.lines.map((line, index) => lineOf(line, index, digits)),
    promotions: given.order_discount ? [{ name: 'Order discount', actions: [onOrder(given.order_discount, digits)] }] : [],
  }
}

function shippingTaxOf({ shipping_tax, shipping }: Checkout): { mode: 'none' | 'category' | 'weighted'; percent: string | null } {
  if (shipping_tax === undefined) {
    const none = shipping.country_default_rate_percent === undefined
    return { mode: none ? 'none' : 'category', percent: null }
  }
  if (shipping_tax === 'weighted average of line rates') return { mode: 'weighted', percent: null }
  const percent = /^default rate (\d+(?:\.\d+)?)$/.exec(shipping_tax)?.[1]
  if (percent === undefined) throw new CannotMap(`shipping tax ${shipping_tax}`)
  return { mode: 'category', percent }
}

function rateOf(percent: string) {
  return { id: `${percent} %`, name: `${percent} %`, country: 'US', category: categoryOf(percent), rate_ppm: ppmOf(percent) }
}

function categoryOf(percent: string): string {
  return `percent-${codeOf(percent)}`
}

/** A sale of Saleor's is a price below the list price. */
function lineOf(line: Checkout['lines'][number], index: number, digits: number): CaseLine {
  const list = amountOf(line.unit_price, digits)
  const off = amountOf(line.sale_discount_per_unit ?? '0', digits)
  return {
    name: `line ${index + 1}`,
    unitPrice: list - off,
    compareAtPrice: off === 0n ? null : list,
    quantity: line.quantity,
    ...(line.tax_rate_percent !== null && { taxCategory: categoryOf(line.tax_rate_percent) }),
  }
}

function onOrder(given: z.output<typeof discount>, digits: number): PromotionDocumentInput['actions'][number] {
  return 'fixed' in given
    ? { type: 'fixed', on: 'order', amount: Number(amountOf(given.fixed, digits)), where: null }
    : { type: 'percentage', on: 'order', rate_ppm: ppmOf(given.percentage), where: null }
}

function answered(result: PricedCase, actual: Record<string, unknown>): Answer {
  return { asked: { document: result.document, input: result.input }, actual }
}
