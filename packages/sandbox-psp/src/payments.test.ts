import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SandboxPsp } from './start-sandbox-psp.ts'
import { Shop } from './testing/shop.ts'

let psp: SandboxPsp
let shop: Shop

beforeAll(async () => {
  psp = await SandboxPsp.start()
  shop = await Shop.open(psp)
})

afterAll(async () => {
  await shop.close()
  await psp.close()
})

describe('a charge', () => {
  test('is authorized and captured at once', async () => {
    const payment = await shop.paid({ amount: 2599 })
    expect(payment).toMatchObject({ status: 'captured', authorized: 2599, captured: 2599, currency: 'EUR', card: { last4: '4242' } })
    expect(await shop.journal(payment.payment_id)).toMatchObject({ net: 2599, operations: [{ kind: 'capture', amount: 2599 }] })
  })

  test('is made once for a key, however often and at the same time it is asked for', async () => {
    const paymentId = randomUUID()
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.authorize({ payment_id: paymentId })))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1)
    expect(await psp.control.journal({ account: shop.id, paymentId })).toHaveLength(1)
    expect(await shop.journal(paymentId)).toMatchObject({ net: 1000, operations: [{ kind: 'capture' }] })
  })

  test('is refused when its key came with another request, and when its payment id came with another key', async () => {
    const { payment_id: paymentId } = await shop.paid()
    expect(await shop.authorize({ payment_id: paymentId, amount: 1 })).toMatchObject({
      status: 422,
      body: { error: { code: 'idempotency_key_reused' } },
    })
    expect(await shop.authorize({ payment_id: paymentId }, randomUUID())).toMatchObject({
      status: 409,
      body: { error: { code: 'payment_exists' } },
    })
    expect(await shop.journal(paymentId)).toMatchObject({ net: 1000 })
  })

  test.each([
    ['tok_insufficient_funds', 'insufficient_funds'],
    ['tok_card_declined', 'card_declined'],
    ['tok_expired_card', 'expired_card'],
    ['tok_incorrect_cvc', 'incorrect_cvc'],
    ['tok_fraud', 'fraud'],
    ['tok_processing_error', 'processing_error'],
  ])('with %s is declined with %s, the same way again', async (token, code) => {
    const paymentId = randomUUID()
    const declined = await shop.authorize({ payment_id: paymentId, token })
    expect(declined).toMatchObject({ status: 402, body: { error: { type: 'declined', code }, payment: { status: 'declined' } } })
    expect((await shop.authorize({ payment_id: paymentId, token })).body).toEqual(declined.body)
    expect(await shop.journal(paymentId)).toMatchObject({ authorized: 0, net: 0, operations: [] })
  })

  test.each([
    { amount: 0 },
    { amount: -1 },
    { amount: 10.5 },
    { amount: '10' },
    { amount: 1_000_000_000_001 },
    { currency: 'eur' },
    { token: 'tok_of_nobody' },
    { token: null },
    { saved_method: 'method_1' },
    { save_method: true },
    { return_url: 'javascript:alert(1)' },
    { mystery: 1 },
  ])('with %j is answered 400 and not made', async (wrong) => {
    const paymentId = randomUUID()
    expect(await shop.authorize({ payment_id: paymentId, ...wrong })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request' } },
    })
    expect(await shop.journal(paymentId)).toBeUndefined()
  })

  test('is found by our id and by its key, and by no other account', async () => {
    const payment = await shop.paid()
    expect((await shop.call('GET', `/v1/payments?payment_id=${payment.payment_id}`)).body).toEqual(payment)
    expect((await shop.call('GET', `/v1/operations/${payment.payment_id}`)).body).toMatchObject({
      kind: 'authorize',
      status: 201,
      body: payment,
    })
    const other = await Shop.open(psp)
    for (const path of [
      `/v1/payments/${payment.id}`,
      `/v1/payments?payment_id=${payment.payment_id}`,
      `/v1/operations/${payment.payment_id}`,
    ])
      expect((await other.call('GET', path)).status, path).toBe(404)
    expect((await other.operate(payment.id, 'refunds', { amount: 1, currency: 'EUR' })).status).toBe(404)
    await other.close()
  })
})

