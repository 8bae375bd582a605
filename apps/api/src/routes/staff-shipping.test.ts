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

function staff(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object, of = shop) {
  return api.call(of.host, { method, url: `/v1/admin/${url}`, token: of.token, ...(payload && { payload }) })
}

const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const money = (amount: number) => ({ amount, currency: 'EUR' })
const VIP = { all: [{ fact: 'customer.groups', operator: 'contains', value: 'vip' }] }

describe('shipping zones and methods', () => {
  it('are made, read, listed, changed, moved and deleted', async () => {
    const zone = await staff('POST', 'shipping-zones', {
      name: 'North',
      places: [{ country: 'US', region: 'Alaska' }],
      reason: 'new carrier',
    })
    expect(zone.status).toBe(201)
    expect(zone.body.places).toEqual([{ country: 'US', region: 'AK', postcode_from: null, postcode_to: null }])
    const rate = {
      type: 'by_weight',
      steps: [
        { from_grams: 0, amount: money(490) },
        { from_grams: 5000, amount: money(990) },
      ],
      beyond: { each_grams: 1000, amount: money(100) },
    }
    const first = await staff('POST', 'shipping-methods', {
      code: 'parcel',
      name: 'Parcel',
      zone_ids: [zone.body.id],
      rate,
      conditions: VIP,
      free_from: money(10000),
    })
    expect(first.body).toMatchObject({
      code: 'parcel',
      active: true,
      position: 1,
      rate,
      conditions: VIP,
      free_from: money(10000),
      tax_category: null,
    })
    const second = await staff('POST', 'shipping-methods', {
      code: 'share',
      name: 'Share',
      rate: { type: 'percentage', rate_percent: '2.5', amount_min: money(300) },
    })
    expect(second.body).toMatchObject({
      position: 2,
      rate: { type: 'percentage', rate_percent: '2.5', amount_min: money(300), amount_max: null },
    })
    expect((await staff('GET', `shipping-methods/${first.body.id}`)).body).toEqual(first.body)
    const moved = await staff('POST', `shipping-methods/${second.body.id}/move`, { position: 1 })
    expect(moved.body.data.map(({ code }: { code: string }) => code)).toEqual(['share', 'parcel'])
    expect((await staff('GET', 'shipping-methods')).body).toEqual(moved.body)
    const changed = await staff('PATCH', `shipping-methods/${first.body.id}`, { conditions: null, active: false, free_from: null })
    expect(changed.body).toMatchObject({ conditions: null, active: false, free_from: null, rate })
    const inUse = await staff('DELETE', `shipping-zones/${zone.body.id}`)
    expect([inUse.status, slugOf(inUse), inUse.body.methods]).toEqual([409, 'invalid-state', ['parcel']])
    expect((await staff('PATCH', `shipping-zones/${zone.body.id}`, { name: 'Far north' })).body.name).toBe('Far north')
    expect((await staff('GET', `shipping-zones/${zone.body.id}`)).body.name).toBe('Far north')
    expect((await staff('DELETE', `shipping-methods/${first.body.id}`)).status).toBe(204)
    expect((await staff('DELETE', `shipping-zones/${zone.body.id}`)).status).toBe(204)
    expect((await staff('GET', 'shipping-zones')).body).toEqual({ data: [] })
  })

  it("come from Magento's table rates", async () => {
    const of = await api.addMerchant()
    const content = 'country,region,zip,order_subtotal,price\nUS,*,*,0,15\nUS,AK,*,0,20\nQQ,*,*,0,1\n'
    const file = { format: 'magento_table_rates', content, code: 'table', name: 'Table' }
    const first = await staff('POST', 'shipping-methods/imports', file, of)
    expect(first.body).toMatchObject({
      outcome: 'created',
      rows: 2,
      refused: [{ line: 4, code: 'unknown_country' }],
      method: { code: 'table', rate: { type: 'table', by: 'subtotal' } },
    })
    expect((await staff('POST', 'shipping-methods/imports', file, of)).body.outcome).toBe('unchanged')
  })
})

it('tells what would be offered, for which price and why', async () => {
  const of = await api.addMerchant()
  const zone = await staff('POST', 'shipping-zones', { name: 'Home', places: [{ country: 'DE' }] }, of)
  await staff(
    'POST',
    'shipping-methods',
    { code: 'home', name: 'Home', zone_ids: [zone.body.id], rate: { type: 'flat', amount: money(490) }, free_from: money(5000) },
    of,
  )
  await staff(
    'POST',
    'shipping-methods',
    { code: 'vip', name: 'For friends', rate: { type: 'flat', amount: money(0) }, conditions: VIP },
    of,
  )
  const ask = async (question: object) => (await staff('POST', 'shipping/rates', question, of)).body.methods
  expect(await ask({ destination: { country: 'DE' }, subtotal: money(4690) })).toEqual([
    {
      code: 'home',
      name: 'Home',
      available: true,
      amount: money(490),
      tax_category: null,
      outcome: 'available',
      reason: 'Flat rate: 4.90 EUR.',
      until_free: money(310),
      conditions: null,
    },
    expect.objectContaining({
      code: 'vip',
      available: false,
      amount: null,
      outcome: 'conditions_failed',
      conditions: expect.objectContaining({ group: 'all', result: 'failed', words: expect.stringContaining('vip') }),
    }),
  ])
  expect(await ask({ subtotal: money(1), facts: { 'customer.groups': ['vip'] } })).toMatchObject([
    { code: 'home', available: false, outcome: 'no_address' },
    { code: 'vip', available: true, amount: money(0) },
  ])
  expect(await ask({ destination: { country: 'FR' }, subtotal: money(1) })).toMatchObject([
    { outcome: 'other_zone', reason: 'Not offered for FR.' },
    {},
  ])
})

it('tries conditions on the time by the clock of the shop', async () => {
  const of = await api.addMerchant({ timeZone: 'Asia/Tokyo' })
  const conditions = {
    all: [
      { fact: 'time.weekday', operator: 'equal', value: 1 },
      { fact: 'time.hour', operator: 'lessThan', value: 1 },
    ],
  }
  await staff('POST', 'shipping-methods', { code: 'monday', name: 'Monday', rate: { type: 'flat', amount: money(1) }, conditions }, of)
  const offered = async (as_of: string) =>
    (await staff('POST', 'shipping/rates', { as_of, subtotal: money(1) }, of)).body.methods[0].available
  // Midnight of Monday, 2 March 2026, in Tokyo.
  expect([await offered('2026-03-01T14:59:59Z'), await offered('2026-03-01T15:00:00Z'), await offered('2026-03-01T16:00:00Z')]).toEqual([
    false,
    true,
    false,
  ])
})

it("is what a buyer's cart is offered, from the next look on", async () => {
  const of = await api.addMerchant()
  const { variantId } = await addGoods(of, { price: 1000n })
  const shipping_address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
  const opened = await api.call(of.host, {
    method: 'POST',
    url: '/v1/carts',
    payload: { lines: [{ variant_id: variantId, quantity: 1 }], shipping_address },
  })
  const headers = { 'cart-token': opened.body.token }
  const options = async () => {
    const { body } = await api.call(of.host, { url: `/v1/carts/${opened.body.id}/shipping-options`, headers })
    return body.data.filter(({ available }: { available: boolean }) => available).map(({ code }: { code: string }) => code)
  }
  expect(await options()).toEqual(['flat'])
  await staff('POST', 'shipping-methods', { code: 'post', name: 'Post', rate: { type: 'flat', amount: money(100) } }, of)
  expect(await options()).toEqual(['post'])
})
