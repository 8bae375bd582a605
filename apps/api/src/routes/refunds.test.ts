import { capabilityToken } from '@souk/core/capability.ts'
import { cartOf, line, PARCEL, priceIn } from '@souk/core/pricing/testing/shop.ts'
import { addPaidOrder } from '@souk/core/testing/paid-orders.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

let api: TestApi
let shop: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
})
afterAll(() => api.close())

const priced = priceIn(
  { taxes: { default_rate_ppm: 190_000 } },
  cartOf([line('mug', 1_000, 3), line('pen', 100)], { shipping: { method: PARCEL } }),
)
const { total } = priced.totals
const eur = (amount: number | bigint) => ({ amount: Number(amount), currency: 'EUR' })
const order = (captured = total, customerId?: string) =>
  addPaidOrder(shop, { priced, payments: [{ provider: 'manual', captured }], ...(customerId && { customerId }) })

let keys = 0
const post = (url: string, payload: object, key = `refunds-${++keys}`) =>
  api.call(shop.host, { method: 'POST', url: `/v1/admin/${url}`, token: shop.token, headers: { 'idempotency-key': key }, payload })
const get = (url: string) => api.call(shop.host, { url: `/v1/admin/${url}`, token: shop.token })
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)

describe('a refund', () => {
  it('is previewed, made, listed, read by staff and seen by its buyer', async () => {
    const { id, lineIds, payments } = await order()
    const wish = { lines: [{ line_id: lineIds.mug, quantity: 2 }], shipping: eur(100) }
    const preview = await post(`orders/${id}/refunds/preview`, wish)
    expect(preview.body).toMatchObject({ amount: eur(2_480), tax: eur(396), left: eur(total - 2_480n), payments: [{ amount: eur(2_480) }] })
    expect((await get(`orders/${id}/refunds`)).body).toEqual({ data: [] })

    const { status, body } = await post(`orders/${id}/refunds`, { ...wish, reason: 'broken' })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      order_id: id,
      status: 'issued',
      to: 'original',
      amount: eur(2_480),
      tax: eur(396),
      shipping: eur(100),
      withheld: eur(0),
      reason: 'broken',
      lines: [{ line_id: lineIds.mug, quantity: 2, amount: eur(2_380), tax: eur(380) }],
      payments: [{ payment_id: payments[0]!.id, provider: 'manual', status: 'issued' }],
    })
    expect((await get(`orders/${id}/refunds`)).body).toEqual({ data: [body] })
    expect((await get(`orders/${id}/refunds/${body.id}`)).body).toEqual(body)
    const token = capabilityToken(api.shop.keys, shop.merchant.id, 'order', id)
    const seen = await api.call(shop.host, { url: `/v1/orders/${id}/refunds`, headers: { 'order-token': token } })
    const { order_id: _order, reason: _reason, payments: _payments, ...shown } = body
    expect(seen.body).toEqual({ data: [shown] })
    expect((await api.call(shop.host, { url: `/v1/orders/${id}/refunds` })).status).toBe(401)
  })

  it('is made once of requests with one key, and replayed', async () => {
    const { id } = await order()
    const answers = await Promise.all([1, 2, 3].map(() => post(`orders/${id}/refunds`, { amount: eur(100) }, 'the-same')))
    const again = await post(`orders/${id}/refunds`, { amount: eur(100) }, 'the-same')
    expect(again.headers['idempotent-replayed']).toBe('true')
    for (const { status, text } of answers) if (status === 201) expect(text).toBe(again.text)
    expect((await get(`orders/${id}/refunds`)).body.data).toHaveLength(1)
  })

  it('in full is one of two at once: the other would exceed the capture', async () => {
    const { id } = await order()
    const answers = await Promise.all([1, 2].map(() => post(`orders/${id}/refunds`, { amount: eur(total) })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
    expect(slugOf(answers.find(({ status }) => status === 409)!)).toBe('refund-exceeds-capture')
  })

  it('of another order is not there', async () => {
    const [one, other] = [await order(), await order()]
    const { body } = await post(`orders/${one.id}/refunds`, { amount: eur(1) })
    expect((await get(`orders/${other.id}/refunds/${body.id}`)).status).toBe(404)
  })

  it.each([
    ['one unit above what was captured', { amount: eur(total + 1n) }, 409, 'refund-exceeds-capture', '/amount'],
    ['another currency', { amount: { amount: 1, currency: 'USD' } }, 422, 'currency-mismatch', '/amount/currency'],
    ['another currency for shipping', { shipping: { amount: 1, currency: 'USD' } }, 422, 'currency-mismatch', '/shipping/currency'],
    ['nothing', {}, 422, 'amount-out-of-range', '/amount'],
    ['an amount of nothing', { amount: eur(0) }, 422, 'amount-out-of-range', '/amount'],
    ['less than nothing', { amount: eur(-1) }, 422, 'amount-out-of-range', '/amount/amount'],
    ['more shipping than was charged', { shipping: eur(584) }, 422, 'amount-out-of-range', '/shipping'],
    ['a fraction', { amount: { amount: 0.5, currency: 'EUR' } }, 400, 'invalid-body', '/amount/amount'],
    ['an amount as text', { amount: { amount: '10', currency: 'EUR' } }, 400, 'invalid-body', '/amount/amount'],
    [
      'a line that is not there',
      { lines: [{ line_id: '01990000-0000-7000-8000-000000000009', quantity: 1 }] },
      404,
      'not-found',
      '/lines/0/line_id',
    ],
    [
      'no pieces',
      { lines: [{ line_id: '01990000-0000-7000-8000-000000000009', quantity: 0 }] },
      422,
      'quantity-out-of-range',
      '/lines/0/quantity',
    ],
    ['a place that is none', { amount: eur(1), to: 'cash' }, 400, 'invalid-body', '/to'],
    ['a field that is none', { amount: eur(1), order_id: 'x' }, 400, 'unknown-field', '/order_id'],
  ])('is refused for %s', async (_what, payload, status, slug, pointer) => {
    const { id } = await order()
    for (const url of [`orders/${id}/refunds`, `orders/${id}/refunds/preview`]) {
      const answer = await post(url, payload)
      expect([answer.status, slugOf(answer)]).toEqual([status, slug])
      expect(answer.body.errors[0].pointer).toBe(pointer)
    }
    expect((await get(`orders/${id}/refunds`)).body.data).toEqual([])
  })

  it('is refused for more pieces than are left, an unpaid order, a guest`s credit, and without a key', async () => {
    const { id, lineIds } = await order()
    const lines = [{ line_id: lineIds.mug, quantity: 4 }]
    expect(slugOf(await post(`orders/${id}/refunds`, { lines }))).toBe('quantity-out-of-range')
    const unpaid = await post(`orders/${(await order(0n)).id}/refunds`, { amount: eur(1) })
    expect([unpaid.status, slugOf(unpaid), unpaid.body.current_state]).toEqual([409, 'invalid-state', 'pending'])
    expect(slugOf(await post(`orders/${id}/refunds`, { amount: eur(1), to: 'store_credit' }))).toBe('invalid-state')
    const keyless = await api.call(shop.host, { method: 'POST', url: `/v1/admin/orders/${id}/refunds`, token: shop.token, payload: {} })
    expect(slugOf(keyless)).toBe('idempotency-key-missing')
  })
})