describe('an authorization', () => {
  test('is captured in parts, never above what is open, and a final capture lets go of the rest', async () => {
    const { id, payment_id: paymentId } = await shop.paid({ capture: 'later' })
    const part = await shop.operate(id, 'captures', { amount: 300, currency: 'EUR' })
    expect(part).toMatchObject({ status: 201, body: { kind: 'capture', amount: 300, payment: { status: 'part_captured', captured: 300 } } })
    expect(await shop.operate(id, 'captures', { amount: 701, currency: 'EUR' })).toMatchObject({
      status: 409,
      body: { error: { type: 'refused', code: 'amount_too_large' } },
    })
    await shop.operate(id, 'captures', { amount: 500, currency: 'EUR', final: true })
    expect(await shop.journal(paymentId)).toMatchObject({ status: 'captured', captured: 800, voided: 200, net: 800 })
    expect(await shop.operate(id, 'captures', { amount: 1, currency: 'EUR' })).toMatchObject({
      status: 409,
      body: { error: { code: 'nothing_to_capture' } },
    })
  })

  test('is captured once for a key', async () => {
    const { id, payment_id: paymentId } = await shop.paid({ capture: 'later' })
    const key = randomUUID()
    const answers = await Promise.all(Array.from({ length: 10 }, () => shop.operate(id, 'captures', { amount: 400, currency: 'EUR' }, key)))
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
    expect(await shop.journal(paymentId)).toMatchObject({ captured: 400 })
  })

  test('is captured by one of many who want all of it', async () => {
    const { id, payment_id: paymentId } = await shop.paid({ capture: 'later' })
    const answers = await Promise.all(Array.from({ length: 10 }, () => shop.operate(id, 'captures', { amount: 1000, currency: 'EUR' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 9 }, () => 409)])
    expect(await shop.journal(paymentId)).toMatchObject({ captured: 1000, net: 1000 })
  })

  test('is let go, and then cannot be captured; a refused operation stays refused', async () => {
    const { id, payment_id: paymentId } = await shop.paid({ capture: 'later' })
    expect((await shop.operate(id, 'void')).body).toMatchObject({ kind: 'void', amount: 1000, payment: { status: 'voided' } })
    const key = randomUUID()
    for (let time = 0; time < 2; time++)
      expect((await shop.operate(id, 'captures', { amount: 1000, currency: 'EUR' }, key)).body.error).toMatchObject({
        code: 'nothing_to_capture',
      })
    expect(await shop.journal(paymentId)).toMatchObject({ voided: 1000, net: 0 })
  })

  test('expires', async () => {
    const { id, payment_id: paymentId } = await shop.paid({ capture: 'later' })
    await psp.control.expireAuthorization(paymentId)
    expect((await shop.operate(id, 'captures', { amount: 1000, currency: 'EUR' })).status).toBe(409)
    expect(await shop.journal(paymentId)).toMatchObject({ status: 'expired', voided: 1000, net: 0 })
  })
})

