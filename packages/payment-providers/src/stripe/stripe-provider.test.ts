import type { Outcome, ProviderAccount } from '@souk/core/payments/provider.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accountWith, amountAsk, authorization, captureAsk, voidAsk } from '../testing/asks.ts'
import { StripeStandIn } from '../testing/stripe-stand-in.ts'
import { StripeProvider } from './stripe-provider.ts'

let stripe: StripeStandIn
let provider: StripeProvider
let account: ProviderAccount

beforeAll(async () => {
  stripe = await StripeStandIn.start()
  provider = new StripeProvider([stripe.url])
  account = accountWith('stripe', { secret_key: stripe.secretKey, callback_secret: 'whsec_x' })
})

afterAll(() => stripe.close())

beforeEach(() => {
  stripe.requests.length = 0
  stripe.faults.length = 0
  stripe.books.refundStatus = 'succeeded'
})

const authorize = (special = {}) => provider.authorize(account, authorization({ token: 'pm_card_visa', ...special }))
const find = (paymentId: string, reference: string | null = null) => provider.find(account, { paymentId, reference })

async function authorizedLater(): Promise<{ paymentId: string; reference: string }> {
  const ask = authorization({ token: 'pm_card_visa', capture: 'later' })
  return { paymentId: ask.paymentId, reference: referenceOf(await provider.authorize(account, ask)) }
}

