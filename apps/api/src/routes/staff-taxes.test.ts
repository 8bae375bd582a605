import { addGoods } from '@souk/core/testing/goods.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

let api: TestApi
let shop: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
})
afterAll(() => api.close())

// The format of ibericode/vat-rates.
const EU = {
  items: {
    DE: [{ effective_from: '0000-01-01', rates: { standard: 19, reduced: 7 } }],
    FR: [
      {
        effective_from: '0000-01-01',
        rates: { standard: 20, reduced1: 5.5 },
        exceptions: [{ name: 'Guadeloupe', postcode: '971\\d{2,}', standard: 8.5 }],
      },
    ],
  },
}

function staff(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object, of = shop) {
  return api.call(of.host, { method, url: `/v1/admin/${url}`, token: of.token, ...(payload && { payload }) })
}

const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const money = (amount: number) => ({ amount, currency: 'EUR' })

describe('tax rates', () => {
  it('are made, read, listed, changed and deleted', async () => {
    const made = await staff('POST', 'tax-rates', {
      name: 'Sales tax',
      country: 'US',
      region: 'New York',
      postcode_from: '10001',
      rate_percent: '8.875',
      reason: 'nexus',
    })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({
      region: 'NY',
      postcode_from: '10001',
      postcode_to: '10001',
      rate_percent: '8.875',
      category: 'standard',
      priority: 1,
      source: null,
    })
    const url = `tax-rates/${made.body.id}`
    expect((await staff('GET', url)).body).toEqual(made.body)
    const changed = await staff('PATCH', url, { rate_percent: '9', valid_from: '2026-07-01' })
    expect(changed.body).toMatchObject({ rate_percent: '9', valid_from: '2026-07-01', region: 'NY' })
    const listed = await staff('GET', 'tax-rates?country=US&limit=1')
    expect(listed.body).toEqual({ data: [changed.body], next_cursor: null })
    const again = await staff('POST', 'tax-rates', {
      name: 'Twice',
      country: 'US',
      region: 'NY',
      postcode_from: '10001',
      rate_percent: '1',
      valid_from: '2026-07-01',
    })
    expect([again.status, slugOf(again), again.body.tax_rate_id]).toEqual([409, 'duplicate', made.body.id])
    expect((await staff('DELETE', url)).status).toBe(204)
    expect(slugOf(await staff('GET', url))).toBe('not-found')
  })

  it('come from files, with a word on each entry; a second time nothing is written', async () => {
    const of = await api.addMerchant()
    const file = { format: 'eu_vat_rates', content: JSON.stringify(EU), reason: 'EU sales' }
    const first = await staff('POST', 'tax-rates/imports', file, of)
    expect(first.body.counts).toEqual({ created: 5, updated: 0, unchanged: 0, skipped: 0, refused: 0, not_in_file: 0 })
    expect(first.body.entries[0]).toMatchObject({ key: 'DE/always/standard', outcome: 'created', code: null })
    expect((await staff('POST', 'tax-rates/imports', file, of)).body.counts).toMatchObject({ created: 0, unchanged: 5 })
    const only = await staff('POST', 'tax-rates/imports', { ...file, countries: ['FR'] }, of)
    expect(only.body.counts).toMatchObject({ unchanged: 3, not_in_file: 0 })
    const none = await staff('POST', 'tax-rates/imports', { ...file, content: '{"a": 1}' }, of)
    expect([none.status, slugOf(none)]).toEqual([422, 'import-invalid'])
  })
})

describe('tax settings and certificates', () => {
  it('are changed field by field, and said to whoever asks', async () => {
    const before = await staff('GET', 'tax-settings')
    expect(before.body).toMatchObject({ collects: 'rates', distance_sales: { mode: 'origin', from: null }, reverse_charge: false })
    const changed = await staff('PATCH', 'tax-settings', {
      distance_sales: { mode: 'destination', from: '2026-01-01' },
      registrations: [{ country: 'FR', number: 'FR83404833048' }],
    })
    expect(changed.body).toEqual({
      ...before.body,
      distance_sales: { mode: 'destination', from: '2026-01-01' },
      registrations: [{ country: 'FR', region: null, number: 'FR83404833048', valid_from: null, valid_to: null }],
    })
    expect((await staff('GET', 'tax-settings')).body).toEqual(changed.body)
  })

  it('are written down, changed and deleted', async () => {
    const customer = await staff('POST', 'customers', { email: 'ada@buyer.example' })
    const made = await staff('POST', 'tax-exemptions', { customer_id: customer.body.id, certificate: 'R-1', country: 'US', region: 'ca' })
    expect(made.body).toMatchObject({
      customer_id: customer.body.id,
      customer_group: null,
      country: 'US',
      region: 'CA',
      certificate: 'R-1',
    })
    const url = `tax-exemptions/${made.body.id}`
    expect((await staff('PATCH', url, { region: null, certificate: 'R-2' })).body).toMatchObject({ region: null, certificate: 'R-2' })
    expect((await staff('GET', url)).body.certificate).toBe('R-2')
    expect((await staff('GET', 'tax-exemptions')).body.data).toHaveLength(1)
    expect((await staff('DELETE', url)).status).toBe(204)
    expect((await staff('GET', 'tax-exemptions')).body).toEqual({ data: [], next_cursor: null })
  })
})

