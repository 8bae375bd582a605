import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { Failure, MethodShown, NextAction, PaymentState } from '../orders/order-payment.ts'
import { Refusal } from '../refusal.ts'
import type { CaptureMode, OperationKind } from './provider.ts'

export const OPERATION_STATES = ['pending', 'succeeded', 'failed', 'review'] as const
export type OperationStatus = (typeof OPERATION_STATES)[number]

/** Providers that are settled in here: nobody outside is asked. */
export const INSIDE_PROVIDERS: ReadonlySet<string> = new Set(['manual', 'store_credit', 'gift_card'])

/** What the provider says, beside what was asked. Amounts as text: these are facts to look at, not to reckon with. */
export interface Review {
  reason: 'amount_differs' | 'currency_differs' | 'capture_differs'
  operation: OperationKind
  expected: { amount: string; currency: string; captured: string }
  found: { amount: string; currency: string; captured: string; reference: string }
}

/** What an operation needs besides its amount, kept until it is settled. */
export interface OperationDetail {
  /** Of an authorization. */
  authorize?: {
    token: string | null
    savedMethod: string | null
    offSession: boolean
    save: boolean
    returnUrl: string | null
  }
  /** Of an authorization without the buyer: if it is declined, the buyer is asked to pay. */
  elseAsksBuyer?: boolean
  /** Of a capture: no other will follow. */
  final?: boolean
  /** Of a refund: what of the order it is for, which its event says, and the tax in it. */
  refund?: { lines: { lineId: string; quantity: number }[]; shipping: number; tax: number; editId?: string }
  /** It takes back what was never booked: a payment that nobody waits for any more, or that staff rejected. */
  unbooked?: boolean
}

/** An attempt to pay an order or a part of it. Amounts in minor units. */
export interface PaymentRow {
  id: string
  orderId: string
  provider: string
  method: string
  status: PaymentState
  amount: bigint
  authorizedAmount: bigint
  capturedAmount: bigint
  refundedAmount: bigint
  currency: string
  capture: CaptureMode
  sourceId: string | null
  providerReference: string | null
  methodFacts: MethodShown | null
  nextAction: NextAction | null
  failure: Failure | null
  review: Review | null
  createdAt: Date
  expiresAt: Date | null
  settledAt: Date | null
}

export interface OperationRow {
  id: string
  paymentId: string
  orderId: string
  kind: OperationKind
  amount: bigint
  currency: string
  status: OperationStatus
  refundId: string | null
  detail: OperationDetail
  providerReference: string | null
  failure: Failure | null
  attempts: number
  dueAt: Date
  requestedBy: Actor
  requestedAt: Date
  settledAt: Date | null
}

type Scope = Pick<Tx, 'merchantId' | 'sql'>

export function paymentColumns(tx: Pick<Tx, 'sql'>): Query {
  return tx.sql`
    p.id, p.order_id as "orderId", p.provider, p.method, p.status, p.amount, p.authorized_amount as "authorizedAmount",
    p.captured_amount as "capturedAmount", p.refunded_amount as "refundedAmount", p.currency, p.capture, p.source_id as "sourceId",
    p.provider_reference as "providerReference", p.method_facts as "methodFacts", p.next_action as "nextAction", p.failure, p.review,
    p.created_at as "createdAt", p.expires_at as "expiresAt", p.settled_at as "settledAt"`
}

export function operationColumns(tx: Pick<Tx, 'sql'>): Query {
  return tx.sql`
    o.id, o.payment_id as "paymentId", o.order_id as "orderId", o.kind, o.amount, o.currency, o.status, o.refund_id as "refundId", o.detail,
    o.provider_reference as "providerReference", o.failure, o.attempts, o.due_at as "dueAt", o.requested_by as "requestedBy",
    o.requested_at as "requestedAt", o.settled_at as "settledAt"`
}

export function paymentQuery(tx: Scope, paymentId: string): Query {
  return tx.sql`select ${paymentColumns(tx)} from payment p where p.merchant_id = ${tx.merchantId} and p.id = ${paymentId}`
}

/** An operation that nobody else settles until the transaction ends. Its order and payment are held first. Refuses `not_found`. */
export async function holdOperation(tx: Tx, operationId: string): Promise<OperationRow> {
  const [row] = await tx.sql`${operationQuery(tx, operationId)} for no key update`
  if (!row) throw new Refusal('not_found', { detail: 'There is no such operation.' })
  return row as OperationRow
}

export async function loadOperation(tx: Tx, operationId: string): Promise<OperationRow> {
  const [row] = await operationQuery(tx, operationId)
  if (!row) throw new Refusal('not_found', { detail: 'There is no such operation.' })
  return row as OperationRow
}

export function operationQuery(tx: Scope, operationId: string): Query {
  return tx.sql`select ${operationColumns(tx)} from payment_operation o where o.merchant_id = ${tx.merchantId} and o.id = ${operationId}`
}

/** A payment that nobody else changes until the transaction ends. Its order is held first. Refuses `not_found`. */
export async function holdPayment(tx: Tx, paymentId: string): Promise<PaymentRow> {
  const [row] = await tx.sql`${paymentQuery(tx, paymentId)} for no key update`
  if (!row) throw noPayment()
  return row as PaymentRow
}

export async function loadPayment(tx: Tx, paymentId: string): Promise<PaymentRow> {
  const [row] = await paymentQuery(tx, paymentId)
  if (!row) throw noPayment()
  return row as PaymentRow
}

/** What of a payment follows from its amounts alone. */
export function statusOf(payment: Pick<PaymentRow, 'authorizedAmount' | 'capturedAmount'>): PaymentState {
  if (payment.capturedAmount === 0n) return payment.authorizedAmount > 0n ? 'authorized' : 'voided'
  return payment.capturedAmount < payment.authorizedAmount ? 'part_captured' : 'captured'
}

export function noPayment(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such payment.' })
}