describe('asking for the money', () => {
  test('confirms a payment intent under our id, in Stripe`s form', async () => {
    const ask = authorization({ token: 'pm_card_visa', returnUrl: 'https://shop.example/back' })
    expect(await provider.authorize(account, ask)).toEqual({
      kind: 'authorized',
      reference: expect.stringMatching(/^pi_/),
      authorized: 1000n,
      captured: 1000n,
      currency: 'EUR',
      method: { type: 'card', brand: 'visa', last4: '4242', expiryMonth: 12, expiryYear: 2039, savedReference: null },
    })
    const [request] = stripe.asked('POST', /payment_intents$/)
    expect(request!.form).toMatchObject({
      amount: '1000',
      currency: 'eur',
      confirm: 'true',
      capture_method: 'automatic',
      payment_method: 'pm_card_visa',
      return_url: 'https://shop.example/back',
      metadata: { souk_payment_id: ask.paymentId, souk_order_id: ask.orderId },
    })
    expect(request!.headers).toMatchObject({ 'idempotency-key': ask.paymentId, 'stripe-version': '2026-10-28.endive' })
    expect(request!.headers['content-type']).toContain('application/x-www-form-urlencoded')
    expect(request!.headers['x-stripe-client-telemetry']).toBeUndefined()
  })

  test('twice under one id takes it once', async () => {
    const ask = authorization({ token: 'pm_card_visa' })
    expect(await provider.authorize(account, ask)).toEqual(await provider.authorize(account, ask))
    expect(stripe.books.intents.filter(({ metadata }) => metadata.souk_payment_id === ask.paymentId)).toHaveLength(1)
  })

  test('under one id with another amount is not known: the first may stand', async () => {
    const ask = authorization({ token: 'pm_card_visa' })
    await provider.authorize(account, ask)
    expect(await provider.authorize(account, { ...ask, amount: 5n })).toEqual({ kind: 'unknown', detail: 'StripeIdempotencyError 400' })
  })

  test('takes older clients` tokens', async () => {
    expect(await authorize({ token: 'tok_visa' })).toMatchObject({ kind: 'authorized' })
    expect(stripe.requests[0]!.form).toMatchObject({ payment_method_data: { type: 'card', card: { token: 'tok_visa' } } })
  })

  test.each([
    ['pm_card_chargeDeclinedInsufficientFunds', 'insufficient_funds'],
    ['pm_card_chargeDeclinedFraudulent', 'fraud_suspected'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card'],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc'],
    ['pm_of_nobody', 'method_unavailable'],
  ])('with %s is declined: %s, and found so again', async (token, code) => {
    const ask = authorization({ token })
    const declined = await provider.authorize(account, ask)
    expect(declined).toMatchObject({ kind: 'declined', code })
    expect(await find(ask.paymentId)).toMatchObject(token === 'pm_of_nobody' ? { kind: 'absent' } : { kind: 'declined', code })
  })

  test('leads the buyer to their bank, and ends as they answer', async () => {
    const asks = [true, false].map(() => authorization({ token: 'pm_card_authenticationRequired', returnUrl: 'https://shop.example/' }))
    for (const ask of asks)
      expect(await provider.authorize(account, ask)).toMatchObject({
        kind: 'action_required',
        action: { type: 'redirect', url: expect.stringContaining('3d_secure') },
      })
    for (const [index, ask] of asks.entries()) stripe.books.authenticate(stripe.books.intentOf(ask.paymentId)!, index === 0)
    expect(await find(asks[0]!.paymentId)).toMatchObject({ kind: 'authorized', captured: 1000n })
    expect(await find(asks[1]!.paymentId)).toMatchObject({ kind: 'declined', code: 'authentication_failed' })
  })

  test('without an address to come back to gives the browser a secret', async () => {
    expect(await authorize({ token: 'pm_card_authenticationRequired' })).toMatchObject({
      action: { type: 'client', client_secret: expect.stringContaining('_secret_') },
    })
  })

  test('without a method leaves all of it to the browser, where another card may follow a failed one', async () => {
    const ask = authorization()
    expect(await provider.authorize(account, ask)).toMatchObject({ kind: 'action_required', action: { type: 'client' } })
    expect(stripe.requests[0]!.form).toMatchObject({ automatic_payment_methods: { enabled: 'true' } })
    expect(stripe.requests[0]!.form.confirm).toBeUndefined()
    const intent = stripe.books.intentOf(ask.paymentId)!
    stripe.books.authenticate(intent, false)
    expect(await find(ask.paymentId, intent.id)).toMatchObject({ kind: 'action_required' })
    stripe.books.authenticate(intent, true)
    expect(await find(ask.paymentId, intent.id)).toMatchObject({ kind: 'authorized', captured: 1000n })
  })

  test('keeps a method for its customer and charges it without the buyer', async () => {
    const saving = { save: true, customerReference: '0192-ada' }
    const first = await authorize(saving)
    const second = await authorize(saving)
    expect(stripe.books.customers).toMatchObject([{ metadata: { souk_customer_id: '0192-ada' } }])
    const [one, two] = [first, second].map((outcome) => (outcome.kind === 'authorized' ? outcome.method!.savedReference! : ''))
    expect(one).toMatch(/^cus_\w+\/pm_\w+$/)
    expect(two!.split('/')[0]).toBe(one!.split('/')[0])
    stripe.requests.length = 0
    expect(await authorize({ token: null, savedMethod: one, offSession: true })).toMatchObject({ kind: 'authorized' })
    const [customer, method] = one!.split('/')
    expect(stripe.requests[0]!.form).toMatchObject({ customer, payment_method: method, off_session: 'true', confirm: 'true' })
    expect(await authorize({ token: null, savedMethod: 'pm_without_customer' })).toMatchObject({
      kind: 'declined',
      code: 'invalid_request',
    })
  })

  test('off session is declined when the bank wants the buyer', async () => {
    expect(await authorize({ token: 'pm_card_authenticationRequired', offSession: true })).toMatchObject({
      kind: 'declined',
      code: 'authentication_required',
      reference: expect.stringMatching(/^pi_/),
    })
  })

  test('writes amounts as Stripe counts', async () => {
    await authorize({ amount: 12n, currency: 'ISK' })
    await authorize({ amount: 500n, currency: 'MGA' })
    await authorize({ amount: 10n, currency: 'JPY' })
    expect(stripe.requests.map(({ form }) => [form.amount, form.currency])).toEqual([
      ['1200', 'isk'],
      ['5', 'mga'],
      ['10', 'jpy'],
    ])
    expect(await authorize({ amount: 1234n, currency: 'KWD' })).toMatchObject({ kind: 'declined', code: 'invalid_request' })
    expect(await authorize({ amount: 1230n, currency: 'KWD' })).toMatchObject({ kind: 'authorized', captured: 1230n, currency: 'KWD' })
  })
})

