import { addGoods } from '@souk/core/testing/goods.ts'
import { addCoupon, addPromotion } from '@souk/core/testing/promotions.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

let api: TestApi
let shop: ApiMerchant
let mug: { productId: string; variantId: string }

const ADDRESS = { name: 'Ada', line1: 'Street 1', city: 'Berlin', postcode: '10115', country: 'DE' }

beforeAll(async () => {
  api = await createTestApi()
})
afterAll(() => api.close())
beforeEach(async () => {
  shop = await api.addMerchant()
  mug = await addGoods(shop, { price: 1_000n })
})

const staff = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
  api.call(shop.host, { method, url, token: shop.token, ...(payload && { payload }) })

interface Held {
  id: string
  token: string
}

async function open(given: object = {}) {
  const payload = { lines: [{ variant_id: mug.variantId, quantity: 2 }], email: 'ada@buyer.example', shipping_address: ADDRESS, ...given }
  const answer = await api.call(shop.host, { method: 'POST', url: '/v1/carts', payload })
  expect(answer.status, answer.text).toBe(201)
  return answer.body
}

const buyer = ({ id, token }: Held, method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, payload?: object) =>
  api.call(shop.host, {
    method,
    url: `/v1/carts/${id}${path}`,
    headers: { 'cart-token': token, 'idempotency-key': `${method}-${path}-${Math.random()}` },
    ...(payload && { payload }),
  })

describe('what buyers see of a price', () => {
  it('is what was taken off each line, by what name, and what became of each code', async () => {
    const promotion = await addPromotion(shop, { name: 'Welcome', trigger: 'coupon' })
    await addCoupon(shop, { promotionId: promotion.id, code: 'WELCOME' })
    const cart = await open()
    const unknown = await buyer(cart, 'POST', '/coupons', { code: 'nope' })
    expect([unknown.status, unknown.body.type, unknown.body.detail]).toEqual([
      422,
      'https://souk.dev/problems/coupon-unknown',
      'There is no such code.',
    ])
    const { body } = await buyer(cart, 'POST', '/coupons', { code: ' welcome ' })
    expect(body.coupons).toMatchObject([{ code: 'WELCOME', applied: true, outcome: 'applied' }])
    expect(body.lines).toMatchObject([
      { kind: 'item', discount: { amount: 200 }, discounts: [{ name: 'Welcome', amount: { amount: 200, currency: 'EUR' } }] },
    ])
    expect(body.adjustments[0]).toMatchObject({ source: 'promotion', name: 'Welcome', amount: { amount: -200 } })
    expect(JSON.stringify(body)).not.toContain(promotion.id)
    const without = await buyer(cart, 'DELETE', '/coupons/Welcome')
    expect([without.body.coupons, without.body.totals.discount.amount]).toEqual([[], 0])
    expect((await buyer(cart, 'DELETE', '/coupons/welcome')).status).toBe(404)
  })

  it('is how the cart can be sent, and why not', async () => {
    const cart = await open()
    const { body } = await buyer(cart, 'GET', '/shipping-options')
    expect(body.data).toMatchObject([{ code: 'flat', amount: { amount: 490 }, discounted_amount: { amount: 490 }, available: true }])
    const refused = await buyer(cart, 'PATCH', '', { shipping_option: 'teleport' })
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, '/shipping_option'])
  })

  it('goes with the customer that a token stands for, and with nobody else', async () => {
    const customer = (await staff('POST', '/v1/admin/customers', { email: 'ada@buyer.example' })).body
    const group = (await staff('POST', '/v1/admin/customer-groups', { name: 'Friends' })).body
    await staff('POST', `/v1/admin/customer-groups/${group.id}/members`, { customer_id: customer.id })
    await addPromotion(shop, { conditions: { all: [{ fact: 'customer.groups', operator: 'contains', value: 'friends' }] } })
    const guest = await open()
    expect([guest.customer_id, guest.totals.discount.amount]).toEqual([null, 0])
    const { customer_token } = (await staff('POST', `/v1/admin/customers/${customer.id}/tokens`, { expires_in: 60 })).body
    const known = (await buyer(guest, 'PATCH', '', { customer_token })).body
    expect([known.customer_id, known.totals.discount.amount]).toEqual([customer.id, 200])
    const other = await api.addMerchant()
    const stolen = await api.call(other.host, { method: 'POST', url: '/v1/carts', payload: { customer_token } })
    expect([stolen.status, stolen.body.errors]).toMatchObject([422, [{ pointer: '/customer_token', code: 'invalid' }]])
    const before = api.clock.now
    api.clock.now = new Date(before.getTime() + 61_000)
    expect((await buyer(guest, 'PATCH', '', { customer_token })).body.errors[0].code).toBe('expired')
    api.clock.now = before
  })
})

