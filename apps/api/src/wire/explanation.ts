import type { PricedCart } from '@souk/core/pricing/priced-cart.ts'
import { z } from 'zod'
import { moneySchema, presentMoney, presentTotals, totalsSchema } from './money.ts'
import {
  adjustmentSchema,
  couponSchema,
  noteSchema,
  presentAdjustments,
  presentCoupons,
  presentShipping,
  presentTaxTreatment,
  shippingSchema,
  taxTreatmentSchema,
} from './price.ts'
import { presentPromotionTrace, promotionTraceSchema } from './promotion-trace.ts'

/** A price with everything that was considered for it, for staff. */
export const explanationSchema = z
  .strictObject({
    pricing_version: z.string().meta({ description: 'The hash of the pricing data: policies, promotions, taxes, shipping.' }),
    as_of: z.string(),
    lines: z.array(
      z.strictObject({
        id: z.string(),
        kind: z.enum(['item', 'gift']),
        variant_id: z.string(),
        quantity: z.int(),
        list_price: moneySchema,
        unit_price: moneySchema.meta({ description: 'As charged; differs where foreign tax is taken out of prices that include it.' }),
        subtotal: moneySchema,
        discount: moneySchema,
        tax: moneySchema,
        total: moneySchema,
      }),
    ),
    steps: z.array(z.strictObject({ step: z.string(), text: z.string(), amount: moneySchema })),
    promotions: z.array(promotionTraceSchema).meta({ description: 'All that were considered, in that order.' }),
    coupons: z.array(couponSchema),
    adjustments: z.array(adjustmentSchema),
    shipping: shippingSchema.nullable(),
    shipping_problem: z.string().nullable(),
    tax: taxTreatmentSchema,
    near_misses: z.array(z.strictObject({ promotion_id: z.string().nullable(), text: z.string() })),
    notes: z.array(noteSchema),
    totals: totalsSchema,
  })
  .meta({ id: 'PriceExplanation' })

export function presentExplanation(
  priced: PricedCart,
  of: { currency: string; pricingVersion: string; asOf: string },
): z.input<typeof explanationSchema> {
  const money = (amount: bigint) => presentMoney(amount, of.currency)
  return {
    pricing_version: of.pricingVersion,
    as_of: of.asOf,
    lines: priced.lines.map((line) => ({
      id: line.id,
      kind: line.kind,
      variant_id: line.variantId,
      quantity: Number(line.quantity),
      list_price: money(line.listPrice),
      unit_price: money(line.unitPrice),
      subtotal: money(line.subtotal),
      discount: money(line.discount),
      tax: money(line.tax),
      total: money(line.total),
    })),
    steps: priced.explanation.map(({ step, text, amount }) => ({ step, text, amount: money(amount) })),
    promotions: priced.promotions.map((trace) => presentPromotionTrace(trace, of.currency)),
    coupons: presentCoupons(priced.coupons),
    adjustments: presentAdjustments(priced.adjustments, of.currency),
    shipping: presentShipping(priced.shipping, of.currency),
    shipping_problem: priced.shippingProblem,
    tax: presentTaxTreatment(priced.taxTreatment),
    near_misses: priced.nearMisses.map(({ promotionId, words }) => ({ promotion_id: promotionId, text: words })),
    notes: priced.notes,
    totals: presentTotals(priced.totals, of.currency),
  }
}