describe('a refund', () => {
  test('is never above what was captured, asked for by many at once', async () => {
    const { id, payment_id: paymentId } = await shop.paid()
    const answers = await Promise.all(Array.from({ length: 10 }, () => shop.operate(id, 'refunds', { amount: 300, currency: 'EUR' })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3)
    expect(await shop.journal(paymentId)).toMatchObject({ refunded: 900, net: 100 })
  })

  test('in another currency is refused, and one of what is only authorized', async () => {
    const { id } = await shop.paid()
    expect((await shop.operate(id, 'refunds', { amount: 1, currency: 'USD' })).body.error).toMatchObject({ code: 'currency_mismatch' })
    const later = await shop.paid({ capture: 'later' })
    expect((await shop.operate(later.id, 'refunds', { amount: 1, currency: 'EUR' })).body.error).toMatchObject({
      code: 'nothing_to_refund',
    })
  })
})

describe('a saved method', () => {
  const saving = { save_method: true, customer: 'ada' }

  test('pays again without the buyer, for its customer alone', async () => {
    const { saved_method: method } = await shop.paid(saving)
    expect(await shop.paid({ token: null, saved_method: method, customer: 'ada', off_session: true })).toMatchObject({
      status: 'captured',
      saved_method: method,
    })
    expect((await shop.authorize({ token: null, saved_method: method, customer: 'bob' })).status).toBe(400)
    expect((await shop.call('GET', '/v1/saved-methods?customer=ada')).body.data).toContainEqual({
      id: method,
      state: 'usable',
      brand: 'visa',
      last4: '4242',
    })
  })

  test('that has expired or was removed is declined', async () => {
    const expiring = await shop.paid({ ...saving, token: 'tok_expires' })
    const removed = await shop.paid(saving)
    expect((await shop.call('DELETE', `/v1/saved-methods/${removed.saved_method}`)).status).toBe(200)
    const codes = []
    for (const { saved_method: method } of [expiring, removed])
      codes.push((await shop.authorize({ token: null, saved_method: method, customer: 'ada' })).body.error.code)
    expect(codes).toEqual(['expired_card', 'method_unavailable'])
  })

  test('that needs its buyer is declined off session', async () => {
    const { saved_method: method } = await shop.paid({ ...saving, token: 'tok_buyer_needed' })
    const declined = await shop.authorize({ token: null, saved_method: method, customer: 'ada', off_session: true })
    expect(declined).toMatchObject({ status: 402, body: { error: { code: 'authentication_required' } } })
  })
})

describe('a payment that its buyer has to approve', () => {
  const asking = { token: 'tok_3ds_required', return_url: 'https://shop.example/back?cart=1' }

  test('is made when they approve on the page, who are sent back to the shop', async () => {
    const payment = await shop.paid(asking)
    expect(payment).toMatchObject({ status: 'requires_action', authorized: 0, action: { type: 'redirect' } })
    const page = await fetch(payment.action!.url)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain('Tea &amp; &lt;Co&gt; asks for <strong>1000 EUR')
    const sent = await visit(payment.action!.url, 'approve')
    expect([sent.status, sent.headers.get('location')]).toEqual([
      303,
      `https://shop.example/back?cart=1&payment_id=${payment.payment_id}&result=approved`,
    ])
    expect(await shop.journal(payment.payment_id)).toMatchObject({ status: 'captured', net: 1000 })
    await visit(payment.action!.url, 'refuse')
    expect(await shop.journal(payment.payment_id)).toMatchObject({ status: 'captured', net: 1000 })
  })

  test('is declined when they refuse, and when the bank does after they approved', async () => {
    const refused = await shop.paid(asking)
    expect((await visit(refused.action!.url, 'refuse')).headers.get('location')).toContain('result=refused')
    const declined = await shop.paid({ ...asking, token: 'tok_3ds_then_declined' })
    await psp.control.answerAction(declined.payment_id, true)
    const codes = await Promise.all(
      [refused, declined].map(async ({ id }) => (await shop.call('GET', `/v1/payments/${id}`)).body.decline.code),
    )
    expect(codes).toEqual(['authentication_failed', 'card_declined'])
  })

  test('is given up by a void, and then cannot be approved', async () => {
    const payment = await shop.paid(asking)
    expect((await shop.operate(payment.id, 'void')).body).toMatchObject({ kind: 'void', amount: 0 })
    await visit(payment.action!.url, 'approve')
    expect(await shop.journal(payment.payment_id)).toMatchObject({ status: 'voided', net: 0, authorized: 0 })
  })
})

test('an account reads what was taken and given back, and when', async () => {
  const own = await Shop.open(psp)
  const first = await own.paid({ amount: 500 })
  const { at } = (await own.journal(first.payment_id))!.operations[0]!
  await own.operate(first.id, 'refunds', { amount: 200, currency: 'EUR' })
  await own.operate((await own.paid({ capture: 'later' })).id, 'void')
  const statement = async (from: string, until: string) => (await own.call('GET', `/v1/movements?from=${from}&until=${until}`)).body.data
  const of = { payment_id: first.payment_id, currency: 'EUR' }
  expect(await statement(at, '2999-01-01T00:00:00.000Z')).toMatchObject([
    { kind: 'capture', amount: 500, at, ...of },
    { kind: 'refund', amount: 200, ...of },
  ])
  expect(await statement('2000-01-01T00:00:00.000Z', at)).toEqual([])
  expect((await own.call('GET', '/v1/movements?from=today')).status).toBe(400)
  await own.close()
})

test('a payment in process ends well or badly later', async () => {
  const good = await shop.paid({ token: 'tok_processing' })
  const bad = await shop.paid({ token: 'tok_processing_then_declined' })
  expect([good.status, bad.status]).toEqual(['processing', 'processing'])
  await expect.poll(() => shop.journal(good.payment_id)).toMatchObject({ status: 'captured', net: 1000 })
  await expect.poll(() => shop.journal(bad.payment_id)).toMatchObject({ status: 'declined', net: 0 })
})

test('a dispute holds money back, which comes back when it is won', async () => {
  const payment = await shop.paid()
  const dispute = await psp.control.openDispute(payment.payment_id, 600)
  expect((await shop.operate(payment.id, 'refunds', { amount: 500, currency: 'EUR' })).status).toBe(409)
  expect((await shop.call('GET', `/v1/disputes/${dispute.id}`)).body).toMatchObject({ status: 'open', amount: 600 })
  await psp.control.closeDispute(dispute.id, 'won')
  expect((await shop.operate(payment.id, 'refunds', { amount: 500, currency: 'EUR' })).status).toBe(201)
  const disputed = await shop.paid({ token: 'tok_disputed' })
  expect(await shop.journal(disputed.payment_id)).toMatchObject({ disputed: 1000, net: 1000 })
})

function visit(url: string, answer: string): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams({ answer }), redirect: 'manual' })
}
