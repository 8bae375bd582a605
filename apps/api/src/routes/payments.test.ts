import { FakeProvider, signCallback } from '@souk/core/testing/fake-provider.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

const SECRETS = { api_key: 'sk_canary_1', callback_secret: 'whsec_canary_2' }

const fake = new FakeProvider()
let api: TestApi
let shop: ApiMerchant
let other: ApiMerchant
let variantId: string

beforeAll(async () => {
  api = await createTestApi({ paymentProviders: new Map([['fake', fake]]) })
  shop = await api.addMerchant()
  other = await api.addMerchant()
  variantId = (await addGoods(shop, { price: 1_000n, onHand: 1_000n })).variantId
  expect((await account({ enabled: true, secrets: SECRETS })).status).toBe(200)
})
afterAll(() => api.close())

let keys = 0
const key = () => ({ 'idempotency-key': `k-${++keys}` })
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)

const account = (payload: object, of = shop, provider = 'fake') =>
  api.call(of.host, { method: 'PATCH', url: `/v1/admin/payment-accounts/${provider}`, token: of.token, payload })
const staff = (url: string, payload?: object, of = shop) =>
  api.call(of.host, { method: payload ? 'POST' : 'GET', url, token: of.token, headers: payload ? key() : {}, ...(payload && { payload }) })

async function openCart() {
  const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
  const payload = { lines: [{ variant_id: variantId, quantity: 1 }], email: 'ada@buyer.example', shipping_address: address }
  return (await api.call(shop.host, { method: 'POST', url: '/v1/carts', payload })).body
}

async function order(payment: object = { provider: 'fake', token: 'ok' }, headers: Record<string, string> = key()) {
  const cart = await openCart()
  const url = `/v1/carts/${cart.id}/checkout`
  return api.call(shop.host, { method: 'POST', url, payload: { payment }, headers: { 'cart-token': cart.token, ...headers } })
}

const asBuyer = (placed: { id: string; token: string }, path = '', payload?: object) =>
  api.call(shop.host, {
    method: payload ? 'POST' : 'GET',
    url: `/v1/orders/${placed.id}${path}`,
    headers: { 'order-token': placed.token, ...(payload && path !== '' && key()) },
    ...(payload && Object.keys(payload).length > 0 && { payload }),
  })

describe('an account with a payment provider', () => {
  it('shows that there are secrets, and never which', async () => {
    const listed = await staff('/v1/admin/payment-accounts')
    expect(listed.body.data).toMatchObject([{ provider: 'fake', enabled: true, capture: 'now', secrets: ['api_key', 'callback_secret'] }])
    expect(listed.text + (await account({ capture: 'now' })).text).not.toContain('canary')
    const [{ sealed }] = (await shop.inMerchant.read(
      (tx) => tx.sql`select string_agg(sealed, '') as sealed from payment_account_secret where merchant_id = ${tx.merchantId}`,
    )) as unknown as [{ sealed: string }]
    expect(sealed).not.toContain('canary')
  })

  it('is refused where it does not hold together', async () => {
    expect(slugOf(await account({}, shop, 'nobody'))).toBe('payment-provider-unknown')
    expect(slugOf(await account({ enabled: true }, other))).toBe('payment-account-invalid')
    expect(slugOf(await account({ secrets: { password: 'x' } }, other))).toBe('payment-account-invalid')
    expect(slugOf(await account({ api_base: 'http://127.0.0.1:5432' }, other))).toBe('payment-account-invalid')
    expect(slugOf(await account({ capture: 'never' }, other))).toBe('invalid-body')
  })

  it('is not offered by a merchant who has none', async () => {
    expect((await api.call(shop.host, { url: '/v1/payment-providers' })).body.data).toEqual([{ provider: 'fake' }])
    expect((await api.call(other.host, { url: '/v1/payment-providers' })).body.data).toEqual([])
  })
})

