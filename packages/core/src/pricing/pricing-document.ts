import { z } from 'zod'
import { ROUNDING_MODES } from '../money.ts'
import { shippingTableSchema } from '../shipping/shipping-table.ts'
import { taxTableSchema } from '../taxes/tax-table.ts'
import { promotionDocumentSchema, timeZoneSchema } from './promotion-document.ts'
import { contentHash } from './stored-form.ts'

export const PROMOTIONS_MAX = 1000

/** What a merchant declares about its prices. */
export const pricingPolicySchema = z.strictObject({
  prices_include_tax: z.boolean(),
  /** How fractions of a minor unit are rounded, everywhere. */
  rounding: z.enum(ROUNDING_MODES),
  /** How what a discount takes off is rounded; null: as everything else. */
  discount_rounding: z.enum(ROUNDING_MODES).nullable().default(null),
  /** Whether the tax of each piece, each line, or each rate over the whole order is rounded. */
  tax_rounded_per: z.enum(['unit', 'line', 'order']),
  /** Whether discounts lower what is taxed, or what is paid after the tax on the full price. */
  discounts: z.enum(['before_tax', 'after_tax']),
  /** With prices that include tax, what stays the same for a buyer whose rate differs: the price, or the part without tax. */
  foreign_tax: z.enum(['same_gross', 'same_net']),
  /** What the steps and limits of shipping methods measure: the goods at list price, or after what is taken off them. */
  shipping_measures: z.enum(['list', 'discounted']).default('list'),
  /** The merchant's clock on the wall. */
  time_zone: timeZoneSchema,
})

/** A merchant's pricing as of one moment. Immutable, kept under the hash of its content. */
export const pricingDocumentSchema = z.strictObject({
  format: z.literal(1),
  currency: z.string(),
  policy: pricingPolicySchema,
  promotions: z.array(promotionDocumentSchema).max(PROMOTIONS_MAX),
  taxes: taxTableSchema,
  shipping: shippingTableSchema,
})

export type PricingPolicy = z.output<typeof pricingPolicySchema>
export type PricingDocument = z.output<typeof pricingDocumentSchema>

/** The name of a pricing version: SHA-256 of the document's canonical JSON, in hexadecimal. */
export function pricingVersion(document: PricingDocument): string {
  return contentHash(document)
}
