import type { PaymentAccount } from '@souk/core/payments/accounts.ts'
import type { Dispute } from '@souk/core/payments/disputes.ts'
import { OPERATION_STATES, type OperationRow, type PaymentRow } from '@souk/core/payments/payment.ts'
import type { PaymentWish } from '@souk/core/payments/payment-wish.ts'
import type { SavedMethod } from '@souk/core/payments/saved-methods.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { moneySchema, presentMoney } from './money.ts'
import { orderPaymentSchema, presentOrderPayment } from './order-payment.ts'

const TOKEN_LENGTH_MAX = 500
const URL_LENGTH_MAX = 2_000
const ACCOUNT_SECRETS_MAX = 10
const SECRET_LENGTH_MAX = 1_000

export const providerSchema = z.string().regex(/^[a-z][a-z0-9_]{0,30}$/, 'invalid_id')

/** What a provider's client side made, or an id of a method that was kept. Visible ASCII: it goes into a request as it is. */
const tokenSchema = z
  .string()
  .min(1)
  .max(TOKEN_LENGTH_MAX, 'text_too_long')
  .regex(/^[\x21-\x7e]+$/, 'invalid_text')

const saved = idSchema.optional().meta({ description: 'A method that the customer has kept, instead of a token.' })

export const paymentWishSchema = z.strictObject({
  provider: providerSchema,
  token: tokenSchema.optional().meta({
    description: 'What the provider’s client side made of the buyer’s method. Without it the buyer confirms afterwards, by `next_action`.',
  }),
  saved_method: saved,
  save: z.boolean().default(false).meta({ description: 'Keep the method for the customer’s later payments.' }),
  return_url: z
    .url({ protocol: /^https?$/ })
    .max(URL_LENGTH_MAX, 'text_too_long')
    .optional()
    .meta({ description: 'Where the provider sends the buyer back to.' }),
})

export function readWish(given: z.output<typeof paymentWishSchema>): PaymentWish {
  const { provider, token, saved_method: savedMethodId, save, return_url: returnUrl } = given
  return { provider, token, savedMethodId, save, returnUrl }
}

/** Staff pay with what a customer has kept; nobody is there to confirm anything. */
export const staffWishSchema = z.strictObject({ provider: providerSchema, saved_method: idSchema })

export const savedMethodSchema = z.strictObject({
  id: z.uuid(),
  provider: z.string(),
  type: z.string(),
  brand: z.string().nullable(),
  last4: z.string().nullable(),
  expiry_month: z.int().nullable(),
  expiry_year: z.int().nullable(),
  created_at: z.iso.datetime(),
})

export function presentSavedMethod(method: SavedMethod): z.input<typeof savedMethodSchema> {
  const { id, provider, type, brand, last4, expiryMonth, expiryYear, createdAt } = method
  return { id, provider, type, brand, last4, expiry_month: expiryMonth, expiry_year: expiryYear, created_at: createdAt.toISOString() }
}

const differing = z.strictObject({ amount: z.string(), currency: z.string(), captured: z.string() })

export const paymentSchema = orderPaymentSchema.extend({
  order_id: z.uuid(),
  authorized: moneySchema,
  capture: z.enum(['now', 'later']),
  provider_reference: z.string().nullable(),
  review: z
    .strictObject({
      reason: z.enum(['amount_differs', 'currency_differs', 'capture_differs']),
      operation: z.enum(['authorize', 'capture', 'void', 'refund']),
      expected: differing,
      found: differing.extend({ reference: z.string() }),
    })
    .nullable()
    .meta({ description: 'What the provider says, beside what it was asked for. Minor units.' }),
  created_at: z.iso.datetime(),
  settled_at: z.iso.datetime().nullable(),
})

/** A payment as staff see it. What its buyer has to do is the buyer's alone. */
export function presentPayment(payment: PaymentRow): z.input<typeof paymentSchema> {
  const { currency, capturedAmount: captured, refundedAmount: refunded, methodFacts: methodShown } = payment
  return {
    ...presentOrderPayment({ ...payment, captured, refunded, methodShown, nextAction: null }, currency),
    order_id: payment.orderId,
    authorized: presentMoney(payment.authorizedAmount, currency),
    capture: payment.capture,
    provider_reference: payment.providerReference,
    review: payment.review,
    created_at: payment.createdAt.toISOString(),
    settled_at: payment.settledAt?.toISOString() ?? null,
  }
}

