import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { Outcome, ProviderAccount } from '@souk/core/payments/provider.ts'
import { SandboxPsp } from '@souk/sandbox-psp/start-sandbox-psp.ts'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { accountWith, amountAsk, authorization, captureAsk, voidAsk } from '../testing/asks.ts'
import { SandboxProvider } from './sandbox-provider.ts'

const PATIENCE_MS = 20_000

let psp: SandboxPsp
let provider: SandboxProvider
let account: ProviderAccount
let accountId: string

beforeAll(async () => {
  psp = await SandboxPsp.start()
  provider = new SandboxProvider([psp.url])
  const opened = await psp.control.openAccount({ name: 'Shop', callback_url: 'http://127.0.0.1:9/nobody' })
  accountId = opened.id
  account = accountWith('sandbox', { api_key: opened.api_key, callback_secret: opened.callback_secret })
})

afterEach(() => psp.control.clearScripts())
afterAll(() => psp.close())

const patient = () => AbortSignal.timeout(PATIENCE_MS)
const authorize = (special = {}) => provider.authorize(account, authorization({ token: 'tok_ok', ...special }), patient())
const find = (paymentId: string) => provider.find(account, { paymentId, reference: null }, patient())
const netOf = async (paymentId: string) => (await psp.control.journal({ account: accountId, paymentId }))[0]?.net

async function authorizedLater(): Promise<{ paymentId: string; reference: string }> {
  const ask = authorization({ token: 'tok_ok', capture: 'later' })
  const outcome = await provider.authorize(account, ask, patient())
  if (outcome.kind !== 'authorized') throw new Error(outcome.kind)
  return { paymentId: ask.paymentId, reference: outcome.reference }
}

describe('asking for the money', () => {
  test('takes it, or only authorizes it', async () => {
    expect(await authorize()).toMatchObject({
      kind: 'authorized',
      authorized: 1000n,
      captured: 1000n,
      currency: 'EUR',
      method: { type: 'card', brand: 'visa', last4: '4242', expiryMonth: 12, expiryYear: 2039, savedReference: null },
    })
    expect(await authorize({ capture: 'later' })).toMatchObject({ kind: 'authorized', authorized: 1000n, captured: 0n })
  })

  test('twice under one id takes it once', async () => {
    const ask = authorization({ token: 'tok_ok' })
    const outcomes = await Promise.all([1, 2, 3].map(() => provider.authorize(account, ask, patient())))
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome, textOfBigint))).size).toBe(1)
    expect(await netOf(ask.paymentId)).toBe(1000)
  })

  test.each([
    ['tok_insufficient_funds', 'insufficient_funds'],
    ['tok_card_declined', 'card_declined'],
    ['tok_expired_card', 'expired_card'],
    ['tok_incorrect_cvc', 'incorrect_cvc'],
    ['tok_fraud', 'fraud_suspected'],
    ['tok_processing_error', 'card_declined'],
    ['tok_nobody_knows', 'invalid_request'],
  ])('with %s is declined: %s', async (token, code) => {
    expect(await authorize({ token })).toMatchObject({ kind: 'declined', code })
  })

  test('leads the buyer to a page, and ends as they answer', async () => {
    const ask = authorization({ token: 'tok_3ds_required', returnUrl: 'https://shop.example/back' })
    expect(await provider.authorize(account, ask, patient())).toMatchObject({
      kind: 'action_required',
      action: { type: 'redirect', url: expect.stringContaining(`${psp.url}/pay/`) },
    })
    await psp.control.answerAction(ask.paymentId, false)
    expect(await find(ask.paymentId)).toMatchObject({ kind: 'declined', code: 'authentication_failed' })
  })

  test('keeps a method and charges it without the buyer', async () => {
    const first = await authorize({ save: true, customerReference: 'ada' })
    const saved = { token: null, savedMethod: first.kind === 'authorized' ? first.method!.savedReference : null }
    expect(await authorize({ ...saved, customerReference: 'ada', offSession: true })).toMatchObject({ kind: 'authorized', captured: 1000n })
    expect(await authorize({ ...saved, customerReference: 'bob' })).toMatchObject({ kind: 'declined', code: 'invalid_request' })
  })

  test('may take its time', async () => {
    const ask = authorization({ token: 'tok_processing' })
    expect(await provider.authorize(account, ask, patient())).toMatchObject({ kind: 'processing' })
    await expect.poll(() => find(ask.paymentId)).toMatchObject({ kind: 'authorized', captured: 1000n })
  })

  test('with a key that is refused is declined, and asked again later it is not known', async () => {
    const wrong = { ...account, secrets: { api_key: 'sk_of_nobody' } }
    const ask = authorization({ token: 'tok_ok' })
    expect(await provider.authorize(wrong, ask, patient())).toMatchObject({ kind: 'declined', code: 'method_unavailable' })
    expect(await provider.find(wrong, { paymentId: ask.paymentId, reference: null }, patient())).toMatchObject({ kind: 'unknown' })
    expect(await provider.refund(wrong, amountAsk('pay_1', 1n), patient())).toMatchObject({ kind: 'unknown' })
  })
})

