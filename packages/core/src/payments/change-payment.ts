import type { Tx } from '@souk/tenant-router/tx.ts'
import { recordAudit } from '../audit/record-audit.ts'
import type { Money } from '../money.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import type { OrderEvent } from '../orders/order-event.ts'
import { recordOrderEvents } from '../orders/record-order-event.ts'
import { type FieldProblem, Refusal } from '../refusal.ts'
import { bookCapture } from './accept-authorization.ts'
import { holdPayment, loadPayment, noPayment, type PaymentRow } from './payment.ts'
import { requestOperation } from './request-operation.ts'
import { type By, SAGA } from './saga.ts'

/** What is to be asked of a provider after the commit; undefined when nobody has to be asked. */
export interface Changed {
  payment: PaymentRow
  operationId: string | undefined
}

export interface CaptureWish {
  paymentId: string
  /** All that is left when it is not said. */
  amount: Money | undefined
  /** No other capture will follow: what is left of the authorization is let go. */
  final: boolean
}

/**
 * Staff take money that is authorized, in whole or in part, or say that money which was to come by hand has come. Refuses
 * `invalid_state` and `capture_exceeds_authorization`.
 */
export async function capturePayment(tx: Tx, { paymentId, amount: given, final }: CaptureWish, by: By): Promise<Changed> {
  const { order, payment } = await hold(tx, paymentId)
  if (given && given.currency !== payment.currency)
    throw new Refusal('currency_mismatch', { detail: `The payment is ${payment.currency}.`, errors: [at('currency_mismatch')] })
  if (given?.amount === 0n) throw new Refusal('amount_out_of_range', { errors: [at('amount_out_of_range')] })
  const amount = given?.amount
  if (payment.provider === 'manual') {
    await captureByHand(tx, order, payment, amount, by)
    return { payment: await loadPayment(tx, paymentId), operationId: undefined }
  }
  const wish = amount ?? payment.authorizedAmount - payment.capturedAmount
  if (wish <= 0n) throw notNow(payment, 'There is nothing left to take.')
  const { operationId } = await SAGA.capture.run(tx, { paymentId, kind: 'capture', amount: wish, detail: { final }, ...by })
  await audit(tx, 'payment.capture_requested', payment, { amount: wish }, by)
  return { payment, operationId }
}

function at(code: string): FieldProblem {
  return { pointer: code === 'currency_mismatch' ? '/amount/currency' : '/amount/amount', code }
}

/** Staff let go of what is authorized and not captured, or no longer wait for money by hand. Refuses `invalid_state`. */
export async function voidPayment(tx: Tx, { paymentId }: { paymentId: string }, by: By): Promise<Changed> {
  const { order, payment } = await hold(tx, paymentId)
  if (order.state.status === 'pending') throw notNow(payment, 'The order waits for this payment: cancel the order.')
  await audit(tx, 'payment.void_requested', payment, {}, by)
  if (payment.provider === 'manual') {
    if (payment.status !== 'pending') throw notNow(payment, `The payment is ${payment.status}.`)
    await recordOrderEvents(tx, order, await letGoByHand(tx, payment, by), by)
    return { payment: await loadPayment(tx, paymentId), operationId: undefined }
  }
  const amount = payment.authorizedAmount - payment.capturedAmount
  if (amount <= 0n) throw notNow(payment, `The payment is ${payment.status}.`)
  const { operationId } = await requestOperation(tx, { paymentId, kind: 'void', amount, ...by })
  return { payment, operationId }
}

async function captureByHand(tx: Tx, order: HeldOrder, payment: PaymentRow, given: bigint | undefined, by: By): Promise<void> {
  if (payment.status !== 'pending' && payment.status !== 'part_captured') throw notNow(payment, `The payment is ${payment.status}.`)
  const left = payment.amount - payment.capturedAmount
  const amount = given ?? left
  if (amount > left) throw new Refusal('capture_exceeds_authorization', { detail: 'More would be taken than is to come.' })
  const captured = payment.capturedAmount + amount
  const status = captured < payment.amount ? 'part_captured' : 'captured'
  await tx.sql`
    update payment set status = ${status}, authorized_amount = ${captured}, captured_amount = ${captured}, settled_at = ${by.now},
      updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${payment.id}`
  const events: OrderEvent[] = [
    { type: 'payment.authorized', paymentId: payment.id, amount },
    { type: 'payment.captured', paymentId: payment.id, amount },
  ]
  await audit(tx, 'payment.captured_by_hand', payment, { amount }, by)
  if (amount > 0n) await bookCapture(tx, order, payment, { key: `${payment.id}:${captured}`, amount }, by)
  await recordOrderEvents(tx, order, events, by)
}

async function letGoByHand(tx: Tx, payment: PaymentRow, { now }: By): Promise<OrderEvent[]> {
  await tx.sql`
    update payment set status = 'voided', settled_at = ${now}, updated_at = ${now} where merchant_id = ${tx.merchantId} and id = ${payment.id}`
  return [{ type: 'payment.voided', paymentId: payment.id, amount: 0n }]
}

/** The order first, then the payment: as everywhere. */
async function hold(tx: Tx, paymentId: string): Promise<{ order: HeldOrder; payment: PaymentRow }> {
  const [row] = await tx.sql<{ orderId: string }[]>`
    select order_id as "orderId" from payment where merchant_id = ${tx.merchantId} and id = ${paymentId}`
  if (!row) throw noPayment()
  const [order, payment] = await Promise.all([holdOrder(tx, row.orderId), holdPayment(tx, paymentId)])
  return { order, payment }
}

async function audit(tx: Tx, action: string, payment: PaymentRow, { amount }: { amount?: bigint }, by: By): Promise<void> {
  await recordAudit(tx, {
    ...{ action, targetType: 'payment', targetId: payment.id, reason: '', ...by },
    before: { status: payment.status, captured: payment.capturedAmount },
    after: amount === undefined ? {} : { amount, currency: payment.currency },
  })
}

function notNow(payment: PaymentRow, detail: string): Refusal {
  return new Refusal('invalid_state', { detail, extra: { current_state: payment.status } })
}