describe('what follows', () => {
  test('captures in parts, each once, and tells what each of them took', async () => {
    const { paymentId, reference } = await authorizedLater()
    const asks = [captureAsk(reference, 300n), captureAsk(reference, 450n), captureAsk(reference, 100n, true)]
    for (const ask of asks)
      expect(await provider.capture(account, ask)).toEqual({ kind: 'captured', reference, amount: ask.amount, currency: 'EUR' })
    for (const { operationId, amount } of asks) {
      expect(await provider.find(account, { paymentId, reference, operation: { kind: 'capture', operationId } })).toMatchObject({
        kind: 'captured',
        amount,
      })
      expect(await provider.capture(account, { operationId, reference, amount, currency: 'EUR', final: true })).toMatchObject({ amount })
    }
    expect(stripe.asked('POST', /capture$/).map(({ form }) => form.final_capture)).toEqual(['false', 'false', undefined])
    expect(stripe.books.intentOf(paymentId)).toMatchObject({ status: 'succeeded', amount_received: 850 })
    expect(await provider.capture(account, captureAsk(reference, 1n))).toMatchObject({
      kind: 'refused',
      code: 'payment_intent_unexpected_state',
    })
  })

  test('refuses a part that is not the last where several captures cannot be had, and takes it as the last', async () => {
    const { paymentId, reference } = await authorizedLater()
    stripe.books.allowsMulticapture = false
    expect(await provider.capture(account, captureAsk(reference, 300n))).toMatchObject({ kind: 'refused', code: 'parameter_unknown' })
    expect(await provider.capture(account, captureAsk(reference, 300n, true))).toMatchObject({ kind: 'captured', amount: 300n })
    stripe.books.allowsMulticapture = true
    expect(await provider.find(account, { paymentId, reference })).toMatchObject({ kind: 'authorized', captured: 300n })
  })

  test('refuses a capture above what is authorized, or in another currency', async () => {
    const { reference } = await authorizedLater()
    expect(await provider.capture(account, captureAsk(reference, 1001n))).toMatchObject({ kind: 'refused', code: 'amount_too_large' })
    expect(await provider.capture(account, { ...captureAsk(reference, 1n), currency: 'USD' })).toMatchObject({
      kind: 'refused',
      code: 'currency_mismatch',
    })
  })

  test('lets an authorization go', async () => {
    const { paymentId, reference } = await authorizedLater()
    const ask = voidAsk(reference)
    const operation = { kind: 'void', operationId: ask.operationId } as const
    expect(await provider.find(account, { paymentId, reference, operation })).toEqual({ kind: 'absent' })
    expect(await provider.void(account, ask)).toEqual({ kind: 'voided', reference, amount: 1000n, currency: 'EUR' })
    expect(await provider.find(account, { paymentId, reference, operation })).toMatchObject({ kind: 'voided', amount: 1000n })
    expect(await find(paymentId, reference)).toMatchObject({ kind: 'voided', amount: 1000n })
    expect(await provider.void(account, voidAsk(reference))).toMatchObject({ kind: 'refused' })
  })

  test('gives up a payment that waits for its buyer, of which nothing was authorized', async () => {
    const ask = authorization({ token: 'pm_card_authenticationRequired' })
    const reference = referenceOf(await provider.authorize(account, ask))
    expect(await provider.void(account, voidAsk(reference))).toMatchObject({ kind: 'voided', amount: 0n })
  })

  test('refunds in parts, each once, never above what was captured', async () => {
    const ask = authorization({ token: 'pm_card_visa' })
    const reference = referenceOf(await provider.authorize(account, ask))
    const refund = amountAsk(reference, 600n)
    for (let time = 0; time < 2; time++)
      expect(await provider.refund(account, refund)).toEqual({ kind: 'refunded', reference, amount: 600n, currency: 'EUR' })
    expect(await provider.refund(account, amountAsk(reference, 401n))).toMatchObject({ kind: 'refused', code: 'charge_already_refunded' })
    expect(stripe.books.refunds.filter((one) => one.payment_intent === reference)).toHaveLength(1)
    const looked = (operationId: string) =>
      provider.find(account, { paymentId: ask.paymentId, reference: null, operation: { kind: 'refund', operationId } })
    expect(await looked(refund.operationId)).toMatchObject({ kind: 'refunded', amount: 600n })
    expect(await looked('another')).toEqual({ kind: 'absent' })
  })

  test.each([
    ['pending', 'processing'],
    ['failed', 'refused'],
  ])('a refund that is %s is %s', async (status, kind) => {
    stripe.books.refundStatus = status
    const reference = referenceOf(await authorize())
    expect(await provider.refund(account, amountAsk(reference, 1n))).toMatchObject({ kind })
  })

  test('reads the account`s statement', async () => {
    const ask = authorization({ token: 'pm_card_visa' })
    const reference = referenceOf(await provider.authorize(account, ask))
    await provider.refund(account, amountAsk(reference, 70n))
    const lines = await provider.read(account, { from: new Date(0), until: new Date(Date.now() + 60_000) })
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'capture', paymentId: ask.paymentId, amount: 1000n, currency: 'EUR' }))
    expect(lines).toContainEqual(expect.objectContaining({ kind: 'refund', amount: 70n, currency: 'EUR' }))
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(new Set(['capture', 'refund']))
  })
})

