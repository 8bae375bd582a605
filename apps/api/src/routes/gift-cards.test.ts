import { openAccount } from '@souk/core/customers/accounts.ts'
import { openSession } from '@souk/core/customers/sessions.ts'
import { hashPassword } from '@souk/core/merchant/passwords.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, PASSWORD, type TestApi } from '../testing/api.ts'

let api: TestApi
let shop: ApiMerchant
let other: ApiMerchant

beforeAll(async () => {
  api = await createTestApi()
  shop = await api.addMerchant()
  other = await api.addMerchant()
})
afterAll(() => api.close())

const eur = (amount: number) => ({ amount, currency: 'EUR' })
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
let keys = 0
const post = (url: string, payload: object, key = `cards-${++keys}`) =>
  api.call(shop.host, { method: 'POST', url: `/v1/admin/${url}`, token: shop.token, headers: { 'idempotency-key': key }, payload })
const get = (url: string, of = shop) => api.call(of.host, { url: `/v1/admin/${url}`, token: of.token })
const balance = (code: unknown, of = shop, remoteAddress = '192.0.2.1') =>
  api.call(of.host, { method: 'POST', url: '/v1/gift-cards/balance', payload: { code }, remoteAddress })

describe('gift cards', () => {
  it('are issued with codes that are shown once, to a replay too, and kept nowhere', async () => {
    const answer = await post(
      'gift-cards',
      { amount: eur(2_500), count: 2, expires_at: '2030-01-01T00:00:00Z', note: 'fair' },
      'issue-once',
    )
    expect(answer.status).toBe(201)
    const { batch_id, cards } = answer.body
    const again = await post('gift-cards', { amount: eur(2_500), count: 2, expires_at: '2030-01-01T00:00:00Z', note: 'fair' }, 'issue-once')
    expect([again.text, again.headers['idempotent-replayed']]).toEqual([answer.text, 'true'])
    const listed = await get(`gift-cards?batch_id=${batch_id}`)
    expect(listed.body.data).toHaveLength(2)
    expect(listed.body.data[0]).toMatchObject({
      status: 'active',
      balance: eur(2_500),
      note: 'fair',
      expires_at: '2030-01-01T00:00:00.000Z',
    })
    expect(listed.text).not.toContain(cards[0].code)
    const [kept] = await shop.inMerchant.read(
      (tx) => tx.sql<{ body: string }[]>`
      select response_body as body from idempotency_key where merchant_id = ${tx.merchantId} and key = 'issue-once'`,
    )
    expect(kept!.body).toContain(cards[0].id)
    expect(kept!.body).not.toContain(cards[0].code)
    expect(api.log.join('\n')).not.toContain(cards[0].code)
  })

  it('tell what is left to whoever has the code, at their shop alone', async () => {
    const { body } = await post('gift-cards', { amount: eur(1_000) })
    const [{ id, code }] = body.cards
    expect((await balance(code.toLowerCase())).body).toEqual({ last_four: code.slice(-4), balance: eur(1_000), expires_at: null })
    expect(slugOf(await balance(code, other))).toBe('gift-card-invalid')
    expect((await get(`gift-cards?last_four=${code.slice(-4)}`)).body.data).toContainEqual(expect.objectContaining({ id }))
    expect((await get(`gift-cards/${id}`)).body).toMatchObject({ id, last_four: code.slice(-4) })
    expect((await get(`gift-cards/${id}/history`)).body.data).toMatchObject([
      { kind: 'gift_card_issue', amount: eur(-1_000), balance_after: eur(1_000) },
    ])
    expect((await get(`gift-cards/${id}`, other)).status).toBe(404)
    const disabled = await post(`gift-cards/${id}/disable`, { reason: 'stolen' })
    expect(disabled.body).toMatchObject({ status: 'disabled', balance: eur(1_000) })
    expect(slugOf(await balance(code))).toBe('gift-card-invalid')
  })

  it('are not to be guessed: soon an address has to wait, and others do not', async () => {
    const { body } = await post('gift-cards', { amount: eur(1) })
    const { code } = body.cards[0]
    const guesses = await Promise.all(Array.from({ length: 60 }, (_, guess) => balance(`guess-${guess}`, shop, '192.0.2.9')))
    const slugs = guesses.map(slugOf)
    expect(slugs.filter((slug) => slug === 'gift-card-invalid')).toHaveLength(50)
    expect(slugs.filter((slug) => slug === 'quota-exceeded')).toHaveLength(10)
    expect((await balance(code, shop, '192.0.2.9')).status).toBe(429)
    expect((await balance(code, shop, '192.0.2.10')).status).toBe(200)
  })

  it.each([
    ['nothing', { amount: eur(0) }, 422, 'amount-out-of-range'],
    ['more than may be charged', { amount: eur(1_000_000_000_001) }, 422, 'amount-out-of-range'],
    ['more in all than may be charged', { amount: eur(1_000_000_000_000), count: 2 }, 422, 'amount-out-of-range'],
    ['another currency', { amount: { amount: 1, currency: 'USD' } }, 422, 'currency-mismatch'],
    ['no cards', { amount: eur(1), count: 0 }, 422, 'quantity-out-of-range'],
    ['too many', { amount: eur(1), count: 501 }, 422, 'quantity-out-of-range'],
    ['a day that is none', { amount: eur(1), expires_at: '2030-02-30T00:00:00Z' }, 400, 'invalid-timestamp'],
    ['a note with a NUL', { amount: eur(1), note: 'a\0b' }, 422, 'invalid-text'],
  ])('are not issued for %s', async (_what, payload, status, slug) => {
    const answer = await post('gift-cards', payload)
    expect([answer.status, slugOf(answer)]).toEqual([status, slug])
  })

  it.each([
    ['', 400],
    [7, 400],
    ['x'.repeat(65), 422],
    ['a\0b', 422],
    ['\u{1F4A9}', 422],
  ])('have no balance for the code %j', async (code, status) => {
    expect((await balance(code, shop, '192.0.2.20')).status).toBe(status)
  })
})

