import type { Tx } from '@souk/tenant-router/tx.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import { recordOrderEvents } from '../orders/record-order-event.ts'
import { Refusal } from '../refusal.ts'
import { abandonOrder } from './abandon-order.ts'
import { acceptAuthorization } from './accept-authorization.ts'
import { holdOperation, holdPayment, loadPayment, noPayment, type PaymentRow, statusOf } from './payment.ts'
import { requestOperation } from './request-operation.ts'
import type { By } from './saga.ts'

export interface Resolution {
  paymentId: string
  /** accept: what the provider says is taken as it is. reject: it is given back, and the order, if it waited for it, cancelled. */
  decision: 'accept' | 'reject'
  reason: string
}

/**
 * Staff decide about a payment of which a provider says something else than it was asked for. An authorization can be accepted in
 * the order's currency only. A capture or a refund of another amount is accepted when staff have put it right at the provider:
 * nothing is booked by that. Refuses `invalid_state` and `currency_mismatch`.
 */
export async function resolveReview(tx: Tx, { paymentId, decision, reason }: Resolution, by: By): Promise<PaymentRow> {
  const [row] = await tx.sql<{ orderId: string }[]>`
    select order_id as "orderId" from payment where merchant_id = ${tx.merchantId} and id = ${paymentId}`
  if (!row) throw noPayment()
  const [order, payment] = await Promise.all([holdOrder(tx, row.orderId), holdPayment(tx, paymentId)])
  if (payment.status !== 'review' || !payment.review)
    throw new Refusal('invalid_state', { detail: 'The payment is not held for review.', extra: { current_state: payment.status } })
  await recordAudit(tx, {
    ...{ action: `payment.review_${decision}ed`, targetType: 'payment', targetId: paymentId, reason, ...by },
    before: payment.review,
    after: null,
  })
  if (payment.review.operation !== 'authorize') await close(tx, order, payment, decision, by)
  else if (decision === 'accept') await accept(tx, order, payment, by)
  else await reject(tx, order, payment, by)
  return loadPayment(tx, paymentId)
}

async function accept(tx: Tx, order: HeldOrder, payment: PaymentRow, by: By): Promise<void> {
  const { found } = payment.review!
  if (found.currency !== payment.currency) throw new Refusal('currency_mismatch', { detail: `The money is ${found.currency}.` })
  const operation = await holdOperation(tx, payment.id)
  const said = { reference: found.reference, authorized: BigInt(found.amount), captured: BigInt(found.captured), method: null }
  await acceptAuthorization(tx, { order, payment, operation }, said, by)
}

/** It was never booked: what is asked for now is not, either. */
async function reject(tx: Tx, order: HeldOrder, payment: PaymentRow, by: By): Promise<void> {
  const { found } = payment.review!
  const captured = BigInt(found.captured)
  const failure = { code: 'rejected', message: 'Staff rejected what the provider said.' }
  await tx.sql`
    update payment set status = 'failed', review = null, failure = ${JSON.stringify(failure)}::jsonb, settled_at = ${by.now},
      updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${payment.id}`
  const kind = captured > 0n ? 'refund' : 'void'
  const amount = captured > 0n ? captured : BigInt(found.amount)
  await requestOperation(tx, { paymentId: payment.id, kind, amount, currency: found.currency, detail: { unbooked: true }, ...by })
  const failed = { type: 'payment.failed', paymentId: payment.id, code: 'rejected' } as const
  if (order.state.status === 'pending') await abandonOrder(tx, order, { reason: 'Its payment was rejected.', before: [failed] }, by)
  else await recordOrderEvents(tx, order, [failed], by)
}

/** A capture or a refund of another amount: the operation has failed, or was put right by hand. */
async function close(tx: Tx, order: HeldOrder, payment: PaymentRow, decision: Resolution['decision'], by: By): Promise<void> {
  await Promise.all([
    tx.sql`
      update payment set status = ${statusOf(payment)}, review = null, updated_at = ${by.now}
      where merchant_id = ${tx.merchantId} and id = ${payment.id}`,
    tx.sql`
      update payment_operation set status = 'failed', failure = ${JSON.stringify({ code: `review_${decision}ed`, message: '' })}::jsonb
      where merchant_id = ${tx.merchantId} and payment_id = ${payment.id} and status = 'review'`,
  ])
  await recordOrderEvents(tx, order, [{ type: 'payment.failed', paymentId: payment.id, code: 'reviewed' }], by)
}
