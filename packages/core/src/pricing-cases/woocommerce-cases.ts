import { z } from 'zod'
import { currencyDigits, formatDecimal } from '../money.ts'
import type { PromotionDocumentInput } from '../pricing/promotion-document.ts'
import type { Answer } from './answer.ts'
import { amountOf, decimal, type PricingCase, ppmOf, read } from './pricing-case.ts'
import { type CasePromotion, priceCase, sum } from './shop.ts'

const CURRENCY = 'USD'
const DIGITS = currencyDigits(CURRENCY)

const coupon = z.strictObject({
  code: z.string(),
  discount_type: z.enum(['percent', 'fixed_cart', 'fixed_product']),
  amount: decimal,
})
const cart = z.strictObject({
  prices_include_tax: z.boolean().default(false),
  tax_rate_percent: decimal.optional(),
  lines: z.array(z.strictObject({ unit_price: decimal, quantity: z.int() })),
  coupons: z.array(coupon),
})

/** WooCommerce: coupons on a cart. The discounts are told without regard to tax. */
export function answerWoocommerceCase({ input }: PricingCase): Answer {
  const given = read(cart, input, 'input')
  const result = priceCase({
    currency: CURRENCY,
    policy: { prices_include_tax: given.prices_include_tax },
    taxes: { default_rate_ppm: ppmOf(given.tax_rate_percent ?? '0') },
    lines: given.lines.map(({ unit_price, quantity }, index) => ({
      name: `line ${index + 1}`,
      unitPrice: amountOf(unit_price, DIGITS),
      quantity,
    })),
    promotions: given.coupons.map(promotionOf),
    codes: given.coupons.map(({ code }) => code),
  })
  const discounted = sum(result.lines.map(({ subtotal, discount }) => subtotal - discount))
  return {
    asked: { document: result.document, input: result.input },
    actual: {
      total_discount: formatDecimal(result.priced.totals.discount, DIGITS),
      // Of one line alone.
      ...(given.lines.length === 1 && { discounted_price: formatDecimal(discounted, DIGITS) }),
    },
  }
}

function promotionOf({ code, discount_type, amount }: z.output<typeof coupon>): CasePromotion {
  return { name: code, code, actions: [actionOf(discount_type, amount)] }
}

function actionOf(type: z.output<typeof coupon>['discount_type'], amount: string): PromotionDocumentInput['actions'][number] {
  if (type === 'percent') return { type: 'percentage', on: 'line', rate_ppm: ppmOf(amount), where: null }
  const off = Number(amountOf(amount, DIGITS))
  return { type: 'fixed', on: type === 'fixed_cart' ? 'order' : 'unit', amount: off, where: null }
}
