import { ADDRESSES_PER_CUSTOMER_MAX } from '@souk/core/customers/account-limits.ts'
import { openAccount } from '@souk/core/customers/accounts.ts'
import { openSession } from '@souk/core/customers/sessions.ts'
import { hashPassword } from '@souk/core/merchant/passwords.ts'
import { addGoods, type Goods } from '@souk/core/testing/goods.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, PASSWORD, type TestApi } from '../testing/api.ts'
import { deliverMails } from '../testing/mailbox.ts'

let api: TestApi
let shop: ApiMerchant
let goods: Goods
let passwordHash: string

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  goods = await addGoods(shop, { onHand: 1_000n })
  passwordHash = await hashPassword(PASSWORD)
})
afterAll(() => api.close())

const ADDRESS = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
let made = 0

interface Buyer {
  id: string
  email: string
  token: string
}

async function addBuyer(): Promise<Buyer> {
  const email = `me-${++made}@buyer.example`
  const { now } = api.clock
  const { body } = await api.call(shop.host, {
    method: 'POST',
    url: '/v1/admin/customers',
    token: shop.token,
    payload: { email, name: 'Ada' },
  })
  const session = await shop.inMerchant(async (tx) => {
    await openAccount(tx, { customerId: body.id, passwordHash, now })
    return openSession(tx, api.shop.keys, { customerId: body.id, passwordHash, device: '', now })
  })
  const { access_token: token } = api.tokens.issue({ customersOf: shop.merchant.id }, body.id, now, session.sessionId)
  return { id: body.id, email, token }
}

const as = (buyer: Buyer, method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, payload?: object) =>
  api.call(shop.host, { method, url: `/v1/customers/me${path}`, token: buyer.token, ...(payload && { payload }) })

async function order(buyer: Buyer) {
  const lines = [{ variant_id: goods.variantId, quantity: 1 }]
  const cart = await api.call(shop.host, {
    method: 'POST',
    url: '/v1/carts',
    token: buyer.token,
    payload: { lines, shipping_address: ADDRESS },
  })
  const headers = { 'cart-token': cart.body.token, 'idempotency-key': `me-${++made}` }
  const payload = { payment_method: 'invoice' }
  const placed = await api.call(shop.host, { method: 'POST', url: `/v1/carts/${cart.body.id}/checkout`, headers, payload })
  expect(placed.status).toBe(201)
  return placed.body as { id: string; number: number; email: string }
}

describe('saved addresses', () => {
  it('have one default of each kind, the first unless something else is said', async () => {
    const buyer = await addBuyer()
    const [first, second] = [
      await as(buyer, 'POST', '/addresses', { address: ADDRESS }),
      await as(buyer, 'POST', '/addresses', { address: ADDRESS, default_billing: true }),
    ]
    expect(first).toMatchObject({ status: 201, body: { default_shipping: true, default_billing: true } })
    const defaults = async () =>
      (await as(buyer, 'GET', '/addresses')).body.data.map((saved: Record<string, boolean>) => [
        saved.default_shipping,
        saved.default_billing,
      ])
    expect(await defaults()).toEqual([
      [true, false],
      [false, true],
    ])
    await as(buyer, 'PATCH', `/addresses/${second.body.id}`, { default_shipping: true, address: { ...ADDRESS, city: 'Bonn' } })
    expect(await defaults()).toEqual([
      [false, false],
      [true, true],
    ])
    expect((await as(buyer, 'DELETE', `/addresses/${second.body.id}`)).status).toBe(204)
    expect((await as(buyer, 'DELETE', `/addresses/${second.body.id}`)).status).toBe(404)
  })

  it('are another customer`s as little as another merchant`s', async () => {
    const [mine, theirs] = [await addBuyer(), await addBuyer()]
    const { id } = (await as(theirs, 'POST', '/addresses', { address: ADDRESS })).body
    expect((await as(mine, 'PATCH', `/addresses/${id}`, { default_billing: true })).status).toBe(404)
    expect((await as(mine, 'DELETE', `/addresses/${id}`)).status).toBe(404)
    expect((await as(mine, 'GET', '/addresses')).body.data).toEqual([])
  })

  it('are bounded, also when many are saved at once', async () => {
    const buyer = await addBuyer()
    await shop.inMerchant(
      (tx) => tx.sql`
        insert into customer_address (merchant_id, customer_id, address)
        select ${tx.merchantId}::uuid, ${buyer.id}::uuid, '{}' from generate_series(1, ${ADDRESSES_PER_CUSTOMER_MAX - 2}::int)`,
    )
    const answers = await Promise.all(Array.from({ length: 6 }, () => as(buyer, 'POST', '/addresses', { address: ADDRESS })))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 422, 422, 422, 422])
  })
})

