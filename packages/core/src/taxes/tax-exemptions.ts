import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { lockPricing } from '../merchant/pricing-revision.ts'
import { Refusal } from '../refusal.ts'
import { nameFault, TEXT_FAULTS } from '../text.ts'
import { checkPlace, checkSpan, FieldProblems } from './check-place.ts'
import { checkCategory } from './check-rate.ts'
import { type ByWhom, changedFields, recordChange } from './record-change.ts'
import { TAX_EXEMPTIONS_MAX, type TaxExemption } from './tax-table.ts'

export const CERTIFICATE_LENGTH_MAX = 100

export type NewTaxExemption = Omit<TaxExemption, 'id'>
export type TaxExemptionChanges = { [Key in keyof NewTaxExemption]?: NewTaxExemption[Key] | undefined }
export type TaxExemptionRecord = TaxExemption & { updated_at: Date }

/** Exemptions by id; `next` is where the list goes on. */
export async function listExemptions(
  tx: Tx,
  page: { limit: number; after?: string | undefined },
): Promise<{ exemptions: TaxExemptionRecord[]; next: string | null }> {
  const further = page.after === undefined ? tx.sql`` : tx.sql`and id > ${page.after}`
  const rows = await tx.sql<TaxExemptionRecord[]>`
    select ${columns(tx)} from tax_exemption where merchant_id = ${tx.merchantId} ${further} order by id limit ${page.limit + 1}`
  const exemptions = rows.slice(0, page.limit)
  return { exemptions, next: rows.length > page.limit ? exemptions.at(-1)!.id : null }
}

/** An exemption. Refuses `not_found`. */
export async function getExemption(tx: Tx, exemptionId: string): Promise<TaxExemptionRecord> {
  const [exemption] = await tx.sql<TaxExemptionRecord[]>`
    select ${columns(tx)} from tax_exemption where merchant_id = ${tx.merchantId} and id = ${exemptionId}`
  if (!exemption) throw new Refusal('not_found', { detail: 'There is no such exemption.' })
  return exemption
}

/** Writes down a certificate of exemption. Refuses `tax_invalid`, and `too_many` beyond TAX_EXEMPTIONS_MAX. */
export async function createExemption(tx: Tx, given: NewTaxExemption, by: ByWhom): Promise<TaxExemptionRecord> {
  await lockPricing(tx)
  const exemption = await requireExemption(tx, given)
  const [counted] = await tx.sql<{ count: bigint }[]>`select count(*) from tax_exemption where merchant_id = ${tx.merchantId}`
  if (counted!.count >= TAX_EXEMPTIONS_MAX) {
    const detail = `There may be ${TAX_EXEMPTIONS_MAX} certificates of exemption; a group can stand for many customers.`
    throw new Refusal('too_many', { detail })
  }
  const id = newId(by.now)
  const [made] = await tx.sql<TaxExemptionRecord[]>`
    insert into tax_exemption (merchant_id, id, customer_id, customer_group, certificate, country, region, category, valid_from, valid_to,
      created_at, updated_at)
    values (${tx.merchantId}, ${id}, ${exemption.customer_id}, ${exemption.customer_group}, ${exemption.certificate}, ${exemption.country},
      ${exemption.region}, ${exemption.category}, ${exemption.valid_from}::text::date, ${exemption.valid_to}::text::date, ${by.now}, ${by.now})
    returning ${columns(tx)}`
  await Promise.all(recordChange(tx, { type: 'tax_exemption.created', of: 'tax_exemption', id, before: null, after: made }, by))
  return made!
}

/** Changes an exemption. Refuses as createExemption does, and `not_found`. */
export async function updateExemption(tx: Tx, exemptionId: string, changes: TaxExemptionChanges, by: ByWhom): Promise<TaxExemptionRecord> {
  await lockPricing(tx)
  const before = await getExemption(tx, exemptionId)
  const asked = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  const { id: _id, updated_at: _at, ...own } = before
  const exemption = await requireExemption(tx, { ...own, ...asked })
  const changed = changedFields(own, exemption)
  if (changed.length === 0) return before
  const [after] = await tx.sql<TaxExemptionRecord[]>`
    update tax_exemption set customer_id = ${exemption.customer_id}, customer_group = ${exemption.customer_group},
      certificate = ${exemption.certificate}, country = ${exemption.country}, region = ${exemption.region}, category = ${exemption.category},
      valid_from = ${exemption.valid_from}::text::date, valid_to = ${exemption.valid_to}::text::date, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${exemptionId}
    returning ${columns(tx)}`
  const change = { type: 'tax_exemption.updated', of: 'tax_exemption', id: exemptionId, before, after, data: { changed } }
  await Promise.all(recordChange(tx, change, by))
  return after!
}

/** Deletes an exemption: from now on its customers pay tax. */
export async function deleteExemption(tx: Tx, exemptionId: string, by: ByWhom): Promise<void> {
  await lockPricing(tx)
  const before = await getExemption(tx, exemptionId)
  await tx.sql`delete from tax_exemption where merchant_id = ${tx.merchantId} and id = ${exemptionId}`
  await Promise.all(recordChange(tx, { type: 'tax_exemption.deleted', of: 'tax_exemption', id: exemptionId, before, after: null }, by))
}

function columns(tx: Pick<Tx, 'sql'>): Query {
  return tx.sql`id, customer_id, customer_group, certificate, country, region, category, valid_from::text as valid_from,
    valid_to::text as valid_to, updated_at`
}

async function requireExemption(tx: Tx, given: NewTaxExemption): Promise<NewTaxExemption> {
  const problems = new FieldProblems()
  const { country, region } = checkPlace(given, '', problems)
  checkSpan(given, '', problems)
  const fault = given.certificate === '' ? 'invalid_text' : nameFault(given.certificate, CERTIFICATE_LENGTH_MAX)
  if (fault) problems.add('/certificate', fault, TEXT_FAULTS[fault])
  if (given.category !== null) checkCategory(given.category, '/category', problems)
  await checkHolder(tx, given, problems)
  problems.refuse('tax_invalid', 'This exemption cannot be applied.')
  return { ...given, country, region, certificate: given.certificate.normalize('NFC') }
}

/** Either a customer or a group, and one that is there. */
async function checkHolder(tx: Tx, { customer_id, customer_group }: NewTaxExemption, problems: FieldProblems): Promise<void> {
  if ((customer_id === null) === (customer_group === null)) {
    problems.add('/customer_id', 'one_holder', 'An exemption is of a customer or of a group: give one of the two.')
    return
  }
  const found =
    customer_id !== null
      ? await tx.sql`select 1 from customer where merchant_id = ${tx.merchantId} and id = ${customer_id}`
      : await tx.sql`select 1 from customer_group where merchant_id = ${tx.merchantId} and handle = ${customer_group}`
  if (found.length > 0) return
  if (customer_id !== null) problems.add('/customer_id', 'unknown_customer', 'There is no such customer.')
  else problems.add('/customer_group', 'unknown_group', 'There is no group of customers with this handle.')
}
