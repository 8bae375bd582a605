import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { sql } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { fieldNames } from '../events/field-names.ts'
import { recordEvent } from '../events/record.ts'
import { mine } from '../mine.ts'
import type { RoundingMode } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { bumpPricing, lockPricing } from './pricing-revision.ts'
import { merchantSettings } from './tables.ts'

/** A merchant's own settings. Amounts in minor units of `currency`; the tax rate in parts per million. */
export interface Settings {
  merchantId: string
  slug: string
  name: string
  currency: string
  country: string
  pricesIncludeTax: boolean
  taxRatePpm: bigint
  shippingName: string
  shippingAmount: bigint
  contactEmail: string
  /** IANA: the merchant's clock on the wall. */
  timeZone: string
  /** How fractions of a minor unit are rounded, and, if not the same way, those of discounts. */
  rounding: RoundingMode
  discountRounding: RoundingMode | null
  taxRoundedPer: 'unit' | 'line' | 'order'
  /** Whether discounts lower what is taxed, or what is paid after the tax on the full price. */
  discounts: 'before_tax' | 'after_tax'
  /** With prices that include tax, what stays for a buyer whose rate differs: the price, or the part without tax. */
  foreignTax: 'same_gross' | 'same_net'
  /** Whether steps and limits of shipping methods look at list prices, or at what is left after discounts. */
  shippingMeasures: 'list' | 'discounted'
  /** Whether a VAT id that a buyer typed counts when it is well formed, or only when staff have checked it as the customer's. */
  vatIds: 'checked' | 'well_formed'
  version: bigint
}

/** What staff may change. What is absent stays. */
export type SettingsChanges = { [Key in (typeof CHANGEABLE)[number]]?: Settings[Key] | undefined }

const OF_PRICES = [
  'pricesIncludeTax',
  'taxRatePpm',
  'shippingName',
  'shippingAmount',
  'timeZone',
  'rounding',
  'discountRounding',
  'taxRoundedPer',
  'discounts',
  'foreignTax',
  'shippingMeasures',
  'vatIds',
] as const
const CHANGEABLE = ['name', 'contactEmail', ...OF_PRICES] as const

/** The statement that reads the settings; `toSettings` takes its answer. */
export function settingsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select merchant_id as "merchantId", slug, name, currency, country, prices_include_tax as "pricesIncludeTax", tax_rate_ppm as "taxRatePpm",
      shipping_name as "shippingName", shipping_amount as "shippingAmount", contact_email as "contactEmail", time_zone as "timeZone", rounding,
      discount_rounding as "discountRounding", tax_rounded_per as "taxRoundedPer", discounts, foreign_tax as "foreignTax",
      shipping_measures as "shippingMeasures", vat_ids as "vatIds", version
    from merchant_settings where merchant_id = ${tx.merchantId}`
}

export function toSettings(rows: readonly unknown[] | undefined): Settings {
  const [row] = rows ?? []
  if (!row) throw new Error('the merchant has no settings')
  return row as Settings
}

/**
 * Changes settings, and says so in the audit log and in an event that names the fields. Open carts are priced by the new ones from
 * now on.
 */
export async function updateSettings(
  tx: Tx,
  changes: SettingsChanges,
  by: { actor: Actor; now: Date; reason?: string | undefined },
): Promise<Settings> {
  await lockPricing(tx)
  const before = toSettings(await settingsQuery(tx))
  const changed = Object.entries(changes).filter(([field, value]) => value !== undefined && value !== before[field as keyof Settings])
  if (changed.length === 0) return before
  const fields = changed.map(([field]) => field as keyof Settings)
  await tx
    .update(merchantSettings)
    .set({ ...Object.fromEntries(changed), version: sql`${merchantSettings.version} + 1`, updatedAt: by.now })
    .where(mine(tx, merchantSettings))
  if (OF_PRICES.some((field) => fields.includes(field))) await bumpPricing(tx)
  const after = toSettings(await settingsQuery(tx))
  await Promise.all([
    recordAudit(tx, {
      action: 'settings.updated',
      targetType: 'settings',
      targetId: tx.merchantId,
      before: chosen(before, fields),
      after: chosen(after, fields),
      reason: by.reason ?? '',
      actor: by.actor,
      now: by.now,
    }),
    recordEvent(tx, {
      type: 'settings.updated',
      aggregateType: 'merchant',
      aggregateId: tx.merchantId,
      data: { changed: fieldNames(fields) },
      actor: by.actor,
      now: by.now,
    }),
  ])
  return after
}

function chosen(settings: Settings, fields: readonly (keyof Settings)[]): Record<string, unknown> {
  const names = fieldNames(fields)
  return Object.fromEntries(fields.map((field, index) => [names[index], settings[field]]))
}

/** Refuses amounts in another currency than the merchant's. */
export async function assertCurrency(tx: Tx, given: readonly { pointer: string; currency: string }[]): Promise<void> {
  if (given.length === 0) return
  const { currency } = toSettings(await settingsQuery(tx))
  const errors = given
    .filter((one) => one.currency !== currency)
    .map(({ pointer }) => ({ pointer: `${pointer}/currency`, code: 'currency_mismatch' }))
  if (errors.length > 0) throw new Refusal('currency_mismatch', { detail: `This merchant's currency is ${currency}.`, errors })
}