describe('the order history', () => {
  it('is of the customer`s own orders, page by page', async () => {
    const [mine, theirs] = [await addBuyer(), await addBuyer()]
    const [first, second, foreign] = [await order(mine), await order(mine), await order(theirs)]
    expect(first.email).toBe(mine.email)
    const page = (await as(mine, 'GET', '/orders?limit=1')).body
    expect(page.data.map(({ id }: { id: string }) => id)).toEqual([second.id])
    const rest = (await as(mine, 'GET', `/orders?limit=1&cursor=${encodeURIComponent(page.next_cursor)}`)).body
    expect(rest).toMatchObject({ data: [{ id: first.id }], next_cursor: null })
    const stolen = await as(theirs, 'GET', `/orders?cursor=${encodeURIComponent(page.next_cursor)}`)
    expect(stolen.status).toBe(400)
    expect((await as(mine, 'GET', `/orders/${first.id}`)).body).toMatchObject({ id: first.id, customer_id: mine.id })
    const [notMine, nobodys] = [await as(mine, 'GET', `/orders/${foreign.id}`), await as(mine, 'GET', `/orders/${shop.locationId}`)]
    expect([notMine.status, notMine.text]).toEqual([nobodys.status, nobodys.text])
    expect(notMine.status).toBe(404)
  })
})

describe('somebody', () => {
  it('changes their name, and nothing that staff decide', async () => {
    const buyer = await addBuyer()
    expect((await as(buyer, 'PATCH', '', { name: 'Grace', locale: 'en' })).body).toMatchObject({ name: 'Grace', locale: 'en' })
    for (const field of ['email', 'tax_exempt', 'vat_id_valid', 'groups']) {
      const answer = await as(buyer, 'PATCH', '', { [field]: true })
      expect([answer.status, answer.body.type]).toEqual([400, expect.stringMatching(/unknown-field$/)])
    }
  })

  it('sees all that is known of them, and is forgotten with their password once nothing is under way', async () => {
    const buyer = await addBuyer()
    const placed = await order(buyer)
    await deliverMails(shop, api.shop.keys, api.clock.now)
    const known = await as(buyer, 'GET', '/export')
    expect(known).toMatchObject({
      status: 200,
      body: { customer: { email: buyer.email }, orders: [{ id: placed.id }], mails: [{ recipient: buyer.email }] },
    })
    expect(known.headers['cache-control']).toBe('no-store')
    expect((await as(buyer, 'POST', '/erasure', { password: 'a wrong password' })).status).toBe(401)
    const tooEarly = await as(buyer, 'POST', '/erasure', { password: PASSWORD })
    expect(tooEarly).toMatchObject({ status: 409, body: { current_state: 'orders_under_way', order_numbers: [placed.number] } })
    await api.call(shop.host, { method: 'POST', url: `/v1/admin/orders/${placed.id}/cancel`, token: shop.token, payload: { reason: '' } })
    expect((await as(buyer, 'POST', '/erasure', { password: PASSWORD })).status).toBe(204)
    expect((await as(buyer, 'GET', '')).status).toBe(401)
    expect((await api.call(shop.host, { url: `/v1/admin/customers/${buyer.id}`, token: shop.token })).status).toBe(404)
    const kept = await api.call(shop.host, { url: `/v1/admin/orders/${placed.id}`, token: shop.token })
    expect(kept).toMatchObject({ status: 200, body: { email: 'forgotten@erased.invalid', shipping_address: null, customer_id: null } })
    const mails = await deliverMails(shop, api.shop.keys, api.clock.now)
    expect(mails.filter(({ to }) => to === buyer.email || to.endsWith('.invalid'))).toEqual([])
  })

  it('is forgotten by staff who say why', async () => {
    const buyer = await addBuyer()
    const erase = (payload: object) =>
      api.call(shop.host, { method: 'POST', url: `/v1/admin/customers/${buyer.id}/erasure`, token: shop.token, payload })
    expect((await erase({})).status).toBe(400)
    expect((await erase({ reason: 'wrote a letter' })).status).toBe(204)
    const log = await api.call(shop.host, { url: `/v1/admin/audit?target_id=${buyer.id}`, token: shop.token })
    expect(log.body.data[0]).toMatchObject({ action: 'customer.erased', reason: 'wrote a letter', before: null, after: null })
  })
})

describe('where nobody is signed in', () => {
  it('nothing is to be seen', async () => {
    for (const path of ['', '/addresses', '/orders', '/sessions', '/export'])
      expect((await api.call(shop.host, { url: `/v1/customers/me${path}` })).body.type, path).toMatch(/credentials-missing$/)
  })
})
