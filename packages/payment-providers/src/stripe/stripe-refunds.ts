import type { AmountAsk, Outcome } from '@souk/core/payments/provider.ts'
import type Stripe from 'stripe'
import { fromStripeAmount, toStripeAmount } from './stripe-amount.ts'
import { OPERATION_ID } from './stripe-outcomes.ts'

export async function refund(stripe: Stripe, ask: AmountAsk): Promise<Outcome> {
  const { operationId, reference, currency } = ask
  const amount = toStripeAmount(ask.amount, currency)
  if (amount === undefined) return { kind: 'refused', code: 'amount_not_possible', message: 'Stripe cannot take just this amount.' }
  const made = await stripe.refunds.create(
    { payment_intent: reference, amount, metadata: { [OPERATION_ID]: operationId } },
    { idempotencyKey: operationId },
  )
  return refundOutcome(made, reference)
}

export function refundOutcome(made: Stripe.Refund, reference: string): Outcome {
  const currency = made.currency.toUpperCase()
  switch (made.status) {
    case 'succeeded':
      return { kind: 'refunded', reference, amount: fromStripeAmount(made.amount, currency), currency }
    case 'failed':
    case 'canceled':
      return { kind: 'refused', code: made.failure_reason ?? made.status, message: 'Stripe could not give the money back.' }
    default:
      return { kind: 'processing', reference }
  }
}
