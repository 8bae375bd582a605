import { z } from 'zod'
import { currencyDigits, formatDecimal } from '../money.ts'
import type { PromotionDocumentInput } from '../pricing/promotion-document.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, decimal, ppmOf, read } from './pricing-case.ts'
import { all, type CaseLine, leaf, priceCase, sum } from './shop.ts'

// Where a case gives only pieces, what they cost does not matter as long as no discount exceeds it.
const ANY_PRICE = 100_000n

const tiers = z.record(z.string().regex(/^\d+(\.\d+)?$/), decimal)
const promotion = z.union([
  z.strictObject({ type: z.literal('distribute_fixed'), amount: decimal, only_line: z.int().optional() }),
  z.strictObject({ percent: decimal }),
  z.strictObject({ percent: decimal, max_amount: decimal }),
  z.strictObject({ percent: decimal, group_size: z.int() }),
  z.strictObject({ fixed_per_item: decimal, group_size: z.int() }),
  z.strictObject({ currency: z.string().optional(), base_percent: decimal, tiers }),
  z.strictObject({ currency: z.string().optional(), base_amount: decimal, tiers }),
  z.strictObject({ base_percent: decimal, tiers_by_eligible_quantity: tiers }),
  z.strictObject({ first_item: decimal, additional_item: decimal, max_items: z.int() }),
])
type Promotion = z.output<typeof promotion>

const line = z.strictObject({
  sku: z.string().optional(),
  unit_price: decimal.optional(),
  quantity: z.int(),
  eligible: z.boolean().optional(),
})
const discountedCart = z.union([
  z.strictObject({ currency: z.string(), lines: z.array(line), promotion }),
  z.strictObject({ currency: z.string(), shipping: decimal, promotion: z.strictObject({ percent: decimal }) }),
  z.strictObject({ order_currency: z.string(), order_item_total: decimal, promotion }),
])

export function answerSolidusPromotion(input: Record<string, unknown>): Answer {
  const given = read(discountedCart, input, 'input')
  if ('shipping' in given) return onShipping(given)
  if ('order_item_total' in given) {
    const lines = [{ unit_price: given.order_item_total, quantity: 1 }]
    return onLines({ currency: given.order_currency, lines, promotion: given.promotion })
  }
  return onLines(given)
}

function onShipping(given: { currency: string; shipping: string; promotion: { percent: string } }): Answer {
  const digits = currencyDigits(given.currency)
  const amount = Number(amountOf(given.shipping, digits))
  const result = priceCase({
    currency: given.currency,
    lines: [{ name: 'goods', unitPrice: 0n, quantity: 1 }],
    shipping: { methods: [{ code: 'shipping', name: 'Shipping', rate: { type: 'flat', amount } }] },
    method: 'shipping',
    promotions: [
      { name: 'Promotion', actions: [{ type: 'percentage', on: 'shipping', rate_ppm: ppmOf(given.promotion.percent), where: null }] },
    ],
  })
  return {
    asked: { document: result.document, input: result.input },
    actual: { discount: formatDecimal(result.priced.totals.shippingDiscount, digits) },
  }
}

function onLines(given: { currency: string; lines: z.output<typeof line>[]; promotion: Promotion }): Answer {
  const { currency, promotion } = given
  const digits = currencyDigits(currency)
  // A line without pieces is no line of a cart.
  const present = given.lines.filter(({ quantity }) => quantity > 0)
  const result = priceCase({
    currency,
    lines: present.map((each, index) => lineOf(each, index, digits)),
    // A promotion in another currency belongs to a shop in that currency.
    promotions:
      'currency' in promotion && promotion.currency !== undefined && promotion.currency !== currency
        ? []
        : [{ name: 'Promotion', actions: actionsOf(promotion, digits) }],
  })
  const discounts = given.lines.map((each) => result.lines[present.indexOf(each)]?.discount ?? 0n)
  const total = sum(discounts)
  return {
    asked: { document: result.document, input: result.input },
    actual: {
      discount: formatDecimal(total, digits),
      promo_total: formatDecimal(-total, digits),
      line_adjustments: discounts.map((discount) => formatDecimal(-discount, digits)),
      discount_on_first_line: formatDecimal(discounts[0] ?? 0n, digits),
    },
  }
}

