import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { RoundingMode } from '../money.ts'
import type { PricingDocument } from '../pricing/pricing-document.ts'

/** What the merchant's settings say about prices. */
export interface PolicyRow {
  pricing_revision: bigint
  currency: string
  country: string
  prices_include_tax: boolean
  tax_rate_ppm: bigint
  shipping_name: string
  shipping_amount: bigint
  time_zone: string
  rounding: RoundingMode
  discount_rounding: RoundingMode | null
  tax_rounded_per: 'unit' | 'line' | 'order'
  discounts: 'before_tax' | 'after_tax'
  foreign_tax: 'same_gross' | 'same_net'
  shipping_measures: 'list' | 'discounted'
}

/** The statement that reads the settings' part of a pricing document. */
export function policyQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select pricing_revision, currency, country, prices_include_tax, tax_rate_ppm, shipping_name, shipping_amount, time_zone, rounding,
      discount_rounding, tax_rounded_per, discounts, foreign_tax, shipping_measures
    from merchant_settings where merchant_id = ${tx.merchantId}`
}

/** A pricing document of these settings and what else it is made of. */
export function documentOf(
  row: PolicyRow,
  { promotions, taxes, shipping }: Pick<PricingDocument, 'promotions' | 'taxes' | 'shipping'>,
): PricingDocument {
  return {
    format: 1,
    currency: row.currency,
    policy: {
      prices_include_tax: row.prices_include_tax,
      rounding: row.rounding,
      discount_rounding: row.discount_rounding,
      tax_rounded_per: row.tax_rounded_per,
      discounts: row.discounts,
      foreign_tax: row.foreign_tax,
      shipping_measures: row.shipping_measures,
      time_zone: row.time_zone,
    },
    promotions,
    taxes,
    shipping,
  }
}
