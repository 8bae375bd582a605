import { addGoods, type Goods } from '@souk/core/testing/goods.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

let api: TestApi
let shop: ApiMerchant
let goods: Goods
let handle: string
let keys = 0

beforeAll(async () => {
  api = await createTestApi()
})
beforeEach(async () => {
  shop = await api.addMerchant()
  goods = await addGoods(shop, { onHand: 3n })
  const product = await staff('GET', `products/${goods.productId}`)
  handle = product.body.handle
})
afterAll(() => api.close())

function staff(method: 'GET' | 'POST' | 'PATCH' | 'PUT', url: string, payload?: object) {
  const headers = { 'idempotency-key': `place-${++keys}` }
  return api.call(shop.host, { method, url: `/v1/admin/${url}`, token: shop.token, headers, ...(payload && { payload }) })
}

/** What a buyer is told of the only variant of a product. */
async function shown(of = handle) {
  const answer = await api.call(shop.host, { url: `/v1/products/${of}` })
  return answer.body.variants[0]
}

describe('locations', () => {
  it('are opened, filled, listed and closed, and buyers see what can be had', async () => {
    const opened = await staff('POST', 'locations', { name: 'Back room', priority: 7 })
    expect([opened.status, opened.body]).toMatchObject([201, { name: 'Back room', priority: 7, active: true, default: false }])
    const level = await staff('POST', `stock/${goods.variantId}/adjustments`, { change: 4, reason: 'came', location_id: opened.body.id })
    expect([level.status, level.body]).toMatchObject([201, { location_id: opened.body.id, on_hand: 4, available: 4 }])
    expect(await shown()).toMatchObject({ available_quantity: 7, availability: 'in_stock' })
    const list = await staff('GET', `stock?location_id=${opened.body.id}`)
    expect(list.body.data).toMatchObject([{ variant_id: goods.variantId, on_hand: 4 }])
    expect((await staff('PATCH', `locations/${opened.body.id}`, { active: false })).body).toMatchObject({ active: false, priority: 7 })
    expect(await shown()).toMatchObject({ available_quantity: 3 })
    expect((await staff('GET', 'locations')).body.data.map((location: { name: string }) => location.name)).toEqual(['Back room', 'Main'])
  })

  it('of the same name, and an inactive default one, are refused', async () => {
    expect((await staff('POST', 'locations', { name: 'Main' })).status).toBe(409)
    const closing = await staff('PATCH', `locations/${shop.locationId}`, { active: false })
    expect([closing.status, closing.body.current_state]).toEqual([409, 'default_location'])
  })
})

describe('a transfer', () => {
  it('takes goods out of one location and brings them into another, in parts, and is found by what became of it', async () => {
    const { body: back } = await staff('POST', 'locations', { name: 'Back room', priority: 7 })
    const lines = [{ variant_id: goods.variantId, quantity: 3 }]
    const sent = await staff('POST', 'stock-transfers', {
      from_location_id: shop.locationId,
      to_location_id: back.id,
      lines,
      note: 'by van',
    })
    expect([sent.status, sent.body]).toMatchObject([201, { status: 'in_transit', note: 'by van', closed_at: null }])
    expect(await shown()).toMatchObject({ available: false, availability: 'sold_out' })
    const url = `stock-transfers/${sent.body.id}`
    const part = await staff('POST', `${url}/receive`, { lines: [{ variant_id: goods.variantId, received: 2 }] })
    expect(part.body).toMatchObject({ status: 'part_received', lines: [{ quantity: 3, received: 2, lost: 0 }] })
    expect(await shown()).toMatchObject({ available_quantity: 2 })
    expect((await staff('POST', `${url}/cancel`)).body).toMatchObject({ status: 'cancelled', lines: [{ called_back: 1 }] })
    expect((await staff('GET', url)).body.closed_at).not.toBeNull()
    expect((await staff('GET', 'stock-transfers?transfer_status=cancelled')).body.data).toMatchObject([{ id: sent.body.id }])
    expect((await staff('GET', 'stock-transfers?transfer_status=in_transit')).body).toEqual({ data: [], next_cursor: null })
    const moved = await staff('GET', `stock/${goods.variantId}/movements`)
    expect(moved.body.data.slice(0, 3)).toMatchObject(
      [1, 2, -3].map((on_hand_change) => ({ on_hand_change, reason: 'transfer', transfer_id: sent.body.id })),
    )
  })

  it('to nowhere, to itself, or of more than is there, is refused', async () => {
    const send = (to: string, quantity: number) =>
      staff('POST', 'stock-transfers', {
        ...{ from_location_id: shop.locationId, to_location_id: to, lines: [{ variant_id: goods.variantId, quantity }] },
      })
    const { body: back } = await staff('POST', 'locations', { name: 'Back room' })
    const answers = [await send(goods.variantId, 1), await send(shop.locationId, 1), await send(back.id, 4), await send(back.id, 0)]
    expect(answers.map(({ status }) => status)).toEqual([404, 409, 409, 422])
  })
})

