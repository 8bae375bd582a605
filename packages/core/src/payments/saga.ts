import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { OrderEvent } from '../orders/order-event.ts'
import { confirmReservations } from '../stock/confirm.ts'
import { releaseReservations } from '../stock/end-reservations.ts'
import { reserveStock } from '../stock/reserve.ts'
import { giveBackInside } from './inside-payments.ts'
import { INSIDE_PROVIDERS, type PaymentRow } from './payment.ts'
import { requestAuthorization } from './request-authorization.ts'
import { asked, requestOperation } from './request-operation.ts'

export interface By {
  actor: Actor
  now: Date
}

/**
 * An order that is paid through a provider, step by step, and what takes each step back:
 *
 *   reserve    the goods are the order's for some minutes           release   they are everybody's again
 *   authorize  the provider is asked for the money                  void      it lets the money go
 *   confirm    the reservation becomes an allocation, the order     -         people cancel a firm order (checkout/cancel-order.ts)
 *              is firm
 *   capture    the money is taken                                   refund    it is given back
 *
 * Each function belongs to one transaction with the order held, and writes down what it did or what the provider is to be asked:
 * how far an order has come is read from orders, stock_reservation, payment and payment_operation, and nowhere else. Doing one twice
 * does it once. A provider is asked between transactions, by settlePayment and settleOperation. What is not final has its time
 * in the tables (payment_operation.due_at, payment.expires_at), which the worker's round looks at: wakePayments.
 */
export const SAGA = {
  reserve: { run: reserveStock, undo: releaseReservations },
  authorize: { run: requestAuthorization, undo: requestVoid },
  confirm: { run: confirmReservations, undo: undefined },
  capture: { run: requestOperation, undo: requestRefund },
} as const

/** Takes an order back that never became firm; stock comes first, as in every transaction. Answers the events to record. */
export async function compensate(tx: Tx, orderId: string, payments: readonly PaymentRow[], by: By): Promise<OrderEvent[]> {
  await SAGA.reserve.undo(tx, { orderId }, by)
  const events: OrderEvent[] = []
  for (const payment of payments) events.push(...(await takeBack(tx, payment, by)))
  return events
}

/** Gives all of a payment back, whatever has come of it: by now, or by what a provider is asked for. Answers the events to record. */
export async function takeBack(tx: Tx, payment: PaymentRow, by: By): Promise<OrderEvent[]> {
  if (INSIDE_PROVIDERS.has(payment.provider)) return giveBackInside(tx, payment, by)
  await SAGA.capture.undo(tx, payment, by)
  await SAGA.authorize.undo(tx, payment, by)
  return []
}

/** Asks that what is authorized and not captured be let go. */
async function requestVoid(tx: Tx, payment: PaymentRow, by: By): Promise<void> {
  const { captures, voids } = await asked(tx, payment.id)
  if (captures > 0n || voids > 0n) return
  const amount = payment.authorizedAmount - payment.capturedAmount
  if (amount > 0n) await requestOperation(tx, { paymentId: payment.id, kind: 'void', amount, ...by })
}

/** Asks that what was captured and not refunded be given back. */
async function requestRefund(tx: Tx, payment: PaymentRow, by: By): Promise<void> {
  const { refunds } = await asked(tx, payment.id)
  const amount = payment.capturedAmount - payment.refundedAmount - refunds
  if (amount > 0n) await requestOperation(tx, { paymentId: payment.id, kind: 'refund', amount, ...by })
}
