import { z } from 'zod'
import { currencyDigits, formatDecimal } from '../money.ts'
import type { PricedLine, PricedShipping } from '../pricing/priced-cart.ts'
import { refundShares } from '../pricing/refund-shares.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, decimal, ppmOf, read } from './pricing-case.ts'
import { type CaseShop, lineId, type PricedCase, priceCase } from './shop.ts'

const CURRENCY = 'USD'
const DIGITS = currencyDigits(CURRENCY)

const taxed = {
  is_tax_inclusive: z.boolean().default(false),
  tax_lines: z.array(z.strictObject({ rate: decimal })).default([]),
  adjustments: z.array(z.strictObject({ amount: decimal })).default([]),
}
const detail = z.strictObject({
  fulfilled_quantity: z.int(),
  shipped_quantity: z.int(),
  return_requested_quantity: z.int(),
  return_received_quantity: z.int(),
  return_dismissed_quantity: z.int(),
  written_off_quantity: z.int(),
})
const decorated = z.strictObject({
  cart: z.strictObject({
    items: z.array(z.strictObject({ unit_price: decimal, quantity: z.int(), detail: detail.optional(), ...taxed })),
    shipping_methods: z.array(z.strictObject({ amount: decimal, ...taxed })).default([]),
  }),
})
type Cart = z.output<typeof decorated>['cart']
type Taxed = Pick<Cart['items'][number], 'tax_lines' | 'adjustments'>

/**
 * Medusa's decorateCartTotals: every sum there is of a cart whose adjustments are given. `original_…` is the same cart
 * without them. Medusa does not round.
 */
export function answerMedusaTotals(input: Record<string, unknown>): Answer {
  const { cart } = read(decorated, input, 'input')
  const shop = shopOf(cart)
  const [result, original] = [priceCase(shop), priceCase({ ...shop, manual: [] })]
  const items = cart.items.map((item, index) => ({
    ...itemOf(item, result, original, index),
    ...piecesOf(item, result, index),
  }))
  const shipping = cart.shipping_methods.map((method) => shippingOf(method, result, original))
  return {
    asked: { document: result.document, input: result.input },
    actual: { items, shipping_methods: shipping, ...totals(items, shipping) },
  }
}

function shopOf({ items, shipping_methods }: Cart): CaseShop {
  const inclusive = new Set([...items, ...shipping_methods].map(({ is_tax_inclusive }) => is_tax_inclusive))
  if (inclusive.size > 1) throw new CannotMap('prices that include tax beside others')
  if (shipping_methods.length > 1) throw new CannotMap('several shipping methods in one cart')
  const [method] = shipping_methods
  return {
    currency: CURRENCY,
    policy: { prices_include_tax: inclusive.has(true) },
    taxes: { shipping: { mode: 'none' }, rates: [...items, ...shipping_methods].flatMap(ratesOf) },
    lines: items.map((item, index) => ({
      name: `item ${index + 1}`,
      unitPrice: amountOf(item.unit_price, DIGITS),
      quantity: item.quantity,
      taxCategory: item.tax_lines.length === 0 ? null : categoryOf(item),
    })),
    manual: [
      ...items.flatMap((item, index) => manualOf(item, { lineId: lineId(index) })),
      ...shipping_methods.flatMap((each) => manualOf(each, 'shipping')),
    ],
    ...(method && {
      shipping: {
        methods: [
          {
            code: 'shipping',
            name: 'Shipping',
            tax_category: method.tax_lines.length === 0 ? null : categoryOf(method),
            rate: { type: 'flat', amount: Number(amountOf(method.amount, DIGITS)) },
          },
        ],
      },
      method: 'shipping',
    }),
  }
}

/** Several tax lines of one item are charged side by side. */
function ratesOf(priced: Taxed): NonNullable<NonNullable<CaseShop['taxes']>['rates']> {
  return priced.tax_lines.map(({ rate }, index) => ({
    id: `${categoryOf(priced)} ${index}`,
    name: `${rate} %`,
    country: 'US',
    category: categoryOf(priced),
    rate_ppm: ppmOf(rate),
    priority: index + 1,
  }))
}

function categoryOf({ tax_lines }: Taxed): string {
  return `rates-${tax_lines.map(({ rate }) => rate.replace('.', '_')).join('-')}`
}

function manualOf({ adjustments }: Taxed, target: NonNullable<CaseShop['manual']>[number]['target']): NonNullable<CaseShop['manual']> {
  return adjustments.map(({ amount }, index) => ({
    target,
    amount: amountOf(amount, DIGITS),
    reason: 'Adjustment',
    code: `adjustment-${index + 1}`,
  }))
}

/** Goods or shipping: what they cost before and after the adjustments, tax in it, and the tax. */
interface Amounts {
  total: bigint
  tax: bigint
  originalTotal: bigint
  originalTax: bigint
}

