import type { FindAsk, Outcome } from '@souk/core/payments/provider.ts'
import type Stripe from 'stripe'
import { captureOutcomeOf } from './stripe-captures.ts'
import { EXPANDED, intentOutcome, OPERATION_ID, PAYMENT_ID, releasedOf } from './stripe-outcomes.ts'
import { refundOutcome } from './stripe-refunds.ts'

const BEFORE_MS = 10 * 60_000
// As long as Stripe remembers an idempotency key at least: no later call can have made the payment.
const AFTER_MS = 25 * 3_600_000
const PAGE = 100
const PAYMENTS_SEEN_MAX = 1_000

/** What became of a payment or of one of its operations, by our ids. Asks only; changes nothing. */
export async function findByOurIds(stripe: Stripe, { paymentId, reference, operation }: FindAsk): Promise<Outcome> {
  if (operation?.kind === 'refund' && reference !== null) return findRefund(stripe, reference, operation.operationId)
  const intent = await findIntent(stripe, paymentId, reference)
  if (intent === 'unseen') return { kind: 'unknown', detail: 'too many payments of that time to look through' }
  if (intent === undefined) return { kind: 'absent' }
  if (operation === undefined) return intentOutcome(intent)
  if (operation.kind === 'capture') return captureOutcomeOf(intent, operation.operationId) ?? { kind: 'absent' }
  return operation.kind === 'void' ? voidOutcome(intent) : findRefund(stripe, intent.id, operation.operationId)
}

/** What a void has come to, which Stripe keeps as the state of the payment. */
export function voidOutcome(intent: Stripe.PaymentIntent): Outcome {
  const released = intent.amount - intent.amount_received
  if (intent.status === 'canceled' || (intent.status === 'succeeded' && released > 0))
    return { kind: 'voided', reference: intent.id, ...releasedOf(intent) }
  if (intent.status === 'succeeded') return { kind: 'refused', code: 'nothing_to_void', message: 'All of the payment was captured.' }
  return { kind: 'absent' }
}

/**
 * Without Stripe's own id, which is lost with a lost answer, the payments of those hours are looked through: our ids tell when
 * they were made. Stripe's search by metadata would be shorter, but lags behind by a minute or more, and a payment that is
 * there must never be called absent.
 */
async function findIntent(
  stripe: Stripe,
  paymentId: string,
  reference: string | null,
): Promise<Stripe.PaymentIntent | 'unseen' | undefined> {
  if (reference !== null) return stripe.paymentIntents.retrieve(reference, { expand: EXPANDED })
  const madeAt = millisecondsOf(paymentId)
  const created = { gte: Math.floor((madeAt - BEFORE_MS) / 1000), lte: Math.floor((madeAt + AFTER_MS) / 1000) }
  const expand = EXPANDED.map((field) => `data.${field}`)
  let seen = 0
  for await (const intent of stripe.paymentIntents.list({ created, limit: PAGE, expand })) {
    if (intent.metadata[PAYMENT_ID] === paymentId) return intent
    seen += 1
    if (seen >= PAYMENTS_SEEN_MAX) return 'unseen'
  }
  return undefined
}

async function findRefund(stripe: Stripe, reference: string, operationId: string): Promise<Outcome> {
  for await (const refund of stripe.refunds.list({ payment_intent: reference, limit: PAGE }))
    if (refund.metadata?.[OPERATION_ID] === operationId) return refundOutcome(refund, reference)
  return { kind: 'absent' }
}

/** Ids are UUIDs of version 7, which begin with the time. */
function millisecondsOf(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
}
