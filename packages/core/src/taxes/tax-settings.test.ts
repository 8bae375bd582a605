import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { taxTableQuery, toTaxTable } from './load-taxes.ts'
import { resolveTaxes } from './resolve-taxes.ts'
import { createExemption, deleteExemption, listExemptions, type NewTaxExemption, updateExemption } from './tax-exemptions.ts'
import { getTaxSettings, type TaxSettingsChanges, updateTaxSettings } from './tax-settings.ts'
import { taxTableSchema } from './tax-table.ts'

const BY = { actor: { kind: 'staff', id: newId() }, now: new Date('2026-03-02T12:00:00Z') } as const
const SHOP = { country: 'DE', taxRatePpm: 190_000n, timeZone: 'Europe/Berlin' }
let shop: TestShop
let merchant: TestMerchant
let untouched: TestMerchant
let customerId: string

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  untouched = await shop.addMerchant()
  customerId = newId()
  await merchant.inMerchant(async (tx) => {
    await tx.sql`insert into customer (merchant_id, id, email) values (${tx.merchantId}, ${customerId}, 'ada@buyer.example')`
    await tx.sql`insert into customer_group (merchant_id, handle, name) values (${tx.merchantId}, 'resellers', 'Resellers')`
  })
})
afterAll(() => shop.close())

function set(changes: TaxSettingsChanges, of = merchant) {
  return of.inMerchant((tx) => updateTaxSettings(tx, changes, BY))
}

async function tableOf(of: TestMerchant) {
  return toTaxTable(await of.inMerchant.read((tx) => taxTableQuery(tx)), SHOP)
}

describe('tax settings', () => {
  it("of a shop that never changed any are every shop's, and its table is the flat rate", async () => {
    expect(await tableOf(untouched)).toEqual(
      taxTableSchema.parse({ seller_country: 'DE', time_zone: 'Europe/Berlin', default_rate_ppm: 190_000 }),
    )
  })

  it('keep what is not changed, are part of the table, and are written down once', async () => {
    await set({ distance_sales: { mode: 'destination', from: '2026-07-01' }, seller_region: 'Bayern', seller_postcode: '80331' })
    await set({ reverse_charge: true, exempt_groups: ['resellers'] })
    const settings = await set({ reverse_charge: true })
    expect(settings).toMatchObject({
      distance_sales: { mode: 'destination', from: '2026-07-01' },
      seller_region: 'BY',
      reverse_charge: true,
      exempt_groups: ['resellers'],
    })
    expect(await merchant.inMerchant.read(getTaxSettings)).toEqual(settings)
    expect(await tableOf(merchant)).toMatchObject(settings)
    const events = await merchant.inMerchant.read(
      (tx) => tx.sql`select data from event where merchant_id = ${tx.merchantId} and type = 'tax_settings.updated' order by sequence`,
    )
    expect(events.map(({ data }) => (data as { changed: string[] }).changed)).toEqual([
      ['seller_region', 'seller_postcode', 'distance_sales'],
      ['reverse_charge', 'exempt_groups'],
    ])
  })

  const registration = { country: 'FR', region: null, number: null, valid_from: null, valid_to: null }
  const category = { code: 'books', name: 'Books', countries: [], otherwise: 'reduced' }
  it.each<[string, TaxSettingsChanges, string, string]>([
    ['a region of another country', { seller_region: 'CA' }, '/seller_region', 'unknown_region'],
    [
      'a registration in no country',
      { registrations: [{ ...registration, country: 'XX' }] },
      '/registrations/0/country',
      'unknown_country',
    ],
    [
      'a VAT number with wrong check digits',
      { registrations: [registration, { ...registration, number: 'FR84404833048' }] },
      '/registrations/1/number',
      'vat_id_invalid',
    ],
    [
      "another country's VAT number",
      { registrations: [{ ...registration, number: 'DE136695976' }] },
      '/registrations/0/number',
      'vat_id_invalid',
    ],
    ['a day that never was', { distance_sales: { mode: 'destination', from: '2026-02-30' } }, '/distance_sales/from', 'invalid_date'],
    ['a group that is not there', { exempt_groups: ['nobody'] }, '/exempt_groups/0', 'unknown_group'],
    ['a category twice', { categories: [category, category] }, '/categories/1/code', 'duplicate'],
    [
      'a category that cannot be one',
      { categories: [{ ...category, otherwise: 'A B' }] },
      '/categories/0/otherwise',
      'invalid_tax_category',
    ],
    [
      'a country twice in a category',
      {
        categories: [
          {
            ...category,
            countries: [
              { country: 'FR', category: 'a' },
              { country: 'FR', category: 'b' },
            ],
          },
        ],
      },
      '/categories/0/countries/1/country',
      'duplicate',
    ],
    [
      'shipping of a category that cannot be one',
      { shipping: { mode: 'category', category: '' } },
      '/shipping/category',
      'invalid_tax_category',
    ],
  ])('refuse %s', async (_what, changes, pointer, code) => {
    await expect(set(changes)).rejects.toMatchObject({ code: 'tax_invalid', details: { errors: [{ pointer, code }] } })
  })

  it('refuse reverse charge for a seller outside the EU', async () => {
    const swiss = await shop.addMerchant({ country: 'CH' })
    await expect(set({ reverse_charge: true }, swiss)).rejects.toMatchObject({
      details: { errors: [{ pointer: '/reverse_charge', code: 'not_in_the_eu' }] },
    })
  })

  it('changed by many at once all come through', async () => {
    const crowd = await shop.addMerchant()
    await Promise.all([
      set({ default_name: 'VAT' }, crowd),
      set({ collects: 'registrations' }, crowd),
      set({ seller_postcode: '10115' }, crowd),
      set({ reverse_charge: true }, crowd),
    ])
    expect(await crowd.inMerchant.read(getTaxSettings)).toMatchObject({
      default_name: 'VAT',
      collects: 'registrations',
      seller_postcode: '10115',
      reverse_charge: true,
    })
  })
})