function itemOf(item: Cart['items'][number], result: PricedCase, original: PricedCase, index: number) {
  const [line, before] = [result.lines[index]!, original.lines[index]!]
  return {
    unit_price: text(line.unitPrice),
    quantity: item.quantity,
    is_tax_inclusive: item.is_tax_inclusive,
    ...sums(item, amounts(line, before), [taxesOn(result, line.id), taxesOn(original, line.id)]),
  }
}

function shippingOf(method: Cart['shipping_methods'][number], result: PricedCase, original: PricedCase) {
  const [shipping, before] = [result.priced.shipping!, original.priced.shipping!]
  return {
    amount: text(shipping.amount),
    is_tax_inclusive: method.is_tax_inclusive,
    ...sums(method, amounts(shipping, before), [taxesOn(result, null), taxesOn(original, null)]),
  }
}

function amounts(now: PricedLine | PricedShipping, before: PricedLine | PricedShipping): Amounts {
  return { total: now.total, tax: now.tax, originalTotal: before.total, originalTax: before.tax }
}

/** The tax of each rate on a line, or on the shipping, in the order of the rates. */
function taxesOn({ priced }: PricedCase, line: string | null): bigint[] {
  return priced.adjustments
    .filter(({ source }) => source === 'tax')
    .flatMap(({ shares }) => shares.flatMap(({ target, amount }) => (('lineId' in target ? target.lineId : null) === line ? [amount] : [])))
}

function sums({ tax_lines, adjustments }: Taxed, amounts: Amounts, [taxes, originalTaxes]: [bigint[], bigint[]]) {
  const { total, tax, originalTotal, originalTax } = amounts
  const discount = { total: originalTotal - total, tax: originalTax - tax }
  if (adjustments.length > 1) throw new CannotMap('several adjustments of one line')
  return {
    subtotal: text(originalTotal - originalTax),
    total: text(total),
    tax_total: text(tax),
    original_total: text(originalTotal),
    original_tax_total: text(originalTax),
    discount_total: text(discount.total),
    discount_subtotal: text(discount.total - discount.tax),
    discount_tax_total: text(discount.tax),
    tax_lines: tax_lines.map(({ rate }, index) => ({
      rate,
      total: text(taxes[index] ?? 0n),
      subtotal: text(originalTaxes[index] ?? 0n),
    })),
    adjustments: adjustments.map(({ amount }) => ({
      amount,
      total: text(discount.total),
      subtotal: text(discount.total - discount.tax),
    })),
  }
}

/** What was paid for the pieces of an order that have been sent or came back. */
function piecesOf({ detail, quantity }: Cart['items'][number], { priced }: PricedCase, index: number): Record<string, unknown> {
  if (!detail) return {}
  const paid = (pieces: number) =>
    text(refundShares(priced, { lines: [{ lineId: lineId(index), quantity: BigInt(pieces) }], shipping: 0n }).amount)
  const left = quantity - detail.return_received_quantity - detail.return_dismissed_quantity
  return {
    detail,
    fulfilled_total: paid(detail.fulfilled_quantity),
    shipped_total: paid(detail.shipped_quantity),
    return_requested_total: paid(detail.return_requested_quantity),
    return_received_total: paid(detail.return_received_quantity),
    return_dismissed_total: paid(detail.return_dismissed_quantity),
    write_off_total: paid(detail.written_off_quantity),
    refundable_total: paid(left),
    refundable_total_per_unit: paid(Math.min(left, 1)),
  }
}

const OF_PIECES = ['fulfilled', 'shipped', 'return_requested', 'return_received', 'return_dismissed', 'write_off']

function totals(items: Record<string, unknown>[], shipping: Record<string, unknown>[]): Record<string, string> {
  const both = [...items, ...shipping]
  return {
    total: add(both, 'total'),
    subtotal: add(both, 'subtotal'),
    tax_total: add(both, 'tax_total'),
    discount_total: add(both, 'discount_total'),
    discount_subtotal: add(both, 'discount_subtotal'),
    discount_tax_total: add(both, 'discount_tax_total'),
    original_total: add(both, 'original_total'),
    original_tax_total: add(both, 'original_tax_total'),
    ...ofKind('item', items),
    ...ofKind('shipping', shipping),
    ...Object.fromEntries(OF_PIECES.map((name) => [`${name}_total`, add(items, `${name}_total`)])),
  }
}

function ofKind(kind: string, parts: Record<string, unknown>[]): Record<string, string> {
  return {
    [`${kind}_total`]: add(parts, 'total'),
    [`${kind}_subtotal`]: add(parts, 'subtotal'),
    [`${kind}_tax_total`]: add(parts, 'tax_total'),
    [`original_${kind}_total`]: add(parts, 'original_total'),
    [`original_${kind}_subtotal`]: add(parts, 'subtotal'),
    [`original_${kind}_tax_total`]: add(parts, 'original_tax_total'),
  }
}

function add(parts: readonly Record<string, unknown>[], key: string): string {
  return text(parts.reduce((total, part) => total + amountOf(String(part[key] ?? '0'), DIGITS), 0n))
}

function text(amount: bigint): string {
  return formatDecimal(amount, DIGITS)
}
