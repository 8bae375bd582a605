import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { createRate, deleteRate, type TaxRateChanges, updateRate } from './change-rates.ts'
import type { NewTaxRate } from './check-rate.ts'
import { taxTableQuery, toTaxTable } from './load-taxes.ts'
import { rateOf } from './rate-file.ts'
import { getRate, listRates } from './tax-rate.ts'

const BY = { actor: { kind: 'staff', id: newId() }, now: new Date('2026-03-02T12:00:00Z'), reason: 'new law' } as const
let shop: TestShop
let merchant: TestMerchant
let other: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  other = await shop.addMerchant()
})
afterAll(() => shop.close())

function create(given: Partial<NewTaxRate> = {}, of = merchant) {
  return of.inMerchant((tx) => createRate(tx, rateOf({ name: 'VAT', country: 'AT', rate_ppm: 200_000, ...given }), BY))
}

function update(id: string, changes: TaxRateChanges) {
  return merchant.inMerchant((tx) => updateRate(tx, id, changes, BY))
}

async function revision(): Promise<bigint> {
  const [row] = await merchant.inMerchant.read(
    (tx) => tx.sql`select pricing_revision from merchant_settings where merchant_id = ${tx.merchantId}`,
  )
  return row!.pricing_revision as bigint
}

function traces(id: string) {
  return merchant.inMerchant.read(async (tx) => ({
    events: await tx.sql`select type, data from event where merchant_id = ${tx.merchantId} and aggregate_id = ${id} order by sequence`,
    audit:
      await tx.sql`select action, before, after, reason from audit_entry where merchant_id = ${tx.merchantId} and target_id = ${id} order by id`,
  }))
}

