import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { lockPricing } from '../merchant/pricing-revision.ts'
import { Refusal } from '../refusal.ts'
import { crosses, type NewTaxRate, requireRate } from './check-rate.ts'
import { type ByWhom, changedFields, recordChange } from './record-change.ts'
import { getRate, rateColumns, type TaxRateRecord } from './tax-rate.ts'
import { TAX_RATES_MAX } from './tax-table.ts'

/** What staff may change of a rate. What is absent stays. */
export type TaxRateChanges = { [Key in keyof NewTaxRate]?: NewTaxRate[Key] | undefined }

const FIELDS = [
  'name',
  'country',
  'region',
  'postcode_from',
  'postcode_to',
  'postcode_pattern',
  'category',
  'rate_ppm',
  'valid_from',
  'valid_to',
  'compound',
  'priority',
] as const satisfies (keyof NewTaxRate)[]

/**
 * Makes a rate. Carts are priced with it from now on. Refuses `tax_invalid` for what cannot be charged, `duplicate` where
 * another rate says something for the same place, category, priority and first day, and `too_many` beyond TAX_RATES_MAX.
 */
export async function createRate(tx: Tx, given: NewTaxRate, by: ByWhom): Promise<TaxRateRecord> {
  const rate = requireRate(given)
  await lockPricing(tx)
  await assertUnambiguous(tx, rate, null)
  const [counted] = await tx.sql<{ count: bigint }[]>`select count(*) from tax_rate where merchant_id = ${tx.merchantId}`
  if (counted!.count >= TAX_RATES_MAX) throw tooManyRates()
  const id = newId(by.now)
  const [made] = await tx.sql<TaxRateRecord[]>`
    insert into tax_rate (merchant_id, id, name, country, region, postcode_from, postcode_to, postcode_pattern, category, rate_ppm, valid_from,
      valid_to, compound, priority, created_at, updated_at)
    values (${tx.merchantId}, ${id}, ${rate.name}, ${rate.country}, ${rate.region}, ${rate.postcode_from}, ${rate.postcode_to},
      ${rate.postcode_pattern}, ${rate.category}, ${rate.rate_ppm}, ${rate.valid_from}::text::date, ${rate.valid_to}::text::date, ${rate.compound},
      ${rate.priority}, ${by.now}, ${by.now})
    returning ${rateColumns(tx)}`
  await Promise.all(recordChange(tx, { type: 'tax_rate.created', of: 'tax_rate', id, before: null, after: made }, by))
  return made!
}

/** Changes a rate; refuses as createRate does, and `not_found`. What stays the same is not written down. */
export async function updateRate(tx: Tx, rateId: string, changes: TaxRateChanges, by: ByWhom): Promise<TaxRateRecord> {
  await lockPricing(tx)
  const before = await getRate(tx, rateId)
  const asked = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  const rate = requireRate({ ...pick(before), ...asked })
  const changed = changedFields(pick(before), rate)
  if (changed.length === 0) return before
  await assertUnambiguous(tx, rate, rateId)
  const [after] = await tx.sql<TaxRateRecord[]>`
    update tax_rate set name = ${rate.name}, country = ${rate.country}, region = ${rate.region}, postcode_from = ${rate.postcode_from},
      postcode_to = ${rate.postcode_to}, postcode_pattern = ${rate.postcode_pattern}, category = ${rate.category}, rate_ppm = ${rate.rate_ppm},
      valid_from = ${rate.valid_from}::text::date, valid_to = ${rate.valid_to}::text::date, compound = ${rate.compound},
      priority = ${rate.priority}, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${rateId}
    returning ${rateColumns(tx)}`
  await Promise.all(recordChange(tx, { type: 'tax_rate.updated', of: 'tax_rate', id: rateId, before, after, data: { changed } }, by))
  return after!
}

/** Deletes a rate. Orders that were taxed with it keep what they were charged. */
export async function deleteRate(tx: Tx, rateId: string, by: ByWhom): Promise<void> {
  await lockPricing(tx)
  const before = await getRate(tx, rateId)
  await tx.sql`delete from tax_rate where merchant_id = ${tx.merchantId} and id = ${rateId}`
  await Promise.all(recordChange(tx, { type: 'tax_rate.deleted', of: 'tax_rate', id: rateId, before, after: null }, by))
}

export function tooManyRates(): Refusal {
  return new Refusal('too_many', { detail: `There may be ${TAX_RATES_MAX} tax rates.` })
}

function pick(record: TaxRateRecord): NewTaxRate {
  return Object.fromEntries(FIELDS.map((field) => [field, record[field]])) as unknown as NewTaxRate
}

/** Nobody else changes rates until the transaction ends: lockPricing was taken. */
async function assertUnambiguous(tx: Tx, rate: NewTaxRate, own: string | null): Promise<void> {
  const others = await tx.sql<TaxRateRecord[]>`
    select ${rateColumns(tx)} from tax_rate
    where merchant_id = ${tx.merchantId} and country = ${rate.country} and category = ${rate.category} and priority = ${rate.priority}
      and region is not distinct from ${rate.region}::text and id is distinct from ${own}::uuid
    order by id`
  const conflict = others.find((other) => isSameScope(other, rate) || crosses(other, rate))
  if (!conflict) return
  const detail = isSameScope(conflict, rate)
    ? 'Another rate is for the same place, category and priority from the same day on.'
    : 'The postcodes overlap with those of another rate, and neither lies within the other.'
  throw new Refusal('duplicate', { detail, errors: [{ pointer: '', code: 'duplicate', detail }], extra: { tax_rate_id: conflict.id } })
}

/** Whether two rates of one country, region, category and priority would say two things at once. */
export function isSameScope(a: NewTaxRate, b: NewTaxRate): boolean {
  return (
    a.postcode_from === b.postcode_from &&
    a.postcode_to === b.postcode_to &&
    a.postcode_pattern === b.postcode_pattern &&
    a.valid_from === b.valid_from
  )
}
