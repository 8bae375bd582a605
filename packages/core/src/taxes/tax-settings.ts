import type { Tx } from '@souk/tenant-router/tx.ts'
import { lockPricing } from '../merchant/pricing-revision.ts'
import { checkPlace, checkSpan, FieldProblems, type Place } from './check-place.ts'
import { checkCategory, checkName } from './check-rate.ts'
import { type ByWhom, changedFields, recordChange } from './record-change.ts'
import { EU_MEMBERS } from './tax-place.ts'
import { daySchema, type TaxSettings, taxSettingsSchema } from './tax-table.ts'
import { readVatId } from './vat-id.ts'

/** The settings as far as staff changed them; those of a shop that never did are the schema's defaults: what every shop starts with. */
export async function getTaxSettings(tx: Tx): Promise<TaxSettings> {
  const [row] = await tx.sql<{ document: unknown }[]>`select document from tax_settings where merchant_id = ${tx.merchantId}`
  return toTaxSettings(row?.document)
}

/** A stored document; what a later version of the schema has besides gets its default. */
export function toTaxSettings(document: unknown): TaxSettings {
  return taxSettingsSchema.parse(document ?? {})
}

/** What staff may change. What is absent stays; lists are replaced whole. */
export type TaxSettingsChanges = { [Key in keyof TaxSettings]?: TaxSettings[Key] | undefined }

/** Changes the tax settings. Refuses `tax_invalid` with what is wrong. */
export async function updateTaxSettings(tx: Tx, changes: TaxSettingsChanges, by: ByWhom): Promise<TaxSettings> {
  await lockPricing(tx)
  const [before, country, groups] = [await getTaxSettings(tx), await sellerCountry(tx), await groupHandles(tx)]
  const asked = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  const after = requireSettings({ ...before, ...asked }, country, new Set([...groups, ...before.exempt_groups]))
  const changed = changedFields(before, after)
  if (changed.length === 0) return before
  await tx.sql`
    insert into tax_settings (merchant_id, document, updated_at) values (${tx.merchantId}, ${JSON.stringify(after)}::jsonb, ${by.now})
    on conflict (merchant_id) do update set document = excluded.document, version = tax_settings.version + 1, updated_at = excluded.updated_at`
  const change = { type: 'tax_settings.updated', of: 'tax_settings', id: tx.merchantId, before, after, data: { changed } }
  await Promise.all(recordChange(tx, change, by))
  return after
}

/** The settings in the form they are kept in. */
function requireSettings(given: TaxSettings, country: string, groups: ReadonlySet<string>): TaxSettings {
  const problems = new FieldProblems()
  const { region, postcode_from } = checkSeller(given, country, problems)
  const registrations = given.registrations.map((registration, index) => {
    const at = `/registrations/${index}`
    checkSpan(registration, at, problems)
    checkRegistrationNumber(registration, at, problems)
    return { ...registration, region: checkPlace(registration, at, problems).region }
  })
  if (given.distance_sales.from !== null && !daySchema.safeParse(given.distance_sales.from).success)
    problems.add('/distance_sales/from', 'invalid_date', 'A day is written 2026-03-01, from 1900 on.')
  checkName(given.default_name, '/default_name', problems)
  checkCategories(given, problems)
  checkCategory(given.shipping.category, '/shipping/category', problems)
  for (const [index, group] of given.exempt_groups.entries())
    if (!groups.has(group)) problems.add(`/exempt_groups/${index}`, 'unknown_group', 'There is no group of customers with this handle.')
  if (given.reverse_charge && !EU_MEMBERS.has(country) && country !== 'GB')
    problems.add('/reverse_charge', 'not_in_the_eu', 'Reverse charge between member states is for sellers in the EU and Northern Ireland.')
  problems.refuse('tax_invalid', 'These tax settings do not hold together.')
  return {
    ...given,
    seller_region: region,
    seller_postcode: postcode_from,
    registrations,
    exempt_groups: [...new Set(given.exempt_groups)],
  }
}

/** A VAT number of a member state that cannot be one would stand on every invoice. */
function checkRegistrationNumber(
  { country, number }: TaxSettings['registrations'][number],
  pointer: string,
  problems: FieldProblems,
): void {
  if (number === null || !EU_MEMBERS.has(country)) return
  const vatId = readVatId(number)
  if (!vatId?.valid || vatId.country !== country)
    problems.add(`${pointer}/number`, 'vat_id_invalid', `This is no VAT id of ${country}: its form or its check digits are wrong.`)
}

function checkCategories({ categories }: TaxSettings, problems: FieldProblems): void {
  const seen = new Set<string>()
  for (const [index, rule] of categories.entries()) {
    const at = `/categories/${index}`
    checkName(rule.name, `${at}/name`, problems)
    checkCategory(rule.code, `${at}/code`, problems)
    checkCategory(rule.otherwise, `${at}/otherwise`, problems)
    if (seen.has(rule.code)) problems.add(`${at}/code`, 'duplicate', 'This category is listed twice.')
    seen.add(rule.code)
    const countries = new Set<string>()
    for (const [place, { country, category }] of rule.countries.entries()) {
      checkPlace({ country }, `${at}/countries/${place}`, problems)
      checkCategory(category, `${at}/countries/${place}/category`, problems)
      if (countries.has(country)) problems.add(`${at}/countries/${place}/country`, 'duplicate', 'This country is listed twice.')
      countries.add(country)
    }
  }
}

/** The seller's own place, whose problems bear the names of the settings. */
function checkSeller({ seller_region, seller_postcode }: TaxSettings, country: string, problems: FieldProblems): Place {
  const found = new FieldProblems()
  const place = checkPlace({ country, region: seller_region, postcode_from: seller_postcode }, '', found)
  for (const { pointer, code, detail } of found.list)
    problems.add(pointer === '/region' ? '/seller_region' : '/seller_postcode', code, detail ?? code)
  return place
}

async function sellerCountry(tx: Tx): Promise<string> {
  const [row] = await tx.sql<{ country: string }[]>`select country from merchant_settings where merchant_id = ${tx.merchantId}`
  return row!.country
}

async function groupHandles(tx: Tx): Promise<string[]> {
  const rows = await tx.sql<{ handle: string }[]>`select handle from customer_group where merchant_id = ${tx.merchantId}`
  return rows.map(({ handle }) => handle)
}