export const operationSchema = z.strictObject({
  id: z.uuid(),
  kind: z.enum(['authorize', 'capture', 'void', 'refund']),
  status: z.enum(OPERATION_STATES),
  amount: moneySchema,
  refund_id: z.uuid().nullable(),
  provider_reference: z.string().nullable(),
  failure: z
    .strictObject({ code: z.string(), message: z.string() })
    .nullable()
    .meta({ description: 'Of one that failed: why. Of one that is pending: what was heard last.' }),
  attempts: z.int(),
  due_at: z.iso.datetime().nullable().meta({ description: 'When a pending one is looked at next.' }),
  requested_at: z.iso.datetime(),
  settled_at: z.iso.datetime().nullable(),
})

export function presentOperation(operation: OperationRow): z.input<typeof operationSchema> {
  const { id, kind, status, failure, attempts, refundId, providerReference, dueAt, requestedAt, settledAt } = operation
  return {
    ...{ id, kind, status, failure, attempts, refund_id: refundId, provider_reference: providerReference },
    amount: presentMoney(operation.amount, operation.currency),
    due_at: status === 'pending' ? dueAt.toISOString() : null,
    requested_at: requestedAt.toISOString(),
    settled_at: settledAt?.toISOString() ?? null,
  }
}

export const paymentWithOperationsSchema = paymentSchema.extend({ operations: z.array(operationSchema) })

export const disputeSchema = z.strictObject({
  id: z.uuid(),
  payment_id: z.uuid(),
  order_id: z.uuid(),
  status: z.enum(['opened', 'won', 'lost']),
  amount: moneySchema,
  reason: z.string(),
  due_by: z.iso.datetime().nullable().meta({ description: 'Until when the provider takes evidence.' }),
  opened_at: z.iso.datetime(),
  closed_at: z.iso.datetime().nullable(),
})

export function presentDispute(dispute: Dispute): z.input<typeof disputeSchema> {
  const { id, paymentId, orderId, status, amount, currency, reason, dueBy, openedAt, closedAt } = dispute
  return {
    ...{ id, payment_id: paymentId, order_id: orderId, status, reason },
    amount: presentMoney(amount, currency),
    due_by: dueBy?.toISOString() ?? null,
    opened_at: openedAt.toISOString(),
    closed_at: closedAt?.toISOString() ?? null,
  }
}

const settings = z.record(z.string().max(100), z.union([z.string().max(1_000), z.number(), z.boolean(), z.null()]))

export const accountChangesSchema = z.strictObject({
  enabled: z.boolean().optional(),
  api_base: z.string().max(URL_LENGTH_MAX, 'text_too_long').nullable().optional(),
  capture: z.enum(['now', 'later']).optional().meta({ description: 'Whether money is taken when the buyer pays, or when staff say so.' }),
  settings: settings.optional(),
  secrets: z
    .record(z.string().max(100), z.string().min(1).max(SECRET_LENGTH_MAX, 'text_too_long').nullable())
    .refine((secrets) => Object.keys(secrets).length <= ACCOUNT_SECRETS_MAX, 'too_many')
    .optional()
    .meta({ description: 'By name; null forgets one. They are never shown again.' }),
})

export const accountSchema = z.strictObject({
  id: z.uuid(),
  provider: z.string(),
  enabled: z.boolean(),
  api_base: z.string().nullable(),
  capture: z.enum(['now', 'later']),
  settings,
  secrets: z.array(z.string()).meta({ description: 'The names of those that are kept.' }),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
})

export function presentAccount(account: PaymentAccount): z.input<typeof accountSchema> {
  const { id, provider, enabled, apiBase, capture, secrets } = account
  return {
    ...{ id, provider, enabled, api_base: apiBase, capture, secrets },
    settings: account.settings as z.input<typeof settings>,
    created_at: account.createdAt.toISOString(),
    updated_at: account.updatedAt.toISOString(),
  }
}