describe('what follows', () => {
  test('captures in parts, lets the rest go, refunds', async () => {
    const { paymentId, reference } = await authorizedLater()
    expect(await provider.capture(account, captureAsk(reference, 300n), patient())).toEqual({
      kind: 'captured',
      reference,
      amount: 300n,
      currency: 'EUR',
    })
    const final = captureAsk(reference, 500n, true)
    expect(await provider.capture(account, final, patient())).toMatchObject({ kind: 'captured', amount: 500n })
    expect(await provider.capture(account, final, patient())).toMatchObject({ kind: 'captured', amount: 500n })
    expect(await provider.refund(account, amountAsk(reference, 801n), patient())).toMatchObject({
      kind: 'refused',
      code: 'amount_too_large',
    })
    expect(await provider.refund(account, amountAsk(reference, 100n), patient())).toMatchObject({ kind: 'refunded', amount: 100n })
    expect(await find(paymentId)).toMatchObject({ kind: 'authorized', authorized: 1000n, captured: 800n })
    expect(await netOf(paymentId)).toBe(700)
  })

  test('lets an authorization go, and gives up one that waits for its buyer', async () => {
    const { paymentId, reference } = await authorizedLater()
    expect(await provider.void(account, voidAsk(reference), patient())).toMatchObject({ kind: 'voided', amount: 1000n })
    expect(await find(paymentId)).toMatchObject({ kind: 'voided', amount: 1000n })
    const waiting = await authorize({ token: 'tok_3ds_required' })
    if (waiting.kind !== 'action_required') throw new Error(waiting.kind)
    expect(await provider.void(account, voidAsk(waiting.reference), patient())).toMatchObject({ kind: 'voided', amount: 0n })
    expect(await provider.void(account, voidAsk(waiting.reference), patient())).toMatchObject({ kind: 'refused' })
  })

  test('finds each operation by its id, and says when there was none', async () => {
    const { paymentId, reference } = await authorizedLater()
    const capture = captureAsk(reference, 1000n)
    const refused = amountAsk(reference, 5000n)
    const looked = (kind: 'capture' | 'refund' | 'void', operationId: string) =>
      provider.find(account, { paymentId, reference, operation: { kind, operationId } }, patient())
    expect(await looked('capture', capture.operationId)).toEqual({ kind: 'absent' })
    await provider.capture(account, capture, patient())
    await provider.refund(account, refused, patient())
    expect(await looked('capture', capture.operationId)).toMatchObject({ kind: 'captured', amount: 1000n })
    expect(await looked('refund', refused.operationId)).toMatchObject({ kind: 'refused', code: 'amount_too_large' })
    expect(await looked('refund', capture.operationId)).toMatchObject({ kind: 'unknown' })
    expect(await find(randomUUID())).toEqual({ kind: 'absent' })
  })

  test('reads the account`s statement', async () => {
    const from = new Date()
    const { paymentId, reference } = await authorizedLater()
    await provider.capture(account, captureAsk(reference, 600n, true), patient())
    await provider.refund(account, amountAsk(reference, 50n), patient())
    const lines = await provider.read(account, { from, until: new Date(Date.now() + 60_000) }, patient())
    expect(lines.filter((line) => line.paymentId === paymentId)).toMatchObject([
      { kind: 'capture', amount: 600n, currency: 'EUR' },
      { kind: 'refund', amount: 50n, currency: 'EUR' },
    ])
    await psp.control.addScript({ on: ['lookup'], times: 1, fault: { kind: 'error' } })
    await expect(provider.read(account, { from, until: from }, patient())).rejects.toThrow('500')
  })
})

