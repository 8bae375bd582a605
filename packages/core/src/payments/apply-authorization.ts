import type { Tx } from '@souk/tenant-router/tx.ts'
import { enqueue } from '../jobs.ts'
import { outstandingOf } from '../orders/amounts-due.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import type { OrderEvent } from '../orders/order-event.ts'
import { recordOrderEvent, recordOrderEvents } from '../orders/record-order-event.ts'
import { acceptAuthorization } from './accept-authorization.ts'
import { writeAmounts } from './apply-operation.ts'
import { type Differing, differenceOf } from './check-outcome.ts'
import { holdOperation, holdPayment, loadPayment, type OperationRow, type PaymentRow } from './payment.ts'
import type { Outcome } from './provider.ts'
import { repayingOf } from './repaying.ts'
import { requestOperation } from './request-operation.ts'
import { secondsUntilNext } from './retry-times.ts'
import type { By } from './saga.ts'

/** A payment, its authorization and its order, which nobody else changes until the transaction ends. */
interface Held {
  order: HeldOrder
  payment: PaymentRow
  operation: OperationRow
}

/**
 * Writes down what a provider says of a payment. What is known already changes nothing, so it may be told any number of times, in
 * any order: a payment never goes back from where it is. Money that arrives for an order that is cancelled goes back.
 */
export async function applyAuthorization(
  tx: Tx,
  given: { paymentId: string; orderId: string | undefined; outcome: Outcome | undefined },
  by: By,
): Promise<PaymentRow> {
  const { paymentId, orderId, outcome } = given
  if (!outcome || !orderId) return loadPayment(tx, paymentId)
  const [order, payment, operation] = await Promise.all([holdOrder(tx, orderId), holdPayment(tx, paymentId), holdOperation(tx, paymentId)])
  const held = { order, payment, operation }
  await APPLY[outcome.kind](tx, held, outcome as never, by)
  const now = await loadPayment(tx, paymentId)
  if (order.state.status === 'pending' && now.expiresAt)
    await enqueue(tx, 'expire_order', { orderId }, { key: orderId, runAt: new Date(now.expiresAt.getTime() + EXPIRY_MARGIN_MS) })
  return now
}

// The database's clock decides: a job that comes a little early would come for nothing.
const EXPIRY_MARGIN_MS = 1_000

type Apply<Kind extends Outcome['kind']> = (tx: Tx, held: Held, outcome: Extract<Outcome, { kind: Kind }>, by: By) => Promise<void>

const APPLY: { [Kind in Outcome['kind']]: Apply<Kind> } = {
  authorized: async (tx, held, outcome, by) => {
    if (!awaitsMoney(held.payment)) return settleOperationRow(tx, held.operation, 'succeeded', by)
    const differing = differenceOf(held.payment, outcome)
    if (differing) return holdForReview(tx, held, outcome.reference, differing, by)
    await acceptAuthorization(tx, held, outcome, by)
  },
  action_required: async (tx, held, outcome, by) => {
    const { payment, operation } = held
    if (payment.status === 'failed') return letGo(tx, held, outcome.reference, by)
    if (!isOpen(payment)) return
    await waitFor(tx, operation, outcome, by)
    await tx.sql`
      update payment set status = 'requires_action', provider_reference = ${outcome.reference},
        next_action = ${JSON.stringify(outcome.action)}::jsonb, updated_at = ${by.now}
      where merchant_id = ${tx.merchantId} and id = ${payment.id}`
    if (payment.status === 'pending') await recordOrderEvent(tx, held.order, { type: 'payment.action_required', paymentId: payment.id }, by)
  },
  declined: (tx, held, outcome, by) => fail(tx, held, outcome, by),
  voided: (tx, held, { reference }, by) =>
    held.payment.status === 'authorized'
      ? lapse(tx, held, by)
      : fail(tx, held, { reference, code: 'cancelled', message: 'The payment was cancelled.' }, by),
  processing: async (tx, { payment, operation }, outcome, by) => {
    if (outcome.reference !== null && payment.providerReference === null)
      await tx.sql`
        update payment set provider_reference = ${outcome.reference}, updated_at = ${by.now}
        where merchant_id = ${tx.merchantId} and id = ${payment.id}`
    await waitFor(tx, operation, outcome, by)
  },
  absent: async (tx, held, outcome, by) => {
    // Nobody asks for this money any more. A call may still be on its way: it is listened for, for a while.
    const isOver = by.now.getTime() - held.operation.requestedAt.getTime() > ABSENT_FOR_GOOD_MS
    if (isOver && !isOpen(held.payment)) return settleOperationRow(tx, held.operation, 'failed', by)
    await waitFor(tx, held.operation, outcome, by)
  },
  unknown: (tx, { operation }, outcome, by) => waitFor(tx, operation, outcome, by),
  captured: (tx, { operation }, outcome, by) => waitFor(tx, operation, outcome, by),
  refunded: (tx, { operation }, outcome, by) => waitFor(tx, operation, outcome, by),
  refused: (tx, { operation }, outcome, by) => waitFor(tx, operation, outcome, by),
}

