import { capabilityToken } from '@souk/core/capability.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'
import { staffOfRole } from '../testing/staff-of-role.ts'

type Member = Awaited<ReturnType<typeof staffOfRole>>

let api: TestApi
let shop: ApiMerchant
let packer: Member
let support: Member

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  packer = await staffOfRole(api, shop, 'warehouse')
  support = await staffOfRole(api, shop, 'support')
})
afterAll(() => api.close())

const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
let keys = 0
const post = (url: string, payload: object | undefined, headers: Record<string, string>, token?: string) =>
  api.call(shop.host, { method: 'POST', url, headers, ...(token !== undefined && { token }), ...(payload && { payload }) })
const by = (member: { token: string }, url: string, payload?: object) =>
  post(`/v1/admin/${url}`, payload, { 'idempotency-key': `return-${++keys}` }, member.token)

/** Two pieces at 10.00 that were bought, paid and sent. */
async function sent() {
  const goods = await addGoods(shop, { price: 1_000n })
  const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
  const { body: cart } = await post(
    '/v1/carts',
    { lines: [{ variant_id: goods.variantId, quantity: 2 }], email: 'ada@buyer.example', shipping_address: address },
    {},
  )
  const headers = { 'cart-token': cart.token, 'idempotency-key': `buy-${++keys}` }
  const { body: order } = await post(`/v1/carts/${cart.id}/checkout`, { payment_method: 'invoice' }, headers)
  expect((await by(shop, `payments/${order.payments[0].id}/capture`, {})).status).toBe(200)
  const { body: opened } = await by(packer, `orders/${order.id}/fulfillments`, {})
  await by(packer, `fulfillments/${opened.data[0].id}/pack`)
  expect((await by(packer, `fulfillments/${opened.data[0].id}/ship`, {})).status).toBe(200)
  const buyer = { 'order-token': capabilityToken(api.options.tokenKeys, shop.merchant.id, 'order', order.id) }
  return { orderId: order.id as string, lineId: order.lines[0].id as string, variantId: goods.variantId, buyer }
}

describe('a return', () => {
  it('goes from the buyer over support to the shelf, and the money from support to the buyer', async () => {
    const { orderId, lineId, buyer } = await sent()
    const wish = { lines: [{ line_id: lineId, quantity: 1, reason: 'defective' }], note: 'it hums' }
    const key = { ...buyer, 'idempotency-key': `ask-${orderId}` }
    const [asked, again] = [await post(`/v1/orders/${orderId}/returns`, wish, key), await post(`/v1/orders/${orderId}/returns`, wish, key)]
    expect([asked.status, again.text]).toEqual([201, asked.text])
    const { id } = asked.body
    const receipt = {
      location_id: shop.locationId,
      lines: [{ line_id: lineId, inspections: [{ decision: 'restock', quantity: 1, condition: 'hums' }] }],
    }
    expect(slugOf(await by(packer, `returns/${id}/receive`, receipt))).toBe('invalid-state')
    expect(slugOf(await by(packer, `returns/${id}/approve`, {}))).toBe('insufficient-scope')
    expect((await by(support, `returns/${id}/approve`, { note: 'send it' })).body).toMatchObject({
      status: 'approved',
      decision_note: 'send it',
    })
    expect(slugOf(await post(`/v1/orders/${orderId}/returns/${id}/cancel`, undefined, buyer))).toBe('invalid-state')
    const received = await by(packer, `returns/${id}/receive`, receipt)
    expect(received.body).toMatchObject({ status: 'received', lines: [{ inspections: [{ decision: 'restock', condition: 'hums' }] }] })
    expect(slugOf(await by(packer, `returns/${id}/refund`, {}))).toBe('insufficient-scope')
    const refunded = await by(support, `returns/${id}/refund`, { amount: { amount: 900, currency: 'EUR' }, reason: 'hums' })
    expect([refunded.status, refunded.body.refund_id]).toEqual([201, expect.any(String)])
    const { body } = await api.call(shop.host, { url: `/v1/orders/${orderId}/returns`, headers: buyer })
    expect(body.data).toMatchObject([{ id, status: 'received', refund_id: refunded.body.refund_id }])
    const { body: refunds } = await api.call(shop.host, { url: `/v1/orders/${orderId}/refunds`, headers: buyer })
    expect(refunds.data).toMatchObject([{ amount: { amount: 900 }, withheld: { amount: 100 } }])
  })

  it('is refunded in the currency of the order alone', async () => {
    const { orderId, lineId } = await sent()
    const { body } = await by(support, `orders/${orderId}/returns`, { lines: [{ line_id: lineId, quantity: 1, reason: 'unwanted' }] })
    const inspections = [{ decision: 'damaged', quantity: 1 }]
    await by(packer, `returns/${body.id}/receive`, { location_id: shop.locationId, lines: [{ line_id: lineId, inspections }] })
    const refused = await by(support, `returns/${body.id}/refund`, { amount: { amount: 1, currency: 'USD' } })
    expect([refused.status, slugOf(refused)]).toEqual([422, 'currency-mismatch'])
  })

  it('is exchanged for a draft that the buyer can order', async () => {
    const { orderId, lineId, variantId } = await sent()
    const { body } = await by(support, `orders/${orderId}/returns`, { lines: [{ line_id: lineId, quantity: 1, reason: 'wrong_item' }] })
    const exchanged = await by(support, `returns/${body.id}/exchange`, { lines: [{ variant_id: variantId, quantity: 1 }] })
    expect(exchanged.body).toMatchObject({ status: 'approved', exchange: { credit: { amount: 1_000 }, order_id: null } })
    const draft = await api.call(shop.host, { url: `/v1/admin/draft-orders/${exchanged.body.exchange.draft_id}`, token: support.token })
    expect(draft.body).toMatchObject({ totals: { subtotal: { amount: 1_000 }, discount: { amount: 1_000 } } })
    const headers = { 'cart-token': draft.body.token, 'idempotency-key': `exchange-${orderId}` }
    const ordered = await post(`/v1/carts/${draft.body.id}/checkout`, { payment_method: 'invoice' }, headers)
    expect(ordered.status).toBe(201)
    const read = await api.call(shop.host, { url: `/v1/admin/returns/${body.id}`, token: packer.token })
    expect(read.body.exchange).toMatchObject({ order_id: ordered.body.id })
  })

  it('of another order is none of a buyer’s', async () => {
    const [mine, other] = [await sent(), await sent()]
    const wish = { lines: [{ line_id: other.lineId, quantity: 1, reason: 'other' }] }
    const { body } = await post(`/v1/orders/${other.orderId}/returns`, wish, other.buyer)
    expect(slugOf(await post(`/v1/orders/${mine.orderId}/returns/${body.id}/cancel`, undefined, mine.buyer))).toBe('not-found')
    expect(slugOf(await post(`/v1/orders/${mine.orderId}/returns`, wish, mine.buyer))).toBe('not-found')
    expect((await post(`/v1/orders/${other.orderId}/returns/${body.id}/cancel`, undefined, other.buyer)).body.status).toBe('cancelled')
  })
})