describe('when it goes wrong', () => {
  test.each([
    ['it charges and drops the answer', { kind: 'drop', when: 'after' }, 'authorized'],
    ['it charges and answers 500', { kind: 'error', when: 'after' }, 'authorized'],
    ['it charges and answers nonsense', { kind: 'garbage' }, 'authorized'],
    ['it drops the request', { kind: 'drop', when: 'before' }, 'absent'],
    ['it answers 503 at once', { kind: 'error', status: 503, when: 'before' }, 'absent'],
  ] as const)('%s: unknown, and a look-up tells', async (_, fault, truth) => {
    await psp.control.addScript({ account: accountId, times: 1, fault })
    const ask = authorization({ token: 'tok_ok' })
    expect(await provider.authorize(account, ask, patient())).toMatchObject({ kind: 'unknown' })
    expect(await find(ask.paymentId)).toMatchObject({ kind: truth })
    expect(await provider.authorize(account, ask, patient())).toMatchObject({ kind: 'authorized', captured: 1000n })
    expect(await netOf(ask.paymentId)).toBe(1000)
  })

  test('it is slower than the deadline: unknown, and charged all the same', async () => {
    await psp.control.addScript({ account: accountId, times: 1, fault: { kind: 'slow', ms: 400, when: 'before' } })
    const ask = authorization({ token: 'tok_ok' })
    expect(await provider.authorize(account, ask, AbortSignal.timeout(100))).toMatchObject({ kind: 'unknown' })
    await expect.poll(() => find(ask.paymentId)).toMatchObject({ kind: 'authorized', captured: 1000n })
  })

  test('it answers twice: no answer is taken for that to another question', async () => {
    await psp.control.addScript({ account: accountId, on: ['authorize', 'lookup'], fault: { kind: 'answer_twice' } })
    for (let round = 0; round < 20; round++) {
      const asks = [authorization({ token: 'tok_ok', amount: 1n }), authorization({ token: 'tok_ok', amount: 2n })]
      for (const ask of asks) expect(isAbout(await provider.authorize(account, ask, patient()), ask.amount)).toBe(true)
      for (const ask of asks) expect(isAbout(await find(ask.paymentId), ask.amount)).toBe(true)
    }
  })

  test('it lies: what it says is passed on as it says it', async () => {
    await psp.control.addScript({ account: accountId, times: 1, fault: { kind: 'lie', amount: 1, currency: 'USD' } })
    const ask = authorization({ token: 'tok_ok' })
    const lie = { kind: 'authorized', captured: 1n, currency: 'USD' }
    expect(await provider.authorize(account, ask, patient())).toMatchObject(lie)
    expect(await find(ask.paymentId)).toMatchObject(lie)
  })

  test('it is down, or answers as something else would: unknown', async () => {
    const other = createServer((_, response) =>
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"detail":"nothing here"}'),
    )
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(other.address() as { port: number }).port}`
    const elsewhere = new SandboxProvider([url])
    const ask = authorization({ token: 'tok_ok' })
    const asked = () =>
      Promise.all([
        elsewhere.authorize(account, ask, patient()),
        elsewhere.find(account, { paymentId: ask.paymentId, reference: null }, patient()),
        elsewhere.find(account, { paymentId: ask.paymentId, reference: null, operation: { kind: 'void', operationId: 'o' } }, patient()),
        elsewhere.capture(account, captureAsk('pay_1', 1n), patient()),
      ])
    for (const outcome of await asked()) expect(outcome.kind).toBe('unknown')
    other.closeAllConnections()
    await new Promise((resolve) => other.close(resolve))
    for (const outcome of await asked()) expect(outcome.kind).toBe('unknown')
  })

  test('an account that names another address is not called', async () => {
    const outcome = await provider.authorize(
      { ...account, apiBase: 'http://169.254.169.254' },
      authorization({ token: 'tok_ok' }),
      patient(),
    )
    expect(outcome).toEqual({ kind: 'unknown', detail: "the account's address is none of sandbox's" })
  })
})

describe('callbacks', () => {
  const now = new Date()
  const payment = { id: 'pay_1', payment_id: 'our-id' }
  const dispute = { id: 'dispute_1', status: 'open', amount: 5, currency: 'EUR', reason: 'fraudulent', due_by: '2027-01-01T00:00:00.000Z' }

  function signed(type: string, more: object = {}, secret = account.secrets.callback_secret!, at = now) {
    const rawBody = JSON.stringify({ id: 'evt_1', type, created_at: at.toISOString(), data: { payment, dispute: null, ...more } })
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign('evt_1', at, rawBody),
    }
    return { rawBody, headers }
  }

  test('are read when others have signed them', () => {
    const of = { eventId: 'evt_1', paymentId: 'our-id', reference: 'pay_1' }
    expect(provider.readCallback(account, signed('payment.captured'), now)).toEqual({ ...of, kind: 'payment' })
    expect(provider.readCallback(account, signed('payment.refunded'), now)).toEqual({ ...of, kind: 'refund' })
    expect(provider.readCallback(account, signed('dispute.opened', { dispute }), now)).toEqual({
      ...of,
      kind: 'dispute',
      dispute: {
        reference: 'dispute_1',
        status: 'opened',
        amount: 5n,
        currency: 'EUR',
        reason: 'fraudulent',
        dueBy: new Date('2027-01-01'),
      },
    })
  })

  test('with several signatures are read when one fits', () => {
    const { rawBody, headers } = signed('payment.captured')
    const two = { ...headers, 'webhook-signature': `v1,AAAA ${headers['webhook-signature']}` }
    expect(provider.readCallback(account, { rawBody, headers: two }, now)).toBeDefined()
  })

  test('are not read when anything is wrong with them', () => {
    const good = signed('payment.captured')
    const foreign = signed('payment.captured', {}, `whsec_${Buffer.from('another secret of that length').toString('base64')}`)
    const without = (name: string) => ({
      ...good,
      headers: Object.fromEntries(Object.entries(good.headers).filter(([key]) => key !== name)),
    })
    const wrong = [
      foreign,
      { ...good, rawBody: good.rawBody.replace('our-id', 'your-id') },
      { ...good, headers: { ...good.headers, 'webhook-id': 'evt_2' } },
      { ...good, headers: { ...good.headers, 'webhook-signature': 'v2,AAAA' } },
      { ...good, headers: { ...good.headers, 'webhook-timestamp': '1e9' } },
      without('webhook-signature'),
      without('webhook-timestamp'),
      without('webhook-id'),
      signed('payment.captured', { payment: {} }),
    ]
    for (const callback of wrong) expect(provider.readCallback(account, callback, now)).toBeUndefined()
    for (const minutes of [-6, 6]) expect(provider.readCallback(account, good, new Date(now.getTime() + minutes * 60_000))).toBeUndefined()
    expect(provider.readCallback({ ...account, secrets: {} }, good, now)).toBeUndefined()
  })
})

/** An answer to this question, or none. */
function isAbout(outcome: Outcome, amount: bigint): boolean {
  return outcome.kind === 'authorized' ? outcome.captured === amount : outcome.kind === 'unknown'
}

function textOfBigint(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