describe('the books', () => {
  it('come to nothing in the trial balance, and show every entry of an account', async () => {
    const { id } = await order()
    await post(`orders/${id}/refunds`, { amount: eur(100) })
    const { body } = await get('ledger/trial-balance')
    expect(body.totals).toMatchObject([{ balance: eur(0) }])
    const line = (account: string) => body.accounts.find((one: { account: string }) => one.account === account)
    expect(line('sales')).toMatchObject({ kind: 'income', debits: eur(0) })
    expect(line('clearing:manual')).toMatchObject({ kind: 'asset' })
    expect((await get('ledger/trial-balance?until=2020-01-01T00:00:00Z')).body).toEqual({ accounts: [], totals: [] })

    const entries: object[] = []
    for (let cursor = ''; ; ) {
      const page = await get(`ledger/entries?account=clearing:manual&currency=EUR&limit=3${cursor}`)
      entries.push(...page.body.data)
      if (page.body.next_cursor === null) break
      cursor = `&cursor=${page.body.next_cursor}`
    }
    const sum = entries.reduce((total: number, entry) => total + (entry as { amount: { amount: number } }).amount.amount, 0)
    expect(eur(sum)).toEqual(line('clearing:manual').balance)
    expect(entries).toContainEqual(expect.objectContaining({ kind: 'refund', order_id: id, amount: eur(-100), balance_after: null }))
  })

  it.each([
    ['ledger/entries?account=sales', 400],
    ['ledger/entries?account=sales&currency=eur', 422],
    ['ledger/entries?account=Sales%20&currency=EUR', 400],
    ['ledger/entries?account=sales&currency=EUR&cursor=made-up', 400],
    ['ledger/trial-balance?until=infinity', 400],
  ])('refuse %s', async (url, status) => {
    expect((await get(url)).status).toBe(status)
  })
})