describe('store credit', () => {
  it('is granted, withdrawn and told, and never falls below nothing', async () => {
    const { body: customer } = await post('customers', { email: 'ada@buyer.example' })
    const url = `customers/${customer.id}/store-credit`
    expect((await get(url)).body).toEqual({ data: [] })
    expect((await post(url, { change: eur(500), reason: 'sorry' })).body).toEqual({ balance: eur(500) })
    expect((await post(url, { change: eur(-200) })).body).toEqual({ balance: eur(300) })
    const over = await post(url, { change: eur(-301) })
    expect([over.status, slugOf(over)]).toEqual([409, 'insufficient-credit'])
    expect((await get(url)).body).toEqual({ data: [eur(300)] })
    expect((await get(`${url}/history?currency=EUR`)).body.data).toMatchObject([
      { kind: 'store_credit_withdrawal', amount: eur(200), balance_after: eur(300) },
      { kind: 'store_credit_issue', amount: eur(-500), balance_after: eur(500) },
    ])
    for (const [change, status] of [
      [eur(0), 422],
      [{ amount: 1, currency: 'USD' }, 422],
      [{ amount: 1.5, currency: 'EUR' }, 400],
    ] as const)
      expect((await post(url, { change })).status).toBe(status)
    expect((await get(url, other)).status).toBe(404)
  })
})

describe('an order', () => {
  async function customerWith(credit: number) {
    const { now } = api.clock
    const { body } = await post('customers', { email: `buyer-${++keys}@buyer.example` })
    await post(`customers/${body.id}/store-credit`, { change: eur(credit) })
    const passwordHash = await hashPassword(PASSWORD)
    const { sessionId } = await shop.inMerchant(async (tx) => {
      await openAccount(tx, { customerId: body.id, passwordHash, now })
      return openSession(tx, api.shop.keys, { customerId: body.id, passwordHash, device: '', now })
    })
    return api.tokens.issue({ customersOf: shop.merchant.id }, body.id, now, sessionId).access_token
  }

  async function openCart(token?: string) {
    const { variantId } = await addGoods(shop, { price: 1_000n })
    const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
    const payload = { lines: [{ variant_id: variantId, quantity: 1 }], email: 'ada@buyer.example', shipping_address: address }
    return (await api.call(shop.host, { method: 'POST', url: '/v1/carts', payload, ...(token && { token }) })).body
  }

  const checkout = (cart: { id: string; token: string }, payload: object, remoteAddress = '192.0.2.1') =>
    api.call(shop.host, {
      ...{ method: 'POST', url: `/v1/carts/${cart.id}/checkout`, payload, remoteAddress },
      headers: { 'cart-token': cart.token, 'idempotency-key': `cards-${++keys}` },
    })

  it('is paid by a gift card and by store credit, which its buyer sees go', async () => {
    const token = await customerWith(5_000)
    const { body: issued } = await post('gift-cards', { amount: eur(400) })
    const cart = await openCart(token)
    const { status, body } = await checkout(cart, { gift_cards: [issued.cards[0].code], use_store_credit: true })
    expect([status, body.payment_status]).toEqual([201, 'paid'])
    const total = body.totals.total.amount
    expect(body.payments.map((payment: { provider: string; amount: object }) => [payment.provider, payment.amount]).sort()).toEqual([
      ['gift_card', eur(400)],
      ['store_credit', eur(total - 400)],
    ])
    const credit = () => api.call(shop.host, { url: '/v1/customers/me/store-credit', token })
    expect((await credit()).body).toEqual({ data: [eur(5_000 - total + 400)] })
    expect((await balance(issued.cards[0].code)).body).toMatchObject({ balance: eur(0) })
    expect((await post(`orders/${body.id}/refunds`, { amount: eur(total) })).body).toMatchObject({ status: 'issued' })
    expect((await credit()).body).toEqual({ data: [eur(5_000)] })
    expect((await balance(issued.cards[0].code)).body).toMatchObject({ balance: eur(400) })
    expect((await api.call(shop.host, { url: '/v1/customers/me/store-credit' })).status).toBe(401)
  })

  it('tells no more about codes than the question for a balance does', async () => {
    const cart = await openCart()
    const guess = (code: string) => checkout(cart, { gift_cards: [code], payment_method: 'invoice' }, '192.0.2.30')
    const slugs: (string | undefined)[] = []
    for (let guesses = 0; guesses < 51; guesses++) slugs.push(slugOf(await guess(`guess-${guesses}`)))
    expect([slugs.indexOf('quota-exceeded'), slugs[49]]).toEqual([50, 'gift-card-invalid'])
    expect((await balance('guess-again', shop, '192.0.2.30')).status).toBe(429)
    expect((await checkout(cart, { payment_method: 'invoice' }, '192.0.2.30')).status).toBe(201)
  })
})
