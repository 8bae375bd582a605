import { addGoods } from '@souk/core/testing/goods.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'
import { canonicalJson, readKey } from './idempotency.ts'

let api: TestApi
let shop: ApiMerchant
let other: ApiMerchant
let variantId: string

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  other = await api.addMerchant()
  variantId = (await addGoods(shop, { onHand: 1_000n })).variantId
})
afterAll(() => api.close())

const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }

async function openCart() {
  const payload = { lines: [{ variant_id: variantId, quantity: 2 }], email: 'ada@buyer.example', shipping_address: address }
  return (await api.call(shop.host, { method: 'POST', url: '/v1/carts', payload })).body as { id: string; token: string }
}

function order(cart: { id: string; token: string }, key: string, payload: string | object = { payment_method: 'invoice' }) {
  const headers = { 'cart-token': cart.token, 'idempotency-key': key, 'content-type': 'application/json' }
  return api.call(shop.host, { method: 'POST', url: `/v1/carts/${cart.id}/checkout`, headers, payload })
}

describe('a request that comes again', () => {
  it('is answered to the byte as it was, and has one effect', async () => {
    const cart = await openCart()
    const first = await order(cart, 'again')
    const second = await order(cart, 'again')
    expect(first.status).toBe(201)
    expect([second.status, second.text]).toEqual([first.status, first.text])
    expect([first.headers['idempotent-replayed'], second.headers['idempotent-replayed']]).toEqual([undefined, 'true'])
  })

  it('may spell its key in quotes or not, and its body in any order', async () => {
    const cart = await openCart()
    const total = { amount: 2_490, currency: 'EUR' }
    const first = await order(cart, 'spelled', JSON.stringify({ payment_method: 'invoice', expected_total: total }))
    expect(first.status).toBe(201)
    const second = await order(cart, '"spelled"', '{"expected_total":{"currency":"EUR","amount":2490},\n "payment_method":"invoice"}')
    expect(second.text).toBe(first.text)
  })

  it('with another body or at another place is another request', async () => {
    const cart = await openCart()
    await order(cart, 'other')
    expect(slugOf(await order(cart, 'other', { payment_method: 'cash_on_delivery' }))).toBe('idempotency-key-reused')
    expect(slugOf(await order(await openCart(), 'other'))).toBe('idempotency-key-reused')
    const opened = await api.call(shop.host, { method: 'POST', url: '/v1/carts', headers: { 'idempotency-key': 'other' }, payload: {} })
    expect(opened.status).toBe(201)
  })

  it('a hundred times at once makes one order', async () => {
    const cart = await openCart()
    const answers = await Promise.all(Array.from({ length: 100 }, () => order(cart, 'hundred')))
    const placed = answers.filter((answer) => answer.status === 201)
    expect(new Set(placed.map((answer) => answer.text)).size).toBe(1)
    for (const answer of answers) expect(answer.status === 201 || slugOf(answer) === 'idempotency-in-progress').toBe(true)
    expect((await order(cart, 'hundred')).text).toBe(placed[0]!.text)
    const orders = await shop.inMerchant.read(
      (tx) => tx.sql`select id from orders where merchant_id = ${tx.merchantId} and cart_id = ${cart.id}`,
    )
    expect(orders).toHaveLength(1)
  })

  it('at another merchant is a request of its own', async () => {
    const open = (of: ApiMerchant) =>
      api.call(of.host, { method: 'POST', url: '/v1/carts', headers: { 'idempotency-key': 'shared' }, payload: {} })
    const [mine, theirs] = [await open(shop), await open(other)]
    expect([mine.status, theirs.status]).toEqual([201, 201])
    expect(theirs.headers['idempotent-replayed']).toBeUndefined()
    expect(theirs.body.id).not.toBe(mine.body.id)
  })

  it('by another principal is another request', async () => {
    const key = await api.call(shop.host, {
      method: 'POST',
      url: '/v1/admin/api-keys',
      token: shop.token,
      payload: { name: 'k', scopes: ['stock:write'] },
    })
    const adjust = (token: string) =>
      api.call(shop.host, {
        method: 'POST',
        url: `/v1/admin/stock/${variantId}/adjustments`,
        token,
        headers: { 'idempotency-key': 'adjust' },
        payload: { change: 5 },
      })
    const first = await adjust(shop.token)
    expect((await adjust(shop.token)).text).toBe(first.text)
    expect(slugOf(await adjust(key.body.secret))).toBe('idempotency-key-reused')
  })

  it('that was refused leaves nothing behind: the key is free', async () => {
    const cart = await openCart()
    expect(slugOf(await order(cart, 'refused', { payment_method: 'invoice', expected_total: { amount: 1, currency: 'EUR' } }))).toBe(
      'total-changed',
    )
    expect((await order(cart, 'refused')).status).toBe(201)
  })
})

describe('a key', () => {
  it.each([
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    [String.raw`"a\"b\\c"`, String.raw`a"b\c`],
    ['"with spaces"', 'with spaces'],
    ['a'.repeat(255), 'a'.repeat(255)],
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ])('%s is read', (header, key) => {
    expect(readKey(header)).toBe(key)
  })

  it.each(['', '""', '"', '"a', 'a b', 'a"b', String.raw`"a\nb"`, 'é', '\u0007', 'a'.repeat(256), `"${'a'.repeat(256)}"`])(
    '%j is refused',
    (header) => {
      expect(() => readKey(header)).toThrow('idempotency_key_invalid')
    },
  )
})

describe('canonical JSON', () => {
  it('does not depend on the order of keys, and on nothing else', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse())
        expect(canonicalJson(reversed)).toBe(canonicalJson(value))
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})