describe('certificates of exemption', () => {
  const certificate: NewTaxExemption = {
    customer_id: null,
    customer_group: null,
    certificate: 'R-1',
    country: '*',
    region: null,
    category: null,
    valid_from: null,
    valid_to: null,
  }
  const create = (given: Partial<NewTaxExemption>) => merchant.inMerchant((tx) => createExemption(tx, { ...certificate, ...given }, BY))

  it('are made, applied, changed and deleted', async () => {
    const made = await create({ customer_id: customerId, country: 'DE', valid_to: '2026-12-31' })
    const treatment = async () =>
      resolveTaxes(await tableOf(merchant), {
        asOf: '2026-03-02T12:00:00Z',
        destination: { country: 'DE', region: null, postcode: null },
        lines: [{ id: 'a', taxable: true, category: null, amount: 1n }],
        customer: { id: customerId, groups: [], taxExempt: false, vatId: null },
      }).treatment
    expect(await treatment()).toBe('exempt')
    await merchant.inMerchant((tx) => updateExemption(tx, made.id, { valid_to: '2026-03-01' }, BY))
    expect(await treatment()).toBe('domestic')
    const { exemptions } = await merchant.inMerchant.read((tx) => listExemptions(tx, { limit: 10 }))
    expect(exemptions).toMatchObject([{ id: made.id, valid_to: '2026-03-01', certificate: 'R-1' }])
    await merchant.inMerchant((tx) => deleteExemption(tx, made.id, BY))
    expect((await tableOf(merchant)).exemptions).toEqual([])
  })

  it.each([
    ['nobody', {}, '/customer_id', 'one_holder'],
    ['a customer and a group', { customer_id: newId(), customer_group: 'resellers' }, '/customer_id', 'one_holder'],
    ['a customer who is not there', { customer_id: newId() }, '/customer_id', 'unknown_customer'],
    ['a group that is not there', { customer_group: 'nobody' }, '/customer_group', 'unknown_group'],
    ['no certificate', { customer_group: 'resellers', certificate: '' }, '/certificate', 'invalid_text'],
    ['for no country', { customer_group: 'resellers', country: 'XX' }, '/country', 'unknown_country'],
    ['until for ever', { customer_group: 'resellers', valid_to: 'infinity' }, '/valid_to', 'invalid_date'],
  ])('are refused of %s', async (_what, given, pointer, code) => {
    await expect(create(given)).rejects.toMatchObject({ code: 'tax_invalid', details: { errors: [{ pointer, code }] } })
  })

  it('go with their customer', async () => {
    const id = newId()
    await merchant.inMerchant(
      (tx) => tx.sql`insert into customer (merchant_id, id, email) values (${tx.merchantId}, ${id}, 'bob@buyer.example')`,
    )
    await create({ customer_id: id })
    await merchant.inMerchant((tx) => tx.sql`delete from customer where merchant_id = ${tx.merchantId} and id = ${id}`)
    expect((await tableOf(merchant)).exemptions).toEqual([])
  })
})
