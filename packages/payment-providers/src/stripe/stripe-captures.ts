import type { CaptureAsk, Outcome } from '@souk/core/payments/provider.ts'
import type Stripe from 'stripe'
import { fromStripeAmount, toStripeAmount } from './stripe-amount.ts'
import { EXPANDED } from './stripe-outcomes.ts'

/**
 * Stripe knows of a payment only how much of it was captured in all. So each capture leaves a mark on it, in the same call: its id
 * and what had been captured before it. The difference to the next mark, or to now, is what this capture took.
 */
export async function capture(stripe: Stripe, ask: CaptureAsk): Promise<Outcome> {
  const { operationId, reference, currency, final } = ask
  const amount = toStripeAmount(ask.amount, currency)
  if (amount === undefined) return { kind: 'refused', code: 'amount_not_possible', message: 'Stripe cannot take just this amount.' }
  const before = await stripe.paymentIntents.retrieve(reference, { expand: EXPANDED })
  const done = captureOutcomeOf(before, operationId)
  if (done !== undefined) return done
  if (before.currency.toUpperCase() !== currency)
    return { kind: 'refused', code: 'currency_mismatch', message: `The payment is in ${before.currency.toUpperCase()}.` }
  const captured = await stripe.paymentIntents.capture(
    reference,
    {
      amount_to_capture: amount,
      metadata: { [markOf(operationId)]: String(before.amount_received) },
      expand: EXPANDED,
      // Only some cards allow several captures; where nothing is left, none will follow.
      ...(!final && amount < before.amount_capturable && { final_capture: false }),
    },
    { idempotencyKey: operationId },
  )
  return captureOutcomeOf(captured, operationId) ?? { kind: 'unknown', detail: 'the capture left no mark' }
}

/** What the capture with this id took; undefined when there was none. */
export function captureOutcomeOf(intent: Stripe.PaymentIntent, operationId: string): Outcome | undefined {
  const before = Number(intent.metadata[markOf(operationId)] ?? Number.NaN)
  if (!Number.isSafeInteger(before)) return undefined
  const later = Object.entries(intent.metadata)
    .filter(([name]) => name.startsWith(MARK))
    .map(([, sum]) => Number(sum))
    .filter((sum) => sum > before)
  const after = Math.min(intent.amount_received, ...later)
  const currency = intent.currency.toUpperCase()
  return { kind: 'captured', reference: intent.id, amount: fromStripeAmount(after - before, currency), currency }
}

const MARK = 'capture_'

/** Names of metadata have at most 40 characters: this one has just that. */
function markOf(operationId: string): string {
  return MARK + operationId.replaceAll('-', '')
}
