import { z } from 'zod'

/** An amount on the wire: a whole number of minor units and its ISO 4217 code. AMOUNT_MAX keeps it an exact double. */
export const moneySchema = z.strictObject({
  amount: z.int().meta({ description: 'Minor units: 1999 is EUR 19.99, JPY 1999.' }),
  currency: z.string(),
})

export type WireMoney = z.output<typeof moneySchema>

/** Money as it is sent. */
export function presentMoney(amount: bigint, currency: string): WireMoney {
  return { amount: Number(amount), currency }
}

const AMOUNT_MAX = 1_000_000_000_000

/** Money as a caller writes it: no more than can be charged, and not negative. */
export const givenMoneySchema = z.strictObject({
  amount: z.int().min(0, 'amount_out_of_range').max(AMOUNT_MAX, 'amount_out_of_range'),
  currency: z.string().regex(/^[A-Z]{3}$/, 'currency_unsupported'),
})

export const totalsSchema = z.strictObject({
  subtotal: moneySchema,
  discount: moneySchema,
  shipping: moneySchema,
  tax: moneySchema,
  tax_included: z.boolean(),
  total: moneySchema,
})

interface Totals {
  subtotal: bigint
  discount: bigint
  shipping: bigint
  tax: bigint
  taxIncluded: boolean
  total: bigint
}

export function presentTotals(totals: Totals, currency: string): z.output<typeof totalsSchema> {
  return {
    subtotal: presentMoney(totals.subtotal, currency),
    discount: presentMoney(totals.discount, currency),
    shipping: presentMoney(totals.shipping, currency),
    tax: presentMoney(totals.tax, currency),
    tax_included: totals.taxIncluded,
    total: presentMoney(totals.total, currency),
  }
}