describe('a tax that is tried', () => {
  it('comes with its treatment, the reason, the rates and what they come to', async () => {
    const of = await api.addMerchant()
    await staff('POST', 'tax-rates/imports', { format: 'eu_vat_rates', content: JSON.stringify(EU) }, of)
    await staff('PATCH', 'tax-settings', { distance_sales: { mode: 'destination', from: null }, reverse_charge: true }, of)
    const question = {
      destination: { country: 'FR', postcode: '75001' },
      lines: [
        { name: 'mug', amount: money(1000) },
        { amount: money(333), category: 'reduced1' },
        { amount: money(500), taxable: false },
      ],
      shipping: { amount: money(490) },
    }
    const tried = await staff('POST', 'taxes/resolve', question, of)
    expect(tried.body).toMatchObject({
      treatment: 'destination',
      note: 'Distance sale: taxed in FR (Art. 33(a) of Directive 2006/112/EC).',
      vat_id: null,
      lines: [
        {
          name: 'mug',
          tax: money(200),
          rates: [{ name: 'VAT', rate_percent: '20', compound: false, tax: money(200) }],
          home_rates: [{ rate_percent: '19' }],
        },
        { name: '2', tax: money(18), rates: [{ rate_percent: '5.5' }] },
        { name: '3', tax: money(0), rates: [] },
      ],
      shipping: { amount: money(490), tax: money(98) },
    })
    const business = await staff('POST', 'taxes/resolve', { ...question, customer: { vat_id: 'FR 83 404 833 048' } }, of)
    expect(business.body).toMatchObject({
      treatment: 'reverse_charge',
      note: expect.stringContaining('VAT id FR83404833048, Art. 138'),
      vat_id: { country: 'FR', number: 'FR83404833048', valid: true },
      lines: [{ tax: money(0) }, { tax: money(0) }, { tax: money(0) }],
      shipping: { tax: money(0) },
    })
    const wrong = await staff('POST', 'taxes/resolve', { ...question, customer: { vat_id: 'FR84404833048' } }, of)
    expect(wrong.body).toMatchObject({ treatment: 'destination', vat_id: { valid: false } })
  })

  it('is that of a customer: whose VAT id counts once staff have checked it', async () => {
    const of = await api.addMerchant()
    await staff('PATCH', 'tax-settings', { reverse_charge: true }, of)
    const customer = await staff('POST', 'customers', { email: 'bob@buyer.example', vat_id: 'FR83404833048' }, of)
    const question = { customer_id: customer.body.id, destination: { country: 'FR' }, lines: [{ amount: money(1000) }] }
    expect((await staff('POST', 'taxes/resolve', question, of)).body).toMatchObject({ treatment: 'domestic', vat_id: { valid: false } })
    await staff('PATCH', `customers/${customer.body.id}`, { vat_id_valid: true }, of)
    expect((await staff('POST', 'taxes/resolve', question, of)).body).toMatchObject({
      treatment: 'reverse_charge',
      vat_id: { valid: true },
    })
  })

  it('with shipping split over the lines takes their rates, and rounds what each part bears', async () => {
    const of = await api.addMerchant()
    await staff('POST', 'tax-rates/imports', { format: 'eu_vat_rates', content: JSON.stringify(EU) }, of)
    await staff('PATCH', 'tax-settings', { shipping: { mode: 'weighted', category: 'standard' } }, of)
    const lines = [{ amount: money(300) }, { amount: money(100), category: 'reduced' }]
    const { body } = await staff('POST', 'taxes/resolve', { destination: { country: 'DE' }, lines, shipping: { amount: money(400) } }, of)
    expect(body.shipping).toMatchObject({
      tax: money(57 + 7),
      rates: [
        { rate_percent: '19', tax: money(57) },
        { rate_percent: '7', tax: money(7) },
      ],
    })
  })
})

describe("a buyer's cart", () => {
  it('is taxed by what staff have set, from the next look on', async () => {
    const of = await api.addMerchant({ pricesIncludeTax: false, shippingAmount: 0n })
    const { variantId } = await addGoods(of, { price: 1000n })
    const opened = await api.call(of.host, {
      method: 'POST',
      url: '/v1/carts',
      payload: {
        lines: [{ variant_id: variantId, quantity: 1 }],
        shipping_address: { name: 'Ada', line1: 'Rue 1', city: 'Paris', postcode: '75001', country: 'FR' },
      },
    })
    const look = () => api.call(of.host, { url: `/v1/carts/${opened.body.id}`, headers: { 'cart-token': opened.body.token } })
    expect((await look()).body.totals.tax).toEqual(money(190))
    await staff('POST', 'tax-rates/imports', { format: 'eu_vat_rates', content: JSON.stringify(EU) }, of)
    expect((await look()).body.totals.tax).toEqual(money(190))
    await staff('PATCH', 'tax-settings', { distance_sales: { mode: 'destination', from: null } }, of)
    expect((await look()).body.totals.tax).toEqual(money(200))
  })
})
