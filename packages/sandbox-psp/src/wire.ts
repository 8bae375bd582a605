import { z } from 'zod'
import type { Account, Callback, Card, Dispute, OperationKind, PaymentState } from './entries.ts'
import { disputedAmount } from './operations.ts'
import { declineMessage } from './refuse.ts'
import { amount, currency, DELAY_MS_MAX, newScript, seed } from './scripts.ts'
import type { State } from './state.ts'

// How requests and answers read.

const id = z.string().min(1).max(100)
const webAddress = z.url({ protocol: /^https?$/ }).max(2_000)

export const authorizeBody = z.strictObject({
  payment_id: id,
  order_number: z.string().max(100).nullable().default(null),
  amount,
  currency,
  capture: z.enum(['now', 'later']).default('now'),
  token: id.nullable().default(null),
  saved_method: id.nullable().default(null),
  off_session: z.boolean().default(false),
  save_method: z.boolean().default(false),
  customer: id.nullable().default(null),
  return_url: webAddress.nullable().default(null),
})
export const captureBody = z.strictObject({ amount, currency, final: z.boolean().default(false) })
export const refundBody = z.strictObject({ amount, currency })
export const emptyBody = z.strictObject({})
export const callbackBody = z.strictObject({ url: webAddress.nullable() })
/** Moments as JavaScript writes them, so that they can be compared as text. */
const moment = z.iso.datetime({ precision: 3 })
export const periodQuery = z.strictObject({ from: moment, until: moment })

const delayMs = z.int().min(0).max(DELAY_MS_MAX)
export const callbackManners = z.strictObject({
  hold: z.boolean().default(false),
  delayMs: z.strictObject({ min: delayMs, max: delayMs }).default({ min: 0, max: 0 }),
  copies: z.int().min(1).max(10).default(1),
  lose: z.number().min(0).max(1).default(0),
  seed: seed.default(1),
})
/** A name, key and secret that are given must be those of the account when it is there already. */
export const accountBody = z.strictObject({
  id: id.optional(),
  name: z.string().min(1).max(200),
  api_key: z.string().min(16).max(200).optional(),
  callback_secret: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/=]{24,200}$/)
    .optional(),
  callback_url: webAddress.nullable().default(null),
})
export const accountChange = z.strictObject({ callback_url: webAddress.nullable().optional(), callbacks: callbackManners.optional() })
export const scriptBody = newScript
export const releaseBody = z.strictObject({
  account: id.optional(),
  order: z.enum(['as_made', 'reversed', 'shuffled']).default('as_made'),
  copies: z.int().min(1).max(10).default(1),
  seed: seed.default(1),
})
export const disputeBody = z.strictObject({ payment: id, amount: amount.optional(), reason: z.string().max(100).default('fraudulent') })
export const disputeEnd = z.strictObject({ outcome: z.enum(['won', 'lost']) })
export const actionBody = z.strictObject({ approve: z.boolean() })

/** A payment as the provider tells of it: with what it claims, where it lies. */
export interface PaymentWire {
  id: string
  payment_id: string
  order_number: string | null
  status: PaymentState['status']
  amount: number
  currency: string
  capture: 'now' | 'later'
  authorized: number
  captured: number
  refunded: number
  voided: number
  card: { brand: string; last4: string; exp_month: number; exp_year: number }
  customer: string | null
  saved_method: string | null
  action: { type: 'redirect'; url: string } | null
  decline: { code: string; message: string } | null
  created_at: string
  expires_at: string
}

export interface OperationWire {
  kind: OperationKind
  operation_id: string
  amount: number
  currency: string
  payment: PaymentWire
}

export interface DisputeWire {
  id: string
  payment: string
  payment_id: string
  amount: number
  currency: string
  reason: string
  status: Dispute['status']
  due_by: string
}

