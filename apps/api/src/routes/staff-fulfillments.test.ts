import { openDueFulfillments } from '@souk/core/fulfillment/follow-orders.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { addPlacedOrder } from '@souk/core/testing/placed-order.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'
import { staffOfRole } from '../testing/staff-of-role.ts'

type Member = Awaited<ReturnType<typeof staffOfRole>>

let api: TestApi
let shop: ApiMerchant
let packer: Member
let courier: Member
let otherCourier: Member
let support: Member

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  packer = await staffOfRole(api, shop, 'warehouse')
  courier = await staffOfRole(api, shop, 'courier')
  otherCourier = await staffOfRole(api, shop, 'courier')
  support = await staffOfRole(api, shop, 'support')
})
afterAll(() => api.close())

const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const get = (url: string, by: { token: string } = packer) => api.call(shop.host, { url, token: by.token })
const post = (url: string, payload: object | undefined, by: { token: string } = packer, headers: Record<string, string> = {}) =>
  api.call(shop.host, { method: 'POST', url, token: by.token, headers, ...(payload && { payload }) })
const step = (id: string, name: string, payload?: object, by?: Member) => post(`/v1/admin/fulfillments/${id}/${name}`, payload, by)

/** An order that was placed, with its one fulfillment opened as the worker does. */
async function order(quantity = 2n) {
  const goods = await addGoods(shop, { onHand: 50n })
  const { orderId, lineIds } = await addPlacedOrder(shop, [{ goods, quantity }], api.clock.now)
  await openDueFulfillments(shop.inMerchant)
  const { body } = await get(`/v1/admin/orders/${orderId}/fulfillments`)
  return { orderId, lineId: lineIds[0]!, id: body.data[0]?.id as string, fulfillments: body.data as { id: string; status: string }[] }
}
const packed = async () => {
  const made = await order()
  expect((await step(made.id, 'pack')).status).toBe(200)
  return made
}
const PICTURE = Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.from('rest')]).toString('base64')

describe('an order that is placed', () => {
  it('is on the list of what to pick, once, as the merchant wants it', async () => {
    const { orderId, fulfillments } = await order()
    expect(fulfillments).toMatchObject([{ status: 'to_pick', order_id: orderId, lines: [{ quantity: 2, short: 0 }] }])
    await openDueFulfillments(shop.inMerchant)
    expect((await get(`/v1/admin/orders/${orderId}/fulfillments`)).body.data).toHaveLength(1)
    const settings = { method: 'PATCH', url: '/v1/admin/fulfillment-settings', token: shop.token } as const
    for (const opens_on of ['paid', 'staff'] as const) {
      expect((await api.call(shop.host, { ...settings, payload: { opens_on } })).body).toMatchObject({ opens_on })
      expect((await order()).fulfillments).toEqual([])
    }
    await api.call(shop.host, { ...settings, payload: { opens_on: 'placed', reason: 'as before' } })
    expect((await order()).fulfillments).toHaveLength(1)
  })

  it('is opened by staff, whole or in part, once for a request that comes twice', async () => {
    const { orderId, id, lineId } = await order(3n)
    await step(id, 'cancel')
    const url = `/v1/admin/orders/${orderId}/fulfillments`
    const only = { location_id: shop.locationId, lines: [{ line_id: lineId, quantity: 1 }] }
    const twice = () => post(url, { only }, packer, { 'idempotency-key': `open-${orderId}` })
    const [first, second] = [await twice(), await twice()]
    expect([first.status, second.text]).toEqual([201, first.text])
    expect((await post(url, {})).body).toMatchObject({ data: [{ lines: [{ quantity: 2 }] }], unallocated: [] })
    expect((await post(url, {})).body).toEqual({ data: [], unallocated: [] })
    const more = await post(url, { only })
    expect([more.status, slugOf(more), more.body.errors[0].pointer]).toEqual([422, 'quantity-out-of-range', '/lines/0/quantity'])
  })
})

