import { expect, test } from 'vitest'
import { accountWith } from '../testing/asks.ts'
import { signedEvent } from '../testing/stripe-stand-in.ts'
import { StripeProvider } from './stripe-provider.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const SECRET = 'whsec_of_the_endpoint'

const provider = new StripeProvider(['https://api.stripe.com'])
const account = accountWith('stripe', { secret_key: 'sk_test_x', callback_secret: SECRET })
const read = (type: string, object: object) => provider.readCallback(account, signedEvent(SECRET, type, object, NOW), NOW)

const intent = { id: 'pi_1', object: 'payment_intent', metadata: { souk_payment_id: 'our-id' } }
const dispute = {
  id: 'dp_1',
  object: 'dispute',
  amount: 1200,
  currency: 'isk',
  reason: 'fraudulent',
  status: 'needs_response',
  payment_intent: 'pi_1',
  balance_transactions: [{ amount: -1200 }],
  evidence_details: { due_by: 1_800_000_000 },
}

test('an event about a payment wakes it up by our id and by Stripe`s', () => {
  expect(read('payment_intent.succeeded', intent)).toEqual({
    eventId: expect.stringMatching(/^evt_/),
    kind: 'payment',
    paymentId: 'our-id',
    reference: 'pi_1',
  })
  expect(read('payment_intent.succeeded', { ...intent, metadata: {} })).toMatchObject({ paymentId: null, reference: 'pi_1' })
})

test.each([
  ['refund.updated', { id: 're_1', object: 'refund', payment_intent: 'pi_1' }],
  ['refund.failed', { id: 're_1', object: 'refund', payment_intent: { id: 'pi_1' } }],
  ['charge.refunded', { id: 'ch_1', object: 'charge', payment_intent: 'pi_1' }],
])('%s is about a refund', (type, object) => {
  expect(read(type, object)).toMatchObject({ kind: 'refund', reference: 'pi_1' })
})

test.each([
  ['charge.dispute.created', 'needs_response', 'opened'],
  ['charge.dispute.updated', 'under_review', 'opened'],
  ['charge.dispute.closed', 'won', 'won'],
  ['charge.dispute.closed', 'lost', 'lost'],
  ['charge.dispute.updated', 'appeal_under_review', 'lost'],
  ['charge.dispute.closed', 'prevented', 'lost'],
])('%s with status %s is a dispute that is %s', (type, status, said) => {
  const told = { reference: 'dp_1', status: said, amount: 12n, currency: 'ISK', reason: 'fraudulent', dueBy: new Date(1_800_000_000_000) }
  expect(read(type, { ...dispute, status })).toMatchObject({ kind: 'dispute', reference: 'pi_1', dispute: told })
})

test('an inquiry, which takes no money, and events of no use are acknowledged and no more', () => {
  const nothing = { kind: 'other', paymentId: null, reference: null }
  expect(read('charge.dispute.created', { ...dispute, status: 'warning_needs_response' })).toMatchObject(nothing)
  expect(read('charge.dispute.created', { ...dispute, status: 'prevented', balance_transactions: [] })).toMatchObject(nothing)
  expect(read('payout.paid', { id: 'po_1', object: 'payout' })).toMatchObject(nothing)
})

test('an event that is not signed just so is not read', () => {
  const good = signedEvent(SECRET, 'payment_intent.succeeded', intent, NOW)
  const changed = { ...good, rawBody: good.rawBody.replace('our-id', 'your-id') }
  const foreign = signedEvent('whsec_of_another', 'payment_intent.succeeded', intent, NOW)
  for (const callback of [changed, foreign, { ...good, headers: {} }, { ...good, headers: { 'stripe-signature': 't=1' } }])
    expect(provider.readCallback(account, callback, NOW)).toBeUndefined()
  for (const minutes of [-6, 6]) expect(provider.readCallback(account, good, new Date(NOW.getTime() + minutes * 60_000))).toBeUndefined()
  const unsigned = signedEvent('', 'payment_intent.succeeded', intent, NOW)
  expect(provider.readCallback(accountWith('stripe', { secret_key: 'sk_test_x' }), unsigned, NOW)).toBeUndefined()
})
