import type { MethodFacts, Outcome } from '@souk/core/payments/provider.ts'
import type Stripe from 'stripe'
import { fromStripeAmount } from './stripe-amount.ts'
import { declineOf } from './stripe-errors.ts'

/** Our ids, kept as metadata of Stripe's objects: what came of something is found by them. */
export const PAYMENT_ID = 'souk_payment_id'
export const ORDER_ID = 'souk_order_id'
export const CUSTOMER_ID = 'souk_customer_id'
export const OPERATION_ID = 'souk_operation_id'
/** Set on a payment that the buyer's browser completes with the client secret. */
export const BY_CLIENT = 'souk_by_client'

// What outcomes are read from has to come with the payment.
export const EXPANDED = ['latest_charge', 'payment_method']

/** A payment as it stands, as an outcome. */
export function intentOutcome(intent: Stripe.PaymentIntent): Outcome {
  const { id: reference, last_payment_error: error } = intent
  switch (intent.status) {
    case 'requires_capture':
    case 'succeeded':
      return authorized(intent)
    case 'processing':
      return { kind: 'processing', reference }
    case 'canceled':
      return { kind: 'voided', reference, ...releasedOf(intent) }
    case 'requires_action':
    case 'requires_confirmation':
      return action(intent)
    case 'requires_payment_method':
      // In the buyer's browser another card can still be tried; what we have confirmed ourselves has failed.
      if (intent.metadata[BY_CLIENT] === undefined && error !== null)
        return { kind: 'declined', reference, ...declineOf(error, 'card_declined') }
      return action(intent)
    default:
      return { kind: 'unknown', detail: `the payment is ${intent.status}` }
  }
}

/** How much of an authorization was let go by its cancellation: nothing when it never came to one. */
export function releasedOf(intent: Stripe.PaymentIntent): { amount: bigint; currency: string } {
  const currency = intent.currency.toUpperCase()
  const { latest_charge: charge } = intent
  const wasAuthorized = charge !== null && typeof charge === 'object' && charge.status === 'succeeded'
  return { amount: wasAuthorized ? fromStripeAmount(intent.amount - intent.amount_received, currency) : 0n, currency }
}

/** The name under which a method is kept: Stripe charges it only together with its customer. */
export function savedReferenceOf(customer: string, method: string): string {
  return `${customer}/${method}`
}

export function savedMethodOf(reference: string): { customer: string; method: string } | undefined {
  const [, customer, method] = /^(cus_\w+)\/(\w+)$/.exec(reference) ?? []
  return customer === undefined || method === undefined ? undefined : { customer, method }
}

function authorized(intent: Stripe.PaymentIntent): Outcome {
  const currency = intent.currency.toUpperCase()
  const captured = fromStripeAmount(intent.amount_received, currency)
  const open = fromStripeAmount(intent.amount_capturable, currency)
  // What was authorized and let go by a final capture stays part of what was authorized.
  const whole = fromStripeAmount(intent.amount, currency)
  const authorizedAmount = intent.status === 'succeeded' ? whole : captured + open
  return { kind: 'authorized', reference: intent.id, authorized: authorizedAmount, captured, currency, method: methodOf(intent) }
}

function action({ id: reference, client_secret: clientSecret, next_action: next }: Stripe.PaymentIntent): Outcome {
  const url = next?.redirect_to_url?.url
  if (url) return { kind: 'action_required', reference, action: { type: 'redirect', url } }
  if (clientSecret === null) return { kind: 'unknown', detail: 'the payment waits for its buyer and has no client secret' }
  return { kind: 'action_required', reference, action: { type: 'client', client_secret: clientSecret } }
}

function methodOf({ payment_method: method, customer, setup_future_usage: kept }: Stripe.PaymentIntent): MethodFacts | null {
  if (method === null || typeof method === 'string') return null
  const { card } = method
  const owner = typeof customer === 'string' ? customer : customer?.id
  return {
    type: method.type,
    brand: card?.brand ?? null,
    last4: card?.last4 ?? null,
    expiryMonth: card?.exp_month ?? null,
    expiryYear: card?.exp_year ?? null,
    savedReference: kept !== null && owner !== undefined ? savedReferenceOf(owner, method.id) : null,
  }
}