/** What really happened to one payment, by the journal. */
export interface JournalWire {
  account: string
  id: string
  payment_id: string
  status: PaymentState['status']
  currency: string
  authorized: number
  captured: number
  refunded: number
  voided: number
  /** Held or taken by disputes. */
  disputed: number
  /** captured - refunded */
  net: number
  operations: { kind: OperationKind; key: string | null; amount: number; at: string }[]
}

/** One line of an account's statement. */
export interface MovementWire {
  id: string
  kind: 'capture' | 'refund'
  payment_id: string
  amount: number
  currency: string
  at: string
}

export function presentPayment(state: State, payment: PaymentState, baseUrl: string): PaymentWire {
  const said = (value: number) => (value > 0 ? (payment.claim?.amount ?? value) : value)
  const kept = payment.saves !== null && state.methods.has(payment.saves) ? payment.saves : payment.savedMethod
  return {
    id: payment.id,
    payment_id: payment.paymentId,
    order_number: payment.orderNumber,
    status: payment.status,
    amount: said(payment.amount),
    currency: saidCurrency(payment),
    capture: payment.capture,
    authorized: said(payment.authorized),
    captured: said(payment.captured),
    refunded: said(payment.refunded),
    voided: payment.voided,
    card: presentCard(payment.card),
    customer: payment.customer,
    saved_method: kept,
    action:
      payment.action !== null && payment.status === 'requires_action'
        ? { type: 'redirect', url: `${baseUrl}/pay/${payment.action}` }
        : null,
    decline: payment.decline === null ? null : { code: payment.decline, message: declineMessage(payment.decline) },
    created_at: new Date(payment.createdAt).toISOString(),
    expires_at: new Date(payment.expiresAt).toISOString(),
  }
}

export function presentOperation(kind: OperationKind, key: string, moved: number, payment: PaymentState, wire: PaymentWire): OperationWire {
  const said = moved > 0 ? (payment.claim?.amount ?? moved) : moved
  return { kind, operation_id: key, amount: said, currency: saidCurrency(payment), payment: wire }
}

export function presentDispute(state: State, dispute: Dispute): DisputeWire {
  const payment = state.payments.get(dispute.payment)!
  const { id, amount: disputed, reason, status, dueBy } = dispute
  const { paymentId, currency: inCurrency } = payment
  return { id, payment: payment.id, payment_id: paymentId, amount: disputed, currency: inCurrency, reason, status, due_by: dueBy }
}

export function presentJournal(state: State, payment: PaymentState): JournalWire {
  const { account, id: paymentId, status, authorized, captured, refunded, voided, operations } = payment
  return {
    account,
    id: paymentId,
    payment_id: payment.paymentId,
    status,
    currency: payment.currency,
    authorized,
    captured,
    refunded,
    voided,
    disputed: disputedAmount(state, payment),
    net: captured - refunded,
    operations: operations.map((operation) => ({ ...operation })),
  }
}

/** The truth, also of a payment about which it lies elsewhere. */
export function presentMovements({ id: payment, paymentId, currency: inCurrency, operations }: PaymentState): MovementWire[] {
  return operations.flatMap(({ kind, amount: moved, at }, index) =>
    kind === 'void' ? [] : [{ id: `${payment}_${index + 1}`, kind, payment_id: paymentId, amount: moved, currency: inCurrency, at }],
  )
}

export function presentAccount({ id: account, name, callbackUrl, callbacks }: Account) {
  return { id: account, name, callback_url: callbackUrl, callbacks }
}

export function presentCallback({ callback, outcome }: { callback: Callback; outcome: string | null }) {
  const { id: callbackId, account, type, paymentId } = callback
  return { id: callbackId, account, type, payment_id: paymentId, outcome }
}

function presentCard({ brand, last4, expMonth, expYear }: Card): PaymentWire['card'] {
  return { brand, last4, exp_month: expMonth, exp_year: expYear }
}

function saidCurrency(payment: PaymentState): string {
  return payment.claim?.currency ?? payment.currency
}
