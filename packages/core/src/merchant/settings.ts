import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { sql } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { fieldNames } from '../events/field-names.ts'
import { recordEvent } from '../events/record.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
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
  version: bigint
}

/** What staff may change. What is absent stays. */
export type SettingsChanges = {
  [Key in 'name' | 'contactEmail' | 'taxRatePpm' | 'shippingName' | 'shippingAmount']?: Settings[Key] | undefined
}

/** The statement that reads the settings; `toSettings` takes its answer. */
export function settingsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select merchant_id as "merchantId", slug, name, currency, country, prices_include_tax as "pricesIncludeTax", tax_rate_ppm as "taxRatePpm",
      shipping_name as "shippingName", shipping_amount as "shippingAmount", contact_email as "contactEmail", version
    from merchant_settings where merchant_id = ${tx.merchantId}`
}

export function toSettings(rows: readonly unknown[] | undefined): Settings {
  const [row] = rows ?? []
  if (!row) throw new Error('the merchant has no settings')
  return row as Settings
}

/** Changes settings and says so in an event that names the fields. Open carts are priced by the new ones from now on. */
export async function updateSettings(tx: Tx, changes: SettingsChanges, by: { actor: Actor; now: Date }): Promise<Settings> {
  const before = toSettings(await settingsQuery(tx))
  const changed = Object.entries(changes).filter(([field, value]) => value !== undefined && value !== before[field as keyof Settings])
  if (changed.length === 0) return before
  await tx
    .update(merchantSettings)
    .set({ ...Object.fromEntries(changed), version: sql`${merchantSettings.version} + 1`, updatedAt: by.now })
    .where(mine(tx, merchantSettings))
  const [, after] = await Promise.all([
    recordEvent(tx, {
      type: 'settings.updated',
      aggregateType: 'merchant',
      aggregateId: tx.merchantId,
      data: { changed: fieldNames(changed.map(([field]) => field)) },
      ...by,
    }),
    settingsQuery(tx),
  ])
  return toSettings(after)
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