describe('a rate', () => {
  it('is kept in one form, and found again by who looks and who prices', async () => {
    const made = await create({
      country: 'US',
      region: 'California',
      postcode_from: ' 94-110',
      postcode_to: null,
      valid_from: '2026-01-01',
      valid_to: '2026-12-31',
      rate_ppm: 86_250,
    })
    expect(made).toMatchObject({
      region: 'CA',
      postcode_from: '94110',
      postcode_to: '94110',
      valid_from: '2026-01-01',
      valid_to: '2026-12-31',
      rate_ppm: 86_250,
      source: null,
    })
    expect(await merchant.inMerchant.read((tx) => getRate(tx, made.id))).toEqual(made)
    const table = toTaxTable(await merchant.inMerchant.read((tx) => taxTableQuery(tx)), {
      country: 'DE',
      taxRatePpm: 190_000n,
      timeZone: 'UTC',
    })
    const { source: _source, updated_at: _at, ...row } = made
    expect(table.rates).toContainEqual(row)
  })

  it('that is changed or deleted is written down with what was, and prices know', async () => {
    const before = await revision()
    const { id } = await create({ category: 'written-down' })
    await update(id, { rate_ppm: 210_000, valid_from: '2026-07-01' })
    await merchant.inMerchant((tx) => deleteRate(tx, id, BY))
    const { events, audit } = await traces(id)
    expect(events.map(({ type }) => type)).toEqual(['tax_rate.created', 'tax_rate.updated', 'tax_rate.deleted'])
    expect(events[1]!.data).toEqual({ id, changed: ['rate_ppm', 'valid_from'] })
    expect(audit.find(({ action }) => action === 'tax_rate.updated')).toMatchObject({
      before: { rate_ppm: 200_000, valid_from: null },
      after: { rate_ppm: 210_000, valid_from: '2026-07-01' },
      reason: 'new law',
    })
    expect(await revision()).toBe(before + 3n)
    await expect(merchant.inMerchant.read((tx) => getRate(tx, id))).rejects.toMatchObject({ code: 'not_found' })
  })

  it('that stays as it is writes nothing', async () => {
    const made = await create({ category: 'unchanged' })
    const before = await revision()
    expect(await update(made.id, { rate_ppm: 200_000, country: 'AT' })).toEqual(made)
    expect(await revision()).toBe(before)
  })

  it("is nobody else's", async () => {
    const { id } = await create({ category: 'private' })
    await expect(other.inMerchant.read((tx) => getRate(tx, id))).rejects.toMatchObject({ code: 'not_found' })
    await expect(other.inMerchant((tx) => deleteRate(tx, id, BY))).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('refuses', () => {
  it.each([
    ['a country that is none', { country: 'XX' }, '/country', 'unknown_country'],
    ['a region of another country', { country: 'AT', region: 'CA' }, '/region', 'unknown_region'],
    ['a region of anywhere', { country: '*', region: 'CA' }, '/region', 'unknown_region'],
    ['postcodes of anywhere', { country: '*', postcode_from: '1000' }, '/country', 'country_required'],
    ['a negative rate', { rate_ppm: -1 }, '/rate_percent', 'percentage_out_of_range'],
    ['a rate above 100 percent', { rate_ppm: 1_000_001 }, '/rate_percent', 'percentage_out_of_range'],
    ['a rate of half a millionth', { rate_ppm: 0.5 }, '/rate_percent', 'percentage_out_of_range'],
    ['a range that ends before it begins', { postcode_from: '2000', postcode_to: '1000' }, '/postcode_to', 'ends_before_it_begins'],
    ['a range of two lengths', { postcode_from: '1000', postcode_to: '99999' }, '/postcode_to', 'invalid_postcode'],
    ['a postcode of nothing', { postcode_from: ' - ' }, '/postcode_from', 'invalid_postcode'],
    ['a pattern that is none', { postcode_pattern: '(1' }, '/postcode_pattern', 'invalid_pattern'],
    ['a pattern that explodes elsewhere', { postcode_pattern: '(1+)+' }, '/postcode_pattern', 'unsafe_pattern'],
    ['a pattern with a zero byte', { postcode_pattern: '1\0' }, '/postcode_pattern', 'invalid_pattern'],
    ['a range and a pattern', { postcode_from: '1000', postcode_pattern: '1\\d+' }, '/postcode_pattern', 'range_and_pattern'],
    ['a day that never was', { valid_from: '2026-02-29' }, '/valid_from', 'invalid_date'],
    ['infinity', { valid_to: 'infinity' }, '/valid_to', 'invalid_date'],
    ['minus infinity', { valid_from: '-infinity' }, '/valid_from', 'invalid_date'],
    ['the year zero', { valid_from: '0000-01-01' }, '/valid_from', 'invalid_date'],
    ['today', { valid_from: 'today' }, '/valid_from', 'invalid_date'],
    ['a validity that ends before it begins', { valid_from: '2026-02-02', valid_to: '2026-02-01' }, '/valid_to', 'ends_before_it_begins'],
    ['a priority of zero', { priority: 0 }, '/priority', 'priority_out_of_range'],
    ['a category with a space', { category: 'a b' }, '/category', 'invalid_tax_category'],
    ['a name that cannot be seen', { name: '\u200b' }, '/name', 'invalid_text'],
    ['no name', { name: '' }, '/name', 'invalid_text'],
  ])('%s', async (_what, given, pointer, code) => {
    const refusal = { code: 'tax_invalid', details: { errors: expect.arrayContaining([expect.objectContaining({ pointer, code })]) } }
    await expect(create({ category: 'refused', ...given })).rejects.toMatchObject(refusal)
  })

  it('a rate that says something where another does from the same day on', async () => {
    const first = await create({ category: 'twice', postcode_from: '1000', postcode_to: '1999' })
    const refusal = { code: 'duplicate', details: { extra: { tax_rate_id: first.id } } }
    await expect(create({ category: 'twice', postcode_from: '1000', postcode_to: '1999', rate_ppm: 1 })).rejects.toMatchObject(refusal)
    await expect(create({ category: 'twice', postcode_from: '1500', postcode_to: '2499' })).rejects.toMatchObject(refusal)
    const later = await create({ category: 'twice', postcode_from: '1000', postcode_to: '1999', valid_from: '2027-01-01' })
    await create({ category: 'twice', postcode_from: '1500', postcode_to: '1599' })
    await create({ category: 'twice', postcode_from: '2000', postcode_to: '2999' })
    await create({ category: 'twice', postcode_from: '1000', postcode_to: '1999', priority: 2 })
    await expect(update(later.id, { valid_from: null })).rejects.toMatchObject(refusal)
  })

  it('the same one thirty times at once: one is made', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => create({ category: 'raced', region: null })))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []))
    expect(new Set(codes)).toEqual(new Set(['duplicate']))
  })
})

it('lists rates page by page, of one country if asked', async () => {
  const ids: string[] = []
  for (const priority of [1, 2, 3]) ids.push((await create({ country: 'IS', priority }, other)).id)
  await create({ country: 'NO' }, other)
  ids.sort()
  const page = (after?: string) => other.inMerchant.read((tx) => listRates(tx, { country: 'IS' }, { limit: 2, after }))
  const first = await page()
  expect(first.rates.map(({ id }) => id)).toEqual(ids.slice(0, 2))
  const second = await page(first.next!)
  expect(second.rates.map(({ id }) => id)).toEqual(ids.slice(2))
  expect(second.next).toBeNull()
  expect((await other.inMerchant.read((tx) => listRates(tx, {}, { limit: 10 }))).rates).toHaveLength(4)
})
