import type { Tx } from '@souk/tenant-router/tx.ts'
import { enqueue } from '../jobs.ts'
import { clearing } from '../ledger/accounts.ts'
import { journalOfRefund, taxOfCapture } from '../ledger/journals-of-payments.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import type { Failure } from '../orders/order-payment.ts'
import { recordOrderEvents } from '../orders/record-order-event.ts'
import { bookCapture } from './accept-authorization.ts'
import { holdOperation, holdPayment, type OperationRow, type PaymentRow, type Review, statusOf } from './payment.ts'
import type { Outcome } from './provider.ts'
import { secondsUntilNext } from './retry-times.ts'
import { type By, takeBack } from './saga.ts'

interface Held {
  order: HeldOrder
  payment: PaymentRow
  operation: OperationRow
}

type Done = Extract<Outcome, { kind: 'captured' | 'voided' | 'refunded' }>

const DONE = { capture: 'captured', void: 'voided', refund: 'refunded' } as const

/**
 * Writes down what a provider says of a capture, a void or a refund. Once: an operation that is settled stays as it is. What it
 * did is told in amounts that must be those it was asked for; if they are others, nothing is booked and staff look at it.
 */
export async function applyOperation(
  tx: Tx,
  given: { operation: OperationRow; outcome: Outcome; instead?: Outcome },
  by: By,
): Promise<void> {
  const { operation: asked, outcome, instead } = given
  const [order, payment, operation] = await Promise.all([
    holdOrder(tx, asked.orderId),
    holdPayment(tx, asked.paymentId),
    holdOperation(tx, asked.id),
  ])
  if (operation.status !== 'pending') return
  const held = { order, payment, operation }
  if (outcome.kind === 'refused') return refuse(tx, held, outcome, instead, by)
  if (outcome.kind !== DONE[operation.kind as keyof typeof DONE]) return waitFor(tx, operation, outcome, by)
  const done = outcome as Done
  if (operation.detail.unbooked) return finish(tx, operation, { status: 'succeeded', reference: done.reference }, by)
  if (operation.kind === 'void') return voided(tx, held, done, by)
  if (done.amount !== operation.amount || done.currency !== operation.currency) return holdForReview(tx, held, done, by)
  return operation.kind === 'capture' ? captured(tx, held, done.reference, by) : refunded(tx, held, done.reference, by)
}

async function captured(tx: Tx, { order, payment, operation }: Held, reference: string, by: By): Promise<void> {
  const { amount, detail } = operation
  const capturedAmount = payment.capturedAmount + amount
  const next = { ...payment, capturedAmount, authorizedAmount: detail.final ? capturedAmount : payment.authorizedAmount }
  const letGo = payment.authorizedAmount - next.authorizedAmount
  await Promise.all([writeAmounts(tx, next, by), finish(tx, operation, { status: 'succeeded', reference }, by)])
  // Money that was on its way when the order was cancelled.
  const undone = order.state.status === 'cancelled' ? await takeBack(tx, next, by) : []
  await bookCapture(tx, order, payment, { key: operation.id, amount }, by)
  const rest = letGo > 0n ? [{ type: 'payment.voided' as const, paymentId: payment.id, amount: letGo }] : []
  await recordOrderEvents(tx, order, [{ type: 'payment.captured', paymentId: payment.id, amount }, ...rest, ...undone], by)
}

/** What was authorized and not captured is let go, whatever sum the provider names. */
async function voided(tx: Tx, { order, payment, operation }: Held, done: Done, by: By): Promise<void> {
  const amount = payment.authorizedAmount - payment.capturedAmount
  const next = { ...payment, authorizedAmount: payment.capturedAmount }
  await Promise.all([writeAmounts(tx, next, by), finish(tx, operation, { status: 'succeeded', reference: done.reference }, by)])
  await recordOrderEvents(tx, order, [{ type: 'payment.voided', paymentId: payment.id, amount }], by)
}

async function refunded(tx: Tx, { order, payment, operation }: Held, reference: string, by: By): Promise<void> {
  const { amount, currency, detail, refundId } = operation
  const { state } = order
  const tax = detail.refund ? BigInt(detail.refund.tax) : taxOfCapture({ ...state, captured: state.refunded }, amount)
  await Promise.all([
    writeAmounts(tx, { ...payment, refundedAmount: payment.refundedAmount + amount }, by),
    finish(tx, operation, { status: 'succeeded', reference }, by),
    journalOfRefund(tx, {
      ...{ key: `refund:${operation.id}`, orderId: order.id, paymentId: payment.id, currency, amount, tax, ...by },
      to: clearing(payment.provider),
    }),
  ])
  const lines = detail.refund?.lines.map(({ lineId, quantity }) => ({ lineId, quantity: BigInt(quantity) })) ?? []
  await recordOrderEvents(
    tx,
    order,
    [
      {
        ...{ type: 'refund.issued', refundId: refundId ?? operation.id, paymentId: payment.id, amount, to: 'original' },
        ...{ lines, shipping: BigInt(detail.refund?.shipping ?? 0) },
        ...(detail.refund?.editId !== undefined && { editId: detail.refund.editId }),
      },
    ],
    by,
  )
}

