import type { Adjustment, CouponOutcome, PricedCart, PricedShipping } from '@souk/core/pricing/priced-cart.ts'
import { z } from 'zod'
import { moneySchema, presentMoney } from './money.ts'

// How a price came about, as buyers see it: names and reasons, and no ids of what is the merchant's own business.

const shareSchema = z.strictObject({ line_id: z.string().nullable().meta({ description: 'Null: on the shipping.' }), amount: moneySchema })

export const adjustmentSchema = z
  .strictObject({
    source: z.enum(['promotion', 'plugin', 'manual', 'shipping', 'tax']),
    code: z.string(),
    name: z.string(),
    amount: moneySchema.meta({ description: 'Negative for a discount.' }),
    included: z.boolean().meta({ description: 'A tax that is inside the prices already: shown, not added.' }),
    shares: z.array(shareSchema).meta({ description: 'How it is split over lines and shipping, to the minor unit.' }),
  })
  .meta({ id: 'Adjustment' })

export const shippingSchema = z
  .strictObject({
    option: z.string(),
    name: z.string(),
    amount: moneySchema,
    discount: moneySchema,
    total: moneySchema.meta({ description: 'Tax in it.' }),
  })
  .meta({ id: 'Shipping' })

export const taxTreatmentSchema = z
  .strictObject({
    treatment: z.string().meta({ description: 'domestic, destination, reverse_charge, exempt, export, none or plugin.' }),
    note: z.string(),
    estimated: z.boolean(),
  })
  .meta({ id: 'TaxTreatment' })

export const couponSchema = z
  .strictObject({ code: z.string(), applied: z.boolean(), outcome: z.string(), reason: z.string() })
  .meta({ id: 'AppliedCoupon' })

export const noteSchema = z.strictObject({ plugin: z.string(), reason: z.string(), text: z.string() })

export const lineDiscountSchema = z.strictObject({ name: z.string(), amount: moneySchema.meta({ description: 'Not negative.' }) })

export function presentAdjustments(adjustments: readonly Adjustment[], currency: string): z.input<typeof adjustmentSchema>[] {
  return adjustments.map(({ source, code, reason, amount, included, shares }) => ({
    source,
    code,
    name: reason,
    amount: presentMoney(amount, currency),
    included,
    shares: shares.map(({ target, amount: share }) => ({
      line_id: 'lineId' in target ? target.lineId : null,
      amount: presentMoney(share, currency),
    })),
  }))
}

/** What is taken off each line, and why, by the line's name. */
export function presentLineDiscounts(
  adjustments: readonly Adjustment[],
  currency: string,
): Map<string, z.input<typeof lineDiscountSchema>[]> {
  const byLine = new Map<string, z.input<typeof lineDiscountSchema>[]>()
  for (const { source, reason, shares } of adjustments) {
    if (source === 'shipping' || source === 'tax') continue
    for (const { target, amount } of shares) {
      if (!('lineId' in target) || amount === 0n) continue
      const discount = { name: reason, amount: presentMoney(-amount, currency) }
      const known = byLine.get(target.lineId)
      if (known) known.push(discount)
      else byLine.set(target.lineId, [discount])
    }
  }
  return byLine
}

export function presentShipping(shipping: PricedShipping | null, currency: string): z.input<typeof shippingSchema> | null {
  return (
    shipping && {
      option: shipping.method,
      name: shipping.name,
      amount: presentMoney(shipping.amount, currency),
      discount: presentMoney(shipping.discount, currency),
      total: presentMoney(shipping.total, currency),
    }
  )
}

export function presentCoupons(coupons: readonly CouponOutcome[]): z.input<typeof couponSchema>[] {
  return coupons.map(({ code, outcome, words }) => ({ code, applied: outcome === 'applied', outcome, reason: words }))
}

export function presentTaxTreatment({ treatment, note, estimated }: PricedCart['taxTreatment']): z.input<typeof taxTreatmentSchema> {
  return { treatment, note, estimated }
}