describe('the queues', () => {
  it('show what is to be done, page by page, and whose it is', async () => {
    const made = [await order(), await order(), await order()]
    const [first, second] = made
    const seen: string[] = []
    for (let cursor = ''; ; ) {
      const { body } = await get(`/v1/admin/queues/to-pick?limit=2${cursor}`)
      seen.push(...body.data.map(({ id }: { id: string }) => id))
      if (body.next_cursor === null) break
      cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`
    }
    expect(seen).toEqual(expect.arrayContaining(made.map(({ id }) => id)))
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual([...seen].sort())
    expect((await step(first!.id, 'take')).body).toMatchObject({ status: 'picking', assigned_to: packer.id })
    const idsOf = async (query: string) => (await get(`/v1/admin/queues/${query}`)).body.data.map(({ id }: { id: string }) => id)
    expect(await idsOf('to-pick?assigned=me')).toEqual([first!.id])
    expect(await idsOf('to-pick?assigned=nobody&limit=100')).not.toContain(first!.id)
    expect(await idsOf(`to-pick?location_id=${second!.orderId}`)).toEqual([])
    await step(first!.id, 'pick', { lines: [] })
    expect(await idsOf('to-pack')).toContain(first!.id)
    expect(await idsOf('to-pick?limit=100')).not.toContain(first!.id)
    await step(first!.id, 'pack')
    expect(await idsOf('to-pack')).not.toContain(first!.id)
    const { body } = await get('/v1/admin/queues/to-pick?limit=1')
    const foreign = await get(`/v1/admin/queues/to-pack?cursor=${encodeURIComponent(body.next_cursor)}`)
    expect(slugOf(foreign)).toBe('invalid-cursor')
  })

  it('show a courier what is theirs, and nothing else', async () => {
    const { id } = await packed()
    const mine = async (by: Member) => (await get('/v1/admin/queues/to-deliver?assigned=anybody', by)).body.data
    expect(await mine(courier)).toEqual([])
    expect((await get('/v1/admin/queues/to-deliver?assigned=nobody&limit=100')).body.data).toMatchObject(
      expect.arrayContaining([expect.objectContaining({ id })]),
    )
    expect((await step(id, 'courier', { staff_id: courier.id })).body).toMatchObject({ courier_id: courier.id })
    expect(await mine(courier)).toMatchObject([{ id, shipping_address: { city: 'Berlin' } }])
    expect(await mine(otherCourier)).toEqual([])
    expect((await get(`/v1/admin/deliveries/${id}`, courier)).body).toMatchObject({ id })
    for (const url of [`/v1/admin/deliveries/${id}`, `/v1/admin/deliveries/00000000-0000-7000-8000-000000000000`])
      expect(slugOf(await get(url, otherCourier))).toBe('not-found')
  })
})

describe('a delivery', () => {
  const attempt = (id: string, payload: object, by: Member = courier) => post(`/v1/admin/deliveries/${id}/attempts`, payload, by)
  const collected = async () => {
    const made = await packed()
    await step(made.id, 'courier', { staff_id: courier.id })
    expect((await post(`/v1/admin/deliveries/${made.id}/collect`, undefined, courier)).body).toMatchObject({ status: 'shipped' })
    return made
  }

  it('is tried, tried again and made, with what shows it for the merchant alone', async () => {
    const { id, orderId } = await collected()
    expect(slugOf(await attempt(id, { outcome: 'failed', reason: 'nobody_home' }, otherCourier))).toBe('not-found')
    expect((await attempt(id, { outcome: 'failed', reason: 'nobody_home', note: 'rang twice' })).status).toBe(201)
    const made = await attempt(id, { outcome: 'delivered', received_by: 'Neighbour', proofs: [{ kind: 'photo', content: PICTURE }] })
    expect(made.body).toMatchObject({ outcome: 'delivered', reason: null, proofs: [{ kind: 'photo', media_type: 'image/png' }] })
    expect(slugOf(await attempt(id, { outcome: 'delivered' }))).toBe('invalid-state')
    const { body } = await get(`/v1/admin/fulfillments/${id}/attempts`, support)
    // Both in the same instant of a clock that stands still: their order is chance.
    expect(body.data).toHaveLength(2)
    for (const seen of [{ outcome: 'failed', note: 'rang twice' }, { received_by: 'Neighbour' }])
      expect(body.data).toContainEqual(expect.objectContaining(seen))
    const proof = `/v1/admin/fulfillments/${id}/proofs/${made.body.proofs[0].id}`
    const file = await get(proof, support)
    expect([
      file.status,
      file.headers['content-type'],
      file.headers['content-disposition'],
      file.headers['x-content-type-options'],
    ]).toEqual([200, 'image/png', expect.stringContaining('attachment'), 'nosniff'])
    expect(slugOf(await get(proof, courier))).toBe('insufficient-scope')
    const { body: seen } = await api.call(shop.host, { url: `/v1/admin/orders/${orderId}`, token: support.token })
    expect(seen).toMatchObject({ status: 'delivered', fulfillment_status: 'delivered' })
  })

  it('tells nobody by its events who was at the door, nor what was said', async () => {
    const { id } = await collected()
    await attempt(id, { outcome: 'failed', reason: 'refused', note: 'Grace was angry' })
    await attempt(id, { outcome: 'delivered', received_by: 'Ada Lovelace', note: 'smiled' })
    const rows = await shop.inMerchant.read((tx) => tx.sql`select data from event where merchant_id = ${tx.merchantId}`)
    const told = JSON.stringify(rows)
    for (const word of ['Grace', 'Lovelace', 'smiled', 'Market Street']) expect(told).not.toContain(word)
  })

  it('is made once, however often it is said at the same moment', async () => {
    const { id } = await collected()
    const answers = await Promise.all(Array.from({ length: 5 }, () => attempt(id, { outcome: 'delivered' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409])
  })

  it.each([
    ['no picture', [{ kind: 'photo', content: Buffer.from('<script>').toString('base64') }], 422, 'invalid-media'],
    ['no base64', [{ kind: 'photo', content: '*' }], 422, 'invalid-media'],
    [
      'an SVG',
      [{ kind: 'signature', content: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64') }],
      422,
      'invalid-media',
    ],
    ['nothing', [{ kind: 'photo', content: '' }], 422, 'invalid-media'],
    ['too much', [{ kind: 'photo', content: PICTURE.slice(0, 8) + 'A'.repeat(700_000) }], 422, 'invalid-media'],
    ['two of a kind', [PICTURE, PICTURE].map((content) => ({ kind: 'photo', content })), 409, 'duplicate'],
    ['another kind', [{ kind: 'selfie', content: PICTURE }], 400, 'invalid-body'],
  ])('is not shown by %s', async (_name, proofs, status, slug) => {
    const { id } = await collected()
    const answer = await attempt(id, { outcome: 'delivered', proofs })
    expect([answer.status, slugOf(answer)]).toEqual([status, slug])
    expect(answer.body.errors[0].pointer).toMatch(/^\/proofs\//)
    expect((await get(`/v1/admin/fulfillments/${id}`)).body).toMatchObject({ status: 'shipped', delivery_attempts: 0 })
  })
})

describe('a buyer', () => {
  it('sees how the goods come, by the carrier of the merchant, and nothing of the house', async () => {
    const { id, orderId } = await packed()
    const tracking = { carrier: 'Post', tracking_number: 'T-1', tracking_url: 'https://post.example/T-1' }
    for (const bad of ['javascript:alert(1)', 'ftp://post.example', 'post'])
      expect((await step(id, 'ship', { tracking_url: bad })).status).toBe(400)
    expect((await step(id, 'ship', tracking)).body).toMatchObject({ status: 'shipped', ...tracking })
    const { capabilityToken } = await import('@souk/core/capability.ts')
    const token = capabilityToken(api.options.tokenKeys, shop.merchant.id, 'order', orderId)
    const seen = await api.call(shop.host, { url: `/v1/orders/${orderId}/fulfillments`, headers: { 'order-token': token } })
    expect(seen.body.data).toMatchObject([{ id, status: 'shipped', ...tracking }])
    expect(Object.keys(seen.body.data[0])).not.toContain('assigned_to')
  })
})