describe('when it goes wrong', () => {
  test.each([
    ['the answer is lost', { drop: 'after' }, 'authorized'],
    ['the answer is nonsense', { garbage: true }, 'authorized'],
    ['it answers 500 once it is done', { status: 500, when: 'after' }, 'authorized'],
    ['it answers 503 at once', { status: 503, when: 'before' }, 'absent'],
    ['there are too many requests', { status: 429, when: 'before' }, 'absent'],
    ['the same request is under way', { status: 409, when: 'before' }, 'absent'],
  ] as const)('%s: unknown, and a look-up by our id tells', async (_, fault, truth) => {
    const ask = authorization({ token: 'pm_card_visa' })
    // The library tries a connection that was cut once more by itself, under the same key.
    stripe.faults.push(fault, fault)
    const outcome = await provider.authorize(account, ask)
    stripe.faults.length = 0
    expect(outcome).toMatchObject({ kind: 'unknown' })
    expect(await find(ask.paymentId)).toMatchObject({ kind: truth })
    expect(await provider.authorize(account, ask)).toMatchObject({ kind: 'authorized', captured: 1000n })
    expect(stripe.books.intents.filter(({ metadata }) => metadata.souk_payment_id === ask.paymentId)).toHaveLength(1)
  })

  test('a capture and a refund whose answers are lost are found', async () => {
    const { paymentId, reference } = await authorizedLater()
    const capture = captureAsk(reference, 400n)
    // A capture looks at the payment first.
    stripe.faults.push({ pass: true }, { status: 500, when: 'after' })
    expect(await provider.capture(account, capture)).toMatchObject({ kind: 'unknown' })
    const looked = (kind: 'capture' | 'refund', operationId: string) =>
      provider.find(account, { paymentId, reference, operation: { kind, operationId } })
    expect(await looked('capture', capture.operationId)).toMatchObject({ kind: 'captured', amount: 400n })
    expect(await provider.capture(account, capture)).toMatchObject({ kind: 'captured', amount: 400n })
    const refund = amountAsk(reference, 100n)
    stripe.faults.push({ status: 500, when: 'after' })
    expect(await provider.refund(account, refund)).toMatchObject({ kind: 'unknown' })
    expect(await looked('refund', refund.operationId)).toMatchObject({ kind: 'refunded', amount: 100n })
    expect(stripe.books.intentOf(paymentId)).toMatchObject({ amount_received: 400 })
  })

  test('a payment is looked for on every page of its time, and not called absent when there are more', async () => {
    const ask = authorization({ token: 'pm_card_visa' })
    await provider.authorize(account, ask)
    const other = { ...stripe.books.intents[0]!, metadata: {} }
    stripe.books.intents.push(...Array.from({ length: 250 }, (_, index) => ({ ...other, id: `pi_other${index}` })))
    expect(await find(ask.paymentId)).toMatchObject({ kind: 'authorized' })
    expect(stripe.asked('GET', /payment_intents$/).length).toBeGreaterThan(2)
    stripe.books.intents.push(...Array.from({ length: 1_000 }, (_, index) => ({ ...other, id: `pi_more${index}` })))
    expect(await find(ask.paymentId)).toMatchObject({ kind: 'unknown' })
    stripe.books.intents.length = 0
    expect(await find(ask.paymentId)).toEqual({ kind: 'absent' })
  })

  test('a key that is refused declines, and otherwise tells nothing', async () => {
    const wrong = accountWith('stripe', { secret_key: 'sk_test_wrong' })
    const ask = authorization({ token: 'pm_card_visa' })
    expect(await provider.authorize(wrong, ask)).toMatchObject({ kind: 'declined', code: 'method_unavailable' })
    expect(await provider.find(wrong, { paymentId: ask.paymentId, reference: null })).toMatchObject({ kind: 'unknown' })
    expect(await provider.refund(wrong, amountAsk('pi_1', 1n))).toMatchObject({ kind: 'unknown' })
  })

  test('an account that names another address is not called', async () => {
    expect(
      await provider.authorize({ ...account, apiBase: 'https://stripe.example' }, authorization({ token: 'pm_card_visa' })),
    ).toMatchObject({ kind: 'unknown' })
    expect(stripe.requests).toEqual([])
  })
})

function referenceOf(outcome: Outcome): string {
  if (!('reference' in outcome) || outcome.reference === null) throw new Error(`no reference: ${outcome.kind}`)
  return outcome.reference
}