/** It will never be done. A void is refused when the money has been taken after all: then that is written down, and given back. */
async function refuse(tx: Tx, held: Held, why: Failure, instead: Outcome | undefined, by: By): Promise<void> {
  const { order, payment, operation } = held
  const failure = { code: why.code, message: why.message }
  if (operation.kind === 'void' && (instead?.kind === 'voided' || instead?.kind === 'declined'))
    return operation.detail.unbooked
      ? finish(tx, operation, { status: 'succeeded', reference: payment.providerReference }, by)
      : voided(tx, held, { kind: 'voided', reference: payment.providerReference!, amount: 0n, currency: payment.currency }, by)
  await finish(tx, operation, { status: 'failed', failure }, by)
  if (operation.detail.unbooked) return lookAtPayment(tx, operation)
  const taken = operation.kind === 'void' && instead?.kind === 'authorized' ? instead.captured - payment.capturedAmount : 0n
  if (taken <= 0n || payment.capturedAmount + taken > payment.authorizedAmount)
    return recordOrderEvents(tx, order, [{ type: 'payment.failed', paymentId: payment.id, code: why.code }], by)
  const next = { ...payment, capturedAmount: payment.capturedAmount + taken }
  await writeAmounts(tx, next, by)
  const undone = order.state.status === 'cancelled' ? await takeBack(tx, next, by) : []
  await bookCapture(tx, order, payment, { key: operation.id, amount: taken }, by)
  await recordOrderEvents(tx, order, [{ type: 'payment.captured', paymentId: payment.id, amount: taken }, ...undone], by)
}

/** What nobody waited for could not be let go: what has become of it is asked at once. */
async function lookAtPayment(tx: Tx, { paymentId }: OperationRow): Promise<void> {
  await enqueue(tx, 'settle_payment', { paymentId }, { key: paymentId })
}

async function holdForReview(tx: Tx, { order, payment, operation }: Held, done: Done, by: By): Promise<void> {
  const expected = { amount: String(operation.amount), currency: operation.currency, captured: String(payment.capturedAmount) }
  const found = { amount: String(done.amount), currency: done.currency, captured: '0', reference: done.reference }
  const reason = done.currency === operation.currency ? 'amount_differs' : 'currency_differs'
  const review: Review = { reason, operation: operation.kind, expected, found }
  await Promise.all([
    tx.sql`
      update payment set status = 'review', review = ${JSON.stringify(review)}::jsonb, updated_at = ${by.now}
      where merchant_id = ${tx.merchantId} and id = ${payment.id}`,
    finish(tx, operation, { status: 'review', reference: done.reference }, by),
  ])
  await recordOrderEvents(tx, order, [{ type: 'payment.held_for_review', paymentId: payment.id, reason }], by)
}

/** A payment's amounts, and the state that follows from them; one that staff look at stays with them. */
export async function writeAmounts(tx: Tx, payment: PaymentRow, { now }: By): Promise<void> {
  await tx.sql`
    update payment set status = case when status = 'review' then status else ${statusOf(payment)} end,
      authorized_amount = ${payment.authorizedAmount}, captured_amount = ${payment.capturedAmount},
      refunded_amount = ${payment.refundedAmount}, updated_at = ${now}
    where merchant_id = ${tx.merchantId} and id = ${payment.id}`
}

async function finish(
  tx: Tx,
  operation: OperationRow,
  outcome: { status: 'succeeded' | 'failed' | 'review'; reference?: string | null; failure?: Failure },
  { now }: By,
): Promise<void> {
  await tx.sql`
    update payment_operation set status = ${outcome.status}, provider_reference = ${outcome.reference ?? null},
      failure = ${outcome.failure ? JSON.stringify(outcome.failure) : null}::jsonb, settled_at = ${now}
    where merchant_id = ${tx.merchantId} and id = ${operation.id}`
}

async function waitFor(tx: Tx, operation: OperationRow, heard: Outcome, { now }: By): Promise<void> {
  const seconds = secondsUntilNext(operation.attempts)
  const failure = { code: heard.kind, message: heard.kind === 'unknown' ? heard.detail : '' }
  const runAt = new Date(now.getTime() + seconds * 1_000)
  await Promise.all([
    tx.sql`
      update payment_operation set due_at = now() + make_interval(secs => ${seconds}::int), failure = ${JSON.stringify(failure)}::jsonb
      where merchant_id = ${tx.merchantId} and id = ${operation.id}`,
    enqueue(tx, 'settle_operation', { operationId: operation.id }, { key: operation.id, runAt }),
  ])
}