describe('a checkout through a provider', () => {
  it('answers 201 once it is paid, and the same again', async () => {
    const headers = key()
    const cart = await openCart()
    const buy = () =>
      api.call(shop.host, {
        ...{ method: 'POST', url: `/v1/carts/${cart.id}/checkout`, payload: { payment: { provider: 'fake', token: 'ok' } } },
        headers: { 'cart-token': cart.token, ...headers },
      })
    const first = await buy()
    expect(first.status).toBe(201)
    expect(first.body).toMatchObject({
      status: 'paid',
      payments: [{ provider: 'fake', method: 'card', status: 'captured', method_details: { last4: '4242' }, next_action: null }],
    })
    const again = await buy()
    expect(again.text).toBe(first.text)
    expect(again.headers['idempotent-replayed']).toBe('true')
  })

  it('answers 402 when it is declined, and takes another attempt', async () => {
    const declined = await order({ provider: 'fake', token: 'declined' })
    expect(declined.status).toBe(402)
    expect(declined.headers['content-type']).toBe('application/problem+json')
    expect(declined.body).toMatchObject({ code: 'card_declined', order: { status: 'pending', payment_status: 'failed' } })
    expect(new Date(declined.body.payment_due_at).getTime()).toBeGreaterThan(Date.now())
    const placed = { id: declined.body.order.id, token: declined.body.token }
    const paid = await asBuyer(placed, '/payments', { payment: { provider: 'fake', token: 'ok' } })
    expect(paid).toMatchObject({ status: 201, body: { id: placed.id, status: 'paid', token: placed.token } })
    expect(slugOf(await asBuyer(placed, '/payments', { payment: { provider: 'fake', token: 'ok' } }))).toBe('invalid-state')
  })

  it('answers 202 while the buyer is asked, and shows what for; then what became of it', async () => {
    const waiting = await order({ provider: 'fake', token: 'action', return_url: 'https://shop.example/back' })
    expect(waiting.status).toBe(202)
    const [payment] = waiting.body.payments
    expect(payment).toMatchObject({ status: 'requires_action', next_action: { type: 'redirect', url: 'https://psp.example/3ds' } })
    fake.confirm(payment.id)
    expect((await asBuyer(waiting.body)).body.status).toBe('pending')
    const asked = await asBuyer(waiting.body, `/payments/${payment.id}/refresh`, {})
    expect(asked).toMatchObject({ status: 200, body: { status: 'paid' } })
    const unknown = '00000000-0000-7000-8000-000000000000'
    expect(slugOf(await asBuyer(waiting.body, `/payments/${unknown}/refresh`, {}))).toBe('not-found')
  })

  it('answers 202 when the provider’s answer is lost', async () => {
    fake.failing('authorize', 'drop')
    const lost = await order()
    expect(lost).toMatchObject({ status: 202, body: { status: 'pending', payments: [{ status: 'pending' }] } })
    const [{ id }] = lost.body.payments
    expect((await staff(`/v1/admin/payments/${id}`)).body.operations).toMatchObject([{ kind: 'authorize', failure: { code: 'unknown' } }])
    const refreshed = await api.call(shop.host, { method: 'POST', url: `/v1/admin/payments/${id}/refresh`, token: shop.token })
    expect(refreshed.body).toMatchObject({ status: 'captured', operations: [{ status: 'succeeded' }] })
  })

  it('refuses what is malformed', async () => {
    const cases: [object, string][] = [
      [{ provider: 'FAKE', token: 'ok' }, 'invalid-id'],
      [{ provider: 'none', token: 'ok' }, 'payment-provider-unknown'],
      [{ provider: 'fake', token: 'ok', save: true }, 'payment-method-unusable'],
      [{ provider: 'fake', token: 'o k' }, 'invalid-text'],
      [{ provider: 'fake', token: 'ok', return_url: 'javascript:alert(1)' }, 'invalid-body'],
      [{ provider: 'fake', saved_method: '00000000-0000-7000-8000-000000000000' }, 'payment-method-unusable'],
      [{ provider: 'fake', token: 'ok', amount: 1 }, 'unknown-field'],
    ]
    for (const [payment, slug] of cases) expect([payment, slugOf(await order(payment))]).toEqual([payment, slug])
    expect(slugOf(await order(undefined, {}))).toBe('idempotency-key-missing')
  })
})

