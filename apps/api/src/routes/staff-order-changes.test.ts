import { buyCart, fillCart } from '@souk/core/testing/buying.ts'
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

function staff(method: 'GET' | 'POST' | 'PATCH' | 'PUT', url: string, payload?: object, headers: Record<string, string> = {}) {
  return api.call(shop.host, { method, url: `/v1/admin/${url}`, token: shop.token, headers, ...(payload && { payload }) })
}

let keys = 0
const key = () => ({ 'idempotency-key': `change-${++keys}` })
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const money = (amount: number, currency = 'EUR') => ({ amount, currency })

async function placed() {
  const goods = await addGoods(shop, { price: 1_000n, onHand: 10n })
  // A minute ago, by the clock of the API.
  const now = new Date(api.clock.now.getTime() - 60_000)
  const { order } = await buyCart(shop, (await fillCart(shop, [{ goods, quantity: 2n }], {}, now)).id, { now })
  return { order, goods, url: `orders/${order.id}`, lineId: order.lines[0]!.id, total: Number(order.total) }
}

describe('an order that was placed', () => {
  it('is edited as its preview said, once per key, and lists its edits', async () => {
    const { url, lineId, total, goods } = await placed()
    const edit = { lines: [{ line_id: lineId, quantity: 1 }], added: [{ variant_id: goods.variantId, quantity: 2 }] }
    const seen = await staff('POST', `${url}/edits/preview`, edit)
    expect(seen.body).toMatchObject({ difference: money(1_000), outstanding: money(total + 1_000), excess: money(0) })
    const once = key()
    const edited = await staff('POST', `${url}/edits`, { ...edit, reason: 'by phone', expected_total: seen.body.after.total }, once)
    expect(edited.body).toMatchObject({ totals: seen.body.after, payments: [{ amount: seen.body.after.total }] })
    const again = await staff('POST', `${url}/edits`, { ...edit, reason: 'by phone', expected_total: seen.body.after.total }, once)
    expect([again.text, again.headers['idempotent-replayed']]).toEqual([edited.text, 'true'])
    expect((await staff('GET', `${url}/edits`)).body.data).toMatchObject([{ difference: money(1_000), reason: 'by phone' }])
  })

  it('tells its buyer what is left to pay, who is asked for it', async () => {
    const { url, lineId, total } = await placed()
    const edit = { lines: [{ line_id: lineId, quantity: 3 }], collect: { from: 'buyer' } }
    expect((await staff('POST', `${url}/edits`, edit, key())).body).toMatchObject({ outstanding: money(total + 1_000) })
    const told = await staff('GET', `${url}/events`)
    expect(told.body.data.at(-1)).toMatchObject({ type: 'payment.requested', data: { amount: total + 1_000 } })
    const unknown = { from: 'saved_method', payment: { provider: 'fake', saved_method: lineId } }
    const refused = await staff('POST', `${url}/edits`, { lines: [{ line_id: lineId, quantity: 4 }], collect: unknown }, key())
    expect(refused.status).toBeGreaterThanOrEqual(400)
    expect((await staff('GET', url)).body.lines).toMatchObject([{ quantity: 3 }])
  })

  it('is seen as it was at any moment', async () => {
    const { url, order, lineId } = await placed()
    await staff('POST', `${url}/edits`, { lines: [{ line_id: lineId, quantity: 5 }] }, key())
    const then = await staff('GET', `${url}?at=${order.placedAt.toISOString()}`)
    expect(then.body.lines).toMatchObject([{ quantity: 2 }])
    expect((await staff('GET', url)).body.lines).toMatchObject([{ quantity: 5 }])
    const before = new Date(order.placedAt.getTime() - 1).toISOString()
    expect((await staff('GET', `${url}?at=${before}`)).status).toBe(404)
    expect(slugOf(await staff('GET', `${url}?at=2026-02-30T00:00:00Z`))).toBe('invalid-timestamp')
  })

  it('has notes and tags, and is found by them', async () => {
    const { url, order } = await placed()
    expect((await staff('PUT', `${url}/tags`, { tags: ['vip', 'gift', 'vip'] })).body.id).toBe(order.id)
    expect((await staff('GET', 'orders?tag=gift')).body.data.map(({ id }: { id: string }) => id)).toEqual([order.id])
    expect((await staff('GET', 'orders?tag=gift&status=cancelled')).body.data).toEqual([])
    await staff('POST', `${url}/notes`, { body: 'Call before 9.\nTwice.' })
    expect((await staff('GET', `${url}/notes`)).body.data).toMatchObject([{ body: 'Call before 9.\nTwice.', actor: { kind: 'staff' } }])
    const told = await staff('GET', `${url}/events`)
    expect(told.body.data.map(({ type }: { type: string }) => type)).toEqual(['order.placed', 'order.tagged', 'order.noted'])
    expect(told.text).not.toContain('Call before')
  })

  it('has its contact corrected', async () => {
    const { url } = await placed()
    const changed = await staff('PATCH', url, { email: 'Grace@Buyer.example' })
    expect(changed.body.email).toBe('grace@buyer.example')
    expect((await staff('GET', `${url}/events`)).text).not.toContain('grace@buyer.example')
  })

  it('refuses what does not fit, by the field', async () => {
    const { url, lineId, total } = await placed()
    const cases: [object, number, string, string | undefined][] = [
      [{ lines: [{ line_id: lineId, quantity: -1 }] }, 422, 'quantity-out-of-range', '/lines/0/quantity'],
      [{ lines: [{ line_id: lineId, quantity: 1.5 }] }, 422, 'quantity-out-of-range', '/lines/0/quantity'],
      [{ lines: [{ line_id: lineId, quantity: 11 }] }, 409, 'insufficient-stock', undefined],
      [{ lines: [{ line_id: lineId, quantity: 0 }] }, 422, 'cart-empty', undefined],
      [{ discount: { amount: money(total + 1), reason: '' } }, 422, 'discount-exceeds-total', '/discount/amount'],
      [{ discount: { amount: money(1, 'USD'), reason: '' } }, 422, 'currency-mismatch', '/discount/amount/currency'],
      [{ discount: { amount: money(0), reason: '' } }, 422, 'amount-out-of-range', '/discount/amount'],
      [{ lines: [], price: 1 }, 400, 'unknown-field', undefined],
    ]
    for (const [body, status, slug, pointer] of cases) {
      const answer = await staff('POST', `${url}/edits`, body, key())
      expect([answer.status, slugOf(answer), answer.body.errors?.[0]?.pointer], JSON.stringify(body)).toEqual([
        status,
        slug,
        pointer ?? answer.body.errors?.[0]?.pointer,
      ])
    }
    expect(slugOf(await staff('POST', `${url}/edits`, { lines: [] }))).toBe('idempotency-key-missing')
    expect(slugOf(await staff('PUT', `${url}/tags`, { tags: Array.from({ length: 51 }, (_, n) => `t${n}`) }))).toBe('too-many')
  })
})
