import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { uncountOrder } from '../customers/figures.ts'
import { cancelOpenFulfillments } from '../fulfillment/cancel-fulfillment.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import { type Order, orderQueries, toOrder } from '../orders/order.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import { abandonOrder, closeAttempts, holdPayments } from '../payments/abandon-order.ts'
import { INSIDE_PROVIDERS, type PaymentRow } from '../payments/payment.ts'
import { SAGA } from '../payments/saga.ts'
import { returnRedemptions } from '../promotions/return-redemptions.ts'
import { refundRest } from '../refunds/refund-order.ts'
import { Refusal } from '../refusal.ts'
import { releaseStock } from '../stock/release.ts'
import { requireProse } from '../text.ts'

export interface Cancellation {
  orderId: string
  /** In the words of whoever cancels; '' for none. */
  reason: string
  actor: Actor
  now: Date
}

type By = Pick<Cancellation, 'actor' | 'now'>

export const CANCEL_REASON_BYTES_MAX = 1_000

/**
 * Cancels an order of which nothing was sent: its stock is free again, what it used of promotions and coupons is given
 * back, its customer's figures are without it, and an event says so; all in one transaction. What was authorized is let go and
 * what was captured goes back the way it came: providers are asked afterwards. An order that is cancelled already is answered
 * as it is, so that of two who cancel at once both are content and it happens once. Refuses `not_found`, and
 * `invalid_state` for an order of which something was sent, or a shipment is under way.
 */
export async function cancelOrder(tx: Tx, { orderId, reason, actor, now }: Cancellation): Promise<Order> {
  const why = requireProse('/reason', reason, CANCEL_REASON_BYTES_MAX)
  const by = { actor, now }
  const held = await holdOrder(tx, orderId)
  const { status, paymentStatus } = held.state
  if (status !== 'cancelled') {
    if (status === 'pending') await abandonOrder(tx, held, { reason: why }, by)
    else await cancelFirm(tx, held, why, by)
    await recordAudit(tx, {
      ...{ action: 'order.cancelled', targetType: 'order', targetId: orderId, reason: why, ...by },
      before: { status, payment_status: paymentStatus },
      after: { status: held.state.status, payment_status: held.state.paymentStatus },
    })
  }
  return toOrder(await Promise.all(orderQueries(tx, orderId)))
}

async function cancelFirm(tx: Tx, held: HeldOrder, reason: string, by: By): Promise<void> {
  const { id: orderId, customerId, state } = held
  if (state.lines.some(({ fulfilled }) => fulfilled > 0n)) throw notNow('A part of the order has been sent.', state.status)
  await assertNoShipment(tx, orderId)
  await cancelOpenFulfillments(tx, orderId, by)
  const payments = await holdPayments(tx, orderId)
  await releaseStock(tx, { orderId, lines: 'all', ...by })
  await returnRedemptions(tx, orderId, by.now)
  for (const payment of payments) await letGo(tx, payment, by)
  await closeAttempts(tx, payments, by)
  crashPoint('cancel.released')
  await recordOrderEvent(tx, held, { type: 'order.cancelled', reason }, by)
  // Its sum looks for orders that are not cancelled: after the row says that this one is.
  if (customerId !== null) await uncountOrder(tx, { customerId, total: state.total })
  await refundRest(tx, held, { reason, ...by })
}

/** Nothing is waited for any more of a payment that was not made; what is only authorized, its provider is asked to void. */
async function letGo(tx: Tx, payment: PaymentRow, by: By): Promise<void> {
  if (!INSIDE_PROVIDERS.has(payment.provider)) return SAGA.authorize.undo(tx, payment, by)
  if (payment.provider !== 'manual' || payment.status !== 'pending') return
  await tx.sql`
    update payment set status = 'voided', settled_at = ${by.now}, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${payment.id}`
}

/** A carrier that was told of the goods may have them. */
async function assertNoShipment(tx: Tx, orderId: string): Promise<void> {
  const [shipment] = await tx.sql`
    select id from shipment
    where merchant_id = ${tx.merchantId} and order_id = ${orderId} and status in ('requested', 'created', 'labelled', 'cancelling') limit 1`
  if (shipment) throw notNow('A shipment is under way: call it off first.', 'shipping')
}

function notNow(detail: string, currentState: string): Refusal {
  return new Refusal('invalid_state', { detail, extra: { current_state: currentState } })
}