describe('staff', () => {
  /** An authorized payment of 14.90. */
  async function authorized() {
    await account({ capture: 'later' })
    const placed = await order()
    await account({ capture: 'now' })
    return { paymentId: placed.body.payments[0].id as string, orderId: placed.body.id as string }
  }
  const operate = async (paymentId: string, path: string, payload: object = {}) => {
    const answer = await staff(`/v1/admin/payments/${paymentId}/${path}`, payload)
    await api.call(shop.host, { method: 'POST', url: `/v1/admin/payments/${paymentId}/refresh`, token: shop.token })
    return answer
  }
  const eur = (amount: unknown, currency = 'EUR') => ({ amount: { amount, currency } })

  it('take what is authorized in parts, and let go of the rest', async () => {
    const { paymentId, orderId } = await authorized()
    expect((await operate(paymentId, 'capture', eur(400))).status).toBe(202)
    expect((await operate(paymentId, 'capture', eur(600))).status).toBe(202)
    expect((await staff(`/v1/admin/payments/${paymentId}`)).body).toMatchObject({ status: 'part_captured', captured: { amount: 1_000 } })
    const voided = await api.call(shop.host, {
      ...{ method: 'POST', url: `/v1/admin/payments/${paymentId}/void`, token: shop.token, headers: key() },
    })
    expect(voided.status).toBe(202)
    await api.call(shop.host, { method: 'POST', url: `/v1/admin/payments/${paymentId}/refresh`, token: shop.token })
    expect((await staff(`/v1/admin/payments/${paymentId}`)).body).toMatchObject({ status: 'captured', authorized: { amount: 1_000 } })
    expect((await staff(`/v1/admin/orders/${orderId}`)).body).toMatchObject({ payment_status: 'part_paid' })
  })

  it('are refused amounts that are none', async () => {
    const { paymentId } = await authorized()
    const cases: [object, number, string][] = [
      [eur(-1), 422, 'amount-out-of-range'],
      [eur(0), 422, 'amount-out-of-range'],
      [eur(10.5), 400, 'invalid-body'],
      [eur('10'), 400, 'invalid-body'],
      [eur(10 ** 13), 422, 'amount-out-of-range'],
      [eur(100, 'USD'), 422, 'currency-mismatch'],
      [eur(100, 'eur'), 422, 'currency-unsupported'],
      [eur(1_000_000), 409, 'capture-exceeds-authorization'],
    ]
    for (const [payload, status, slug] of cases) {
      const answer = await staff(`/v1/admin/payments/${paymentId}/capture`, payload)
      expect([payload, answer.status, slugOf(answer)]).toEqual([payload, status, slug])
    }
    expect((await staff(`/v1/admin/payments/${paymentId}`)).body.operations).toHaveLength(1)
  })

  it('say that money by hand has come', async () => {
    const cart = await openCart()
    const placed = await api.call(shop.host, {
      ...{ method: 'POST', url: `/v1/carts/${cart.id}/checkout`, payload: { payment_method: 'invoice' } },
      headers: { 'cart-token': cart.token, ...key() },
    })
    const [{ id }] = placed.body.payments
    expect(await staff(`/v1/admin/payments/${id}/capture`, {})).toMatchObject({ status: 200, body: { status: 'captured', operations: [] } })
    expect((await staff(`/v1/admin/orders/${placed.body.id}`)).body).toMatchObject({ status: 'paid', payment_status: 'paid' })
    expect(slugOf(await staff(`/v1/admin/payments/${id}/capture`, {}))).toBe('invalid-state')
  })

  it('decide about a payment that is held for review', async () => {
    const held = await order({ provider: 'fake', token: 'lie_amount' })
    expect(held).toMatchObject({ status: 202, body: { payment_status: 'review', payments: [{ status: 'review' }] } })
    const [{ id }] = held.body.payments
    const listed = await staff('/v1/admin/payments?status=review')
    expect(listed.body.data).toMatchObject([
      { id, review: { reason: 'amount_differs', expected: { amount: '1490' }, found: { amount: '1489' } } },
    ])
    const accepted = await staff(`/v1/admin/payments/${id}/review`, { decision: 'accept', reason: 'close enough' })
    expect(accepted).toMatchObject({ status: 200, body: { status: 'captured', review: null } })
    expect(slugOf(await staff(`/v1/admin/payments/${id}/review`, { decision: 'accept' }))).toBe('invalid-state')
  })

  it('see payments page by page, and none of another merchant', async () => {
    const first = await staff('/v1/admin/payments?limit=2')
    expect(first.body.data).toHaveLength(2)
    const next = await staff(`/v1/admin/payments?limit=2&cursor=${encodeURIComponent(first.body.next_cursor)}`)
    expect(next.body.data[0].id < first.body.data[1].id).toBe(true)
    expect((await staff('/v1/admin/payments', undefined, other)).body.data).toEqual([])
    const [{ id }] = first.body.data
    expect(slugOf(await staff(`/v1/admin/payments/${id}`, undefined, other))).toBe('not-found')
    expect(slugOf(await staff(`/v1/admin/payments/${id}/capture`, {}, other))).toBe('not-found')
  })
})

describe('a callback', () => {
  const send = (notice: object, { secret = SECRETS.callback_secret, of = shop, provider = 'fake' } = {}) => {
    const body = JSON.stringify(notice)
    const headers = { 'content-type': 'text/anything', 'fake-signature': signCallback(secret, body) }
    return api.call(of.host, { method: 'POST', url: `/v1/callbacks/payments/${provider}`, headers, payload: body })
  }
  const kept = async (eventId: string) =>
    (
      await shop.inMerchant.read(
        (tx) => tx.sql`select id from payment_callback where merchant_id = ${tx.merchantId} and provider_event_id = ${eventId}`,
      )
    ).length

  it('is kept once, however often it comes', async () => {
    const notice = { eventId: 'evt_1', kind: 'payment', paymentId: null, reference: 'pay_unknown' }
    for (let times = 0; times < 3; times++) expect((await send(notice)).body).toEqual({ received: true })
    expect(await kept('evt_1')).toBe(1)
  })

  it('is not kept when it does not verify, or is nobody’s', async () => {
    const notice = { eventId: 'evt_2', kind: 'payment', paymentId: null, reference: null }
    expect(await send(notice, { secret: 'guessed' })).toMatchObject({ status: 401 })
    expect(slugOf(await send(notice, { of: other }))).toBe('not-found')
    expect(slugOf(await send(notice, { provider: 'none' }))).toBe('not-found')
    expect(await kept('evt_2')).toBe(0)
  })
})