describe('goods that are not there', () => {
  it('are shown on backorder and on preorder', async () => {
    await staff('POST', `stock/${goods.variantId}/adjustments`, { change: -3 })
    expect(await shown()).toMatchObject({ available: false, available_quantity: 0, availability: 'sold_out', available_from: null })
    const backorder = await staff('PUT', `stock/${goods.variantId}/terms`, { backorder: { limit: 5 }, preorder: null })
    expect(backorder.body.data).toMatchObject([{ backorder: true, backorder_limit: 5, preorder: null }])
    expect(await shown()).toMatchObject({ available: true, available_quantity: 5, availability: 'backorder' })
    const preorder = { available_from: '2999-12-24', limit: null }
    expect((await staff('PUT', `stock/${goods.variantId}/terms`, { backorder: null, preorder })).body.data).toMatchObject([
      { backorder: false, preorder },
    ])
    expect(await shown()).toMatchObject({ available_quantity: null, availability: 'preorder', available_from: '2999-12-24' })
  })
})

describe('a bundle', () => {
  it('is made of others, read, shown, and taken apart again', async () => {
    const hamper = await addGoods(shop, { onHand: 0n })
    const made = await staff('PUT', `bundles/${hamper.variantId}`, { components: [{ variant_id: goods.variantId, quantity: 2 }] })
    expect([made.status, made.body]).toEqual([200, { components: [{ variant_id: goods.variantId, quantity: 2 }] }])
    expect((await staff('GET', `bundles/${hamper.variantId}`)).body).toEqual(made.body)
    const product = await staff('GET', `products/${hamper.productId}`)
    expect(await shown(product.body.handle)).toMatchObject({ available_quantity: 1, availability: 'in_stock' })
    expect((await staff('GET', `stock?variant_id=${hamper.variantId}`)).body.data).toMatchObject([{ bundle: true, on_hand: 0 }])
    const counted = await staff('POST', `stock/${hamper.variantId}/adjustments`, { change: 1 })
    expect([counted.status, counted.body.current_state]).toEqual([409, 'bundle'])
    expect((await staff('PUT', `bundles/${hamper.variantId}`, { components: [] })).body).toEqual({ components: [] })
    expect(await shown(product.body.handle)).toMatchObject({ availability: 'sold_out' })
  })
})

describe('reservation settings', () => {
  it('are an hour in the cart if the merchant wants it, and ten minutes at payment, unless changed', async () => {
    const defaults = { reserve_in_cart: false, cart_minutes: 60, payment_minutes: 10 }
    expect((await staff('GET', 'reservation-settings')).body).toEqual(defaults)
    const changed = await staff('PATCH', 'reservation-settings', { reserve_in_cart: true, cart_minutes: 20 })
    expect(changed.body).toEqual({ reserve_in_cart: true, cart_minutes: 20, payment_minutes: 10 })
    const payload = { lines: [{ variant_id: goods.variantId, quantity: 2 }] }
    const cart = await api.call(shop.host, { method: 'POST', url: '/v1/carts', payload })
    expect(cart.body.lines[0]).toMatchObject({ available: true })
    expect(await shown()).toMatchObject({ available_quantity: 1 })
    const [movement] = (await staff('GET', `stock/${goods.variantId}/movements`)).body.data
    expect(movement).toMatchObject({ reason: 'reservation', reserved_change: 2, on_hand_change: 0, actor: { kind: 'buyer' } })
  })
})