// Longer than any provider keeps a request that it has not begun.
const ABSENT_FOR_GOOD_MS = 24 * 60 * 60_000

function isOpen({ status }: PaymentRow): boolean {
  return status === 'pending' || status === 'requires_action'
}

/** Also when it had failed, as far as we knew. */
function awaitsMoney({ status, authorizedAmount }: PaymentRow): boolean {
  return authorizedAmount === 0n && (status === 'pending' || status === 'requires_action' || status === 'failed')
}

async function fail(tx: Tx, held: Held, why: { reference: string | null; code: string; message: string }, by: By): Promise<void> {
  const { payment, operation, order } = held
  await settleOperationRow(tx, operation, 'failed', by)
  if (!isOpen(payment)) return
  const { reference, code, message } = why
  await tx.sql`
    update payment set status = 'failed', failure = ${JSON.stringify({ code, message })}::jsonb, next_action = null,
      provider_reference = coalesce(${reference}, provider_reference), settled_at = ${by.now}, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${payment.id}`
  const amount = outstandingOf(order.state, await repayingOf(tx, order.id))
  const asksBuyer = operation.detail.elseAsksBuyer && amount > 0n && order.state.status !== 'cancelled'
  const asked: OrderEvent[] = asksBuyer ? [{ type: 'payment.requested', amount }] : []
  await recordOrderEvents(tx, order, [{ type: 'payment.failed', paymentId: payment.id, code }, ...asked], by)
}

/**
 * An authorization that was let go without our asking: its time with the provider was over, or somebody did it there. The order is firm
 * and stays so, with nothing to pay it. What is being asked for right now finds out by itself.
 */
async function lapse(tx: Tx, { payment, order }: Held, by: By): Promise<void> {
  const [asked] = await tx.sql`
    select id from payment_operation
    where merchant_id = ${tx.merchantId} and payment_id = ${payment.id} and kind <> 'authorize' and status in ('pending', 'review') limit 1`
  const amount = payment.authorizedAmount - payment.capturedAmount
  if (asked || amount <= 0n) return
  await writeAmounts(tx, { ...payment, authorizedAmount: payment.capturedAmount }, by)
  await recordOrderEvent(tx, order, { type: 'payment.voided', paymentId: payment.id, amount }, by)
}

async function holdForReview(tx: Tx, held: Held, reference: string, { review }: Differing, by: By): Promise<void> {
  const { payment, operation, order } = held
  await settleOperationRow(tx, operation, 'review', by)
  await tx.sql`
    update payment set status = 'review', review = ${JSON.stringify(review)}::jsonb, provider_reference = ${reference}, next_action = null,
      failure = null, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${payment.id}`
  await recordOrderEvent(tx, order, { type: 'payment.held_for_review', paymentId: payment.id, reason: review.reason }, by)
}

/** The buyer of a payment that nobody waits for could still confirm it: the provider is asked to let it go. */
async function letGo(tx: Tx, { payment, operation }: Held, reference: string, by: By): Promise<void> {
  await tx.sql`
    update payment set provider_reference = ${reference}, updated_at = ${by.now} where merchant_id = ${tx.merchantId} and id = ${payment.id}`
  await waitFor(tx, operation, { kind: 'processing', reference }, by)
  const [pending] = await tx.sql`
    select id from payment_operation
    where merchant_id = ${tx.merchantId} and payment_id = ${payment.id} and kind = 'void' and status = 'pending'`
  if (!pending)
    await requestOperation(tx, { paymentId: payment.id, kind: 'void', amount: payment.amount, detail: { unbooked: true }, ...by })
}

/** Nothing definite: it is looked at again, later and later. What was heard is kept for whoever looks. */
async function waitFor(tx: Tx, operation: OperationRow, heard: Outcome, { now }: By): Promise<void> {
  if (operation.status !== 'pending') return
  const seconds = secondsUntilNext(operation.attempts)
  const failure = { code: heard.kind, message: heard.kind === 'unknown' ? heard.detail : '' }
  const runAt = new Date(now.getTime() + seconds * 1_000)
  await Promise.all([
    tx.sql`
      update payment_operation set due_at = now() + make_interval(secs => ${seconds}::int), failure = ${JSON.stringify(failure)}::jsonb
      where merchant_id = ${tx.merchantId} and id = ${operation.id}`,
    enqueue(tx, 'settle_payment', { paymentId: operation.paymentId }, { key: operation.paymentId, runAt }),
  ])
}

/** What it was asked with is of no use any more, and is forgotten. */
async function settleOperationRow(tx: Tx, operation: OperationRow, status: 'succeeded' | 'failed' | 'review', { now }: By): Promise<void> {
  if (operation.status !== 'pending') return
  await tx.sql`
    update payment_operation set status = ${status}, settled_at = ${now}, failure = null, detail = detail - 'authorize'
    where merchant_id = ${tx.merchantId} and id = ${operation.id}`
}