function lineOf({ sku, unit_price, quantity, eligible }: z.output<typeof line>, index: number, digits: number): CaseLine {
  return {
    name: sku ?? lineName(index),
    unitPrice: unit_price === undefined ? ANY_PRICE : amountOf(unit_price, digits),
    quantity,
    tags: eligible ? ['eligible'] : [],
  }
}

function lineName(index: number): string {
  return `line ${index + 1}`
}

function actionsOf(promotion: Promotion, digits: number): PromotionDocumentInput['actions'] {
  const amount = (text: string) => Number(amountOf(text, digits))
  if ('type' in promotion) {
    const { only_line } = promotion
    const where = all([only_line === undefined ? null : leaf('line.sku', 'equal', lineName(only_line))])
    return [{ type: 'fixed', on: 'order', amount: amount(promotion.amount), where }]
  }
  if ('first_item' in promotion) return firstAndFurther(promotion, digits)
  if ('group_size' in promotion) {
    const groups = { on: 'unit' as const, where: null, units_group: promotion.group_size, units_per: 'order' as const }
    if ('fixed_per_item' in promotion) return [{ type: 'fixed', amount: amount(promotion.fixed_per_item), ...groups }]
    return [{ type: 'percentage', rate_ppm: ppmOf(promotion.percent), ...groups }]
  }
  if ('percent' in promotion) {
    const rate_ppm = ppmOf(promotion.percent)
    if (!('max_amount' in promotion)) return [{ type: 'percentage', on: 'line', rate_ppm, where: null }]
    return [{ type: 'percentage', on: 'order', rate_ppm, where: null, amount_max: amount(promotion.max_amount) }]
  }
  return [tieredAction(promotion, digits)]
}

/** So much off the first piece of a line and so much off each further one; max_items 0 is no maximum. */
function firstAndFurther(
  given: { first_item: string; additional_item: string; max_items: number },
  digits: number,
): PromotionDocumentInput['actions'] {
  const [first, further] = [Number(amountOf(given.first_item, digits)), Number(amountOf(given.additional_item, digits))]
  const actions: PromotionDocumentInput['actions'] = [{ type: 'fixed', on: 'unit', amount: first, where: null, units_max: 1 }]
  if (given.max_items === 1) return actions
  const units_max = given.max_items === 0 ? null : given.max_items - 1
  return [...actions, { type: 'fixed', on: 'unit', amount: further, where: null, units_skip: 1, units_max }]
}

type Tiered = Extract<Promotion, { base_percent: string } | { base_amount: string }>

function tieredAction(promotion: Tiered, digits: number): PromotionDocumentInput['actions'][number] {
  const common = { type: 'tiers' as const, on: 'line' as const, per: 'order' as const }
  if ('tiers_by_eligible_quantity' in promotion) {
    const steps = Object.entries({ '0': promotion.base_percent, ...promotion.tiers_by_eligible_quantity })
    const tiers = steps.map(([from, percent]) => ({ from: Number(from), rate_ppm: ppmOf(percent) }))
    return { ...common, by: 'quantity', where: all([leaf('line.tags', 'contains', 'eligible')]), tiers }
  }
  if ('base_percent' in promotion) {
    const steps = Object.entries({ '0': promotion.base_percent, ...promotion.tiers })
    const tiers = steps.map(([from, percent]) => ({ from: Number(amountOf(from, digits)), rate_ppm: ppmOf(percent) }))
    return { ...common, by: 'amount', where: null, tiers }
  }
  if (!('base_amount' in promotion)) throw new CannotMap('tiers of an unknown kind')
  const steps = Object.entries({ '0': promotion.base_amount, ...promotion.tiers })
  const tiers = steps.map(([from, off]) => ({ from: Number(amountOf(from, digits)), amount: Number(amountOf(off, digits)) }))
  return { ...common, by: 'amount', where: null, tiers }
}
