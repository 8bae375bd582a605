import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'
import type { TaxRateRow } from './tax-table.ts'

/** A rate as staff see it. `source`: the kind of file it was imported from; null for one that was made by hand. */
export interface TaxRateRecord extends TaxRateRow {
  source: string | null
  updated_at: Date
}

/** The columns of a rate, for `select`. Days as text: the driver would make instants of them. */
export function rateColumns(tx: Pick<Tx, 'sql'>): Query {
  return tx.sql`id, name, country, region, postcode_from, postcode_to, postcode_pattern, category, rate_ppm::integer as rate_ppm,
    valid_from::text as valid_from, valid_to::text as valid_to, compound, priority, source, updated_at`
}

/** A rate. Refuses `not_found`. */
export async function getRate(tx: Tx, rateId: string): Promise<TaxRateRecord> {
  const [rate] = await tx.sql<TaxRateRecord[]>`
    select ${rateColumns(tx)} from tax_rate where merchant_id = ${tx.merchantId} and id = ${rateId}`
  if (!rate) throw new Refusal('not_found', { detail: 'There is no such tax rate.' })
  return rate
}

/** Rates by id, of one country if asked; `next` is where the list goes on. */
export async function listRates(
  tx: Tx,
  filter: { country?: string | undefined },
  page: { limit: number; after?: string | undefined },
): Promise<{ rates: TaxRateRecord[]; next: string | null }> {
  const ofCountry = filter.country === undefined ? tx.sql`` : tx.sql`and country = ${filter.country}`
  const further = page.after === undefined ? tx.sql`` : tx.sql`and id > ${page.after}`
  const rows = await tx.sql<TaxRateRecord[]>`
    select ${rateColumns(tx)} from tax_rate where merchant_id = ${tx.merchantId} ${ofCountry} ${further}
    order by id limit ${page.limit + 1}`
  const rates = rows.slice(0, page.limit)
  return { rates, next: rows.length > page.limit ? rates.at(-1)!.id : null }
}