describe('what staff ask of a price', () => {
  it('is why a cart costs what it costs, condition by condition', async () => {
    const conditions = { all: [{ fact: 'cart.subtotal', operator: 'greaterThanInclusive', value: 2_500 }] } as const
    await addPromotion(shop, { name: 'From twenty-five', conditions: { all: [...conditions.all] } })
    const cart = await open()
    const { status, body } = await staff('GET', `/v1/admin/carts/${cart.id}/explanation`)
    expect([status, body.promotions]).toMatchObject([
      200,
      [
        {
          name: 'From twenty-five',
          outcome: 'conditions_failed',
          conditions: [{ fact: 'cart.subtotal', actual: { amount: 2_000, currency: 'EUR' }, result: 'failed' }],
        },
      ],
    ])
    expect(body.near_misses[0].text).toContain('5.00 EUR')
    expect(body.pricing_version).toMatch(/^[0-9a-f]{64}$/)
  })

  it('is what a cart would cost that nobody has, and saves nothing', async () => {
    await addPromotion(shop, { name: 'At the weekend', schedule: { weekdays: [6, 7] } })
    const count = () =>
      shop.inMerchant
        .read((tx) => tx.sql`select count(*) as carts from cart where merchant_id = ${tx.merchantId}`)
        .then((rows) => rows[0]!.carts)
    const quote = (given: object) =>
      staff('POST', '/v1/admin/quotes', {
        lines: [{ variant_id: mug.variantId, quantity: 3 }],
        shipping_address: { country: 'DE' },
        ...given,
      })
    const [monday, saturday] = [await quote({ as_of: '2026-11-23T12:00:00Z' }), await quote({ as_of: '2026-11-28T12:00:00Z' })]
    expect([monday.body.totals.total.amount, saturday.body.totals.total.amount]).toEqual([3_490, 3_190])
    expect(monday.body.shipping_options).toMatchObject([{ code: 'flat' }])
    expect(await count()).toBe(0n)
    const unknown = await quote({ lines: [{ variant_id: shop.locationId, quantity: 1 }] })
    expect([unknown.status, unknown.body.errors]).toMatchObject([404, [{ pointer: '/lines/0' }]])
    expect((await quote({ customer_id: shop.locationId })).body.errors).toMatchObject([{ pointer: '/customer_id' }])
  })

  it('is an order’s price, computed again as then and as now; and its end', async () => {
    await addPromotion(shop, { name: 'Ten off' })
    const cart = await open()
    const order = (await buyer(cart, 'POST', '/checkout', { payment_method: 'invoice' })).body
    expect([order.totals.total.amount, order.lines[0].discounts]).toMatchObject([2_290, [{ name: 'Ten off', amount: { amount: 200 } }]])
    await staff('PATCH', '/v1/admin/settings', { shipping: { amount: { amount: 990, currency: 'EUR' } }, reason: 'dearer parcels' })
    const again = (version: string) => staff('GET', `/v1/admin/orders/${order.id}/recalculation?version=${version}`)
    expect((await again('then')).body).toMatchObject({ same: true, differences: { total: { amount: 0 } } })
    expect((await again('now')).body).toMatchObject({ same: false, differences: { total: { amount: 500 }, shipping: { amount: 500 } } })
    const explanation = await staff('GET', `/v1/admin/orders/${order.id}/explanation`)
    expect(explanation.body.promotions).toMatchObject([{ name: 'Ten off', outcome: 'applied', amount: { amount: 200 } }])
    const cancelled = await staff('POST', `/v1/admin/orders/${order.id}/cancel`, { reason: 'regrets' })
    expect(cancelled.body).toMatchObject({ status: 'cancelled', payment_status: 'voided', cancel_reason: 'regrets' })
    expect((await staff('POST', `/v1/admin/orders/${order.id}/cancel`, {})).body).toEqual(cancelled.body)
  })
})

describe('settings of prices', () => {
  it('hold from the next answer on, and are refused with the field', async () => {
    const cart = await open({ lines: [{ variant_id: (await addGoods(shop, { price: 1_005n })).variantId, quantity: 1 }] })
    await addPromotion(shop, { actions: [{ type: 'percentage', on: 'order', rate_ppm: 500_000, where: null }] })
    const discount = async () => (await buyer(cart, 'GET', '')).body.totals.discount.amount
    expect(await discount()).toBe(503)
    expect((await staff('PATCH', '/v1/admin/settings', { rounding: 'down' })).body).toMatchObject({ rounding: 'down' })
    expect(await discount()).toBe(502)
    for (const [given, pointer] of [
      [{ rounding: 'sideways' }, '/rounding'],
      [{ time_zone: 'Mars/Olympus' }, '/time_zone'],
      [{ tax_rounded_per: 'moon' }, '/tax_rounded_per'],
    ] as const) {
      const refused = await staff('PATCH', '/v1/admin/settings', given)
      expect([refused.status, refused.body.errors[0].pointer]).toEqual([400, pointer])
    }
  })
})
