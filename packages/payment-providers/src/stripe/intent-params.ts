import type { Authorization, Outcome } from '@souk/core/payments/provider.ts'
import type Stripe from 'stripe'
import { toStripeAmount } from './stripe-amount.ts'
import { BY_CLIENT, CUSTOMER_ID, EXPANDED, ORDER_ID, PAYMENT_ID, savedMethodOf } from './stripe-outcomes.ts'

/**
 * What a payment intent is asked for with, or why it cannot be. With a token or a saved method it is confirmed at once; without
 * either it is left to the buyer's browser, by the client secret. No personal data goes along: ids of ours alone.
 */
export async function intentParams(stripe: Stripe, ask: Authorization): Promise<Stripe.PaymentIntentCreateParams | Outcome> {
  const amount = toStripeAmount(ask.amount, ask.currency)
  if (amount === undefined) return invalid(`Stripe cannot take just this amount of ${ask.currency}.`)
  const saved = ask.savedMethod === null ? undefined : savedMethodOf(ask.savedMethod)
  if (ask.savedMethod !== null && saved === undefined) return invalid('There is no such saved method.')
  const saves = ask.save && saved === undefined && ask.customerReference !== null
  const customer = saved?.customer ?? (saves ? await customerFor(stripe, ask.customerReference!) : undefined)
  const byClient = ask.token === null && saved === undefined
  return {
    amount,
    currency: ask.currency.toLowerCase(),
    capture_method: ask.capture === 'now' ? 'automatic' : 'manual',
    metadata: { [PAYMENT_ID]: ask.paymentId, [ORDER_ID]: ask.orderId, ...(byClient && { [BY_CLIENT]: 'true' }) },
    expand: EXPANDED,
    ...(customer !== undefined && { customer }),
    ...(saves && { setup_future_usage: 'off_session' as const }),
    ...(byClient ? { automatic_payment_methods: { enabled: true } } : confirmedWith(ask, saved?.method)),
    ...(ask.capture === 'later' && !byClient && { payment_method_options: { card: { request_multicapture: 'if_available' as const } } }),
  }
}

function confirmedWith(ask: Authorization, savedMethod: string | undefined): Partial<Stripe.PaymentIntentCreateParams> {
  const method = savedMethod ?? ask.token!
  return {
    confirm: true,
    allowed_payment_method_types: ['card'],
    // Older client libraries give tokens, newer ones methods.
    ...(method.startsWith('tok_')
      ? { payment_method_data: { type: 'card', card: { token: method } } as Stripe.PaymentIntentCreateParams.PaymentMethodData }
      : { payment_method: method }),
    ...(ask.offSession ? { off_session: true } : ask.returnUrl !== null && { return_url: ask.returnUrl }),
  }
}

/** Stripe's own record of a customer of ours: one found, else a new one. That there may come to be two of them does no harm. */
async function customerFor(stripe: Stripe, customerReference: string): Promise<string> {
  const query = `metadata['${CUSTOMER_ID}']:'${customerReference.replaceAll(/[^\w-]/g, '')}'`
  const { data } = await stripe.customers.search({ query, limit: 1 })
  if (data[0] !== undefined) return data[0].id
  const metadata = { [CUSTOMER_ID]: customerReference }
  return (await stripe.customers.create({ metadata }, { idempotencyKey: `customer-${customerReference}` })).id
}

function invalid(message: string): Outcome {
  return { kind: 'declined', reference: null, code: 'invalid_request', message }
}
