import type { DeclineCode, Outcome } from '@souk/core/payments/provider.ts'
import Stripe from 'stripe'

const DECLINES: Readonly<Record<string, DeclineCode>> = {
  insufficient_funds: 'insufficient_funds',
  expired_card: 'expired_card',
  expired_payment_method: 'expired_card',
  invalid_expiry_month: 'expired_card',
  invalid_expiry_year: 'expired_card',
  incorrect_cvc: 'incorrect_cvc',
  invalid_cvc: 'incorrect_cvc',
  fraudulent: 'fraud_suspected',
  merchant_blacklist: 'fraud_suspected',
  stolen_card: 'fraud_suspected',
  lost_card: 'fraud_suspected',
  pickup_card: 'fraud_suspected',
  authentication_required: 'authentication_required',
  payment_intent_authentication_failure: 'authentication_failed',
  authentication_failure: 'authentication_failed',
  resource_missing: 'method_unavailable',
  payment_method_not_available: 'method_unavailable',
  token_already_used: 'method_unavailable',
  card_not_supported: 'method_unavailable',
  currency_not_supported: 'method_unavailable',
  payment_method_unactivated: 'method_unavailable',
  card_velocity_exceeded: 'limit_exceeded',
  withdrawal_count_limit_exceeded: 'limit_exceeded',
  amount_too_large: 'limit_exceeded',
  charge_exceeds_source_limit: 'limit_exceeded',
  charge_exceeds_transaction_limit: 'limit_exceeded',
  approve_with_id: 'card_declined',
}

/** What a payment's last error says, for the buyer and for us. A card's own reason comes before Stripe's. */
export function declineOf(
  error: { code?: string; decline_code?: string; message?: string },
  otherwise: DeclineCode,
): {
  code: DeclineCode
  message: string
} {
  const known = DECLINES[error.decline_code ?? ''] ?? DECLINES[error.code ?? '']
  return { code: known ?? otherwise, message: error.message ?? 'Declined.' }
}

/** An error in asking for the money: declined when Stripe said a clear no, else it may have happened. */
export function authorizeError(error: unknown): Outcome {
  if (error instanceof Stripe.errors.StripeCardError)
    return { kind: 'declined', reference: error.payment_intent?.id ?? null, ...declineOf(error, 'card_declined') }
  // Nothing was ever asked under this key, or `find` would have been called and not this: no charge hides behind these.
  if (error instanceof Stripe.errors.StripeAuthenticationError || error instanceof Stripe.errors.StripePermissionError)
    return { kind: 'declined', reference: null, code: 'method_unavailable', message: 'Stripe refuses the account.' }
  if (isClearNo(error)) return { kind: 'declined', reference: error.payment_intent?.id ?? null, ...declineOf(error, 'invalid_request') }
  return unknown(error)
}

/** An error in a capture, void or refund. */
export function operationError(error: unknown): Outcome {
  if (isClearNo(error) || error instanceof Stripe.errors.StripeCardError)
    return { kind: 'refused', code: error.code ?? 'invalid_request', message: error.message }
  return unknown(error)
}

/** An error in asking what became of something. */
export function findError(error: unknown): Outcome {
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode === 404 ? { kind: 'absent' } : unknown(error)
}

/** 400, 402 and 404. 409 is the same request under way; 429 and 5xx say nothing; an idempotency error is about another request. */
function isClearNo(error: unknown): error is Stripe.errors.StripeInvalidRequestError {
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode !== 409 && error.code !== 'lock_timeout'
}

/** Never the whole message: it may repeat what was sent. */
function unknown(error: unknown): Outcome {
  if (error instanceof Stripe.errors.StripeError)
    return { kind: 'unknown', detail: [error.type, error.statusCode, error.code].filter((part) => part !== undefined).join(' ') }
  return { kind: 'unknown', detail: error instanceof Error ? error.name : 'no error' }
}
