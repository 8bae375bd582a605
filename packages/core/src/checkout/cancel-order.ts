import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { crashPoint } from '../crash-point.ts'
import { uncountOrder } from '../customers/figures.ts'
import { recordEvent } from '../events/record.ts'
import { noOrder, type Order, orderQueries, toOrder } from '../orders/order.ts'
import { returnRedemptions } from '../promotions/return-redemptions.ts'
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

export const CANCEL_REASON_BYTES_MAX = 1_000

interface HeldOrder {
  status: Order['status']
  payment_status: Order['paymentStatus']
  fulfillment_status: Order['fulfillmentStatus']
  location_id: string
  /** A shipment of it that was not called off. */
  is_sent: boolean
}

/**
 * Cancels an order that is neither paid nor fulfilled: its stock is free again, what it used of promotions and coupons is given
 * back, its payment is voided, its customer's figures are without it, and an event says so; all in one transaction. An order
 * that is cancelled already is answered as it is, so that of two who cancel at once both are content and it happens once.
 * Refuses `not_found`, and `invalid_state` for an order that has been paid or fulfilled, or of which a shipment is under way.
 */
export async function cancelOrder(tx: Tx, { orderId, reason, actor, now }: Cancellation): Promise<Order> {
  const why = requireProse('/reason', reason, CANCEL_REASON_BYTES_MAX)
  const held = await hold(tx, orderId)
  const order = toOrder(await Promise.all(orderQueries(tx, orderId)))
  if (held.status === 'cancelled') return order
  assertOpen(held)
  const lines = order.lines.map(({ variantId, quantity }) => ({ variantId, quantity }))
  await Promise.all([
    releaseStock(tx, { orderId, locationId: held.location_id, lines, actor, now }),
    returnRedemptions(tx, orderId, now),
    tx.sql`
      update orders set status = 'cancelled', payment_status = 'voided', cancelled_at = ${now}, cancel_reason = ${why}
      where merchant_id = ${tx.merchantId} and id = ${orderId}`,
    tx.sql`update payment set status = 'voided' where merchant_id = ${tx.merchantId} and order_id = ${orderId} and status = 'pending'`,
    ...(order.customerId === null ? [] : [uncountOrder(tx, { customerId: order.customerId, total: order.total })]),
  ])
  crashPoint('cancel.released')
  await Promise.all(tell(tx, order, { reason: why, actor, now }))
  return toOrder(await Promise.all(orderQueries(tx, orderId)))
}

/** The order's row, which nobody else changes until the transaction ends. Stock of the first orders came from the merchant's only location. */
async function hold(tx: Tx, orderId: string): Promise<HeldOrder> {
  const holding = tx.sql<Omit<HeldOrder, 'is_sent'>[]>`
    select o.status, o.payment_status, o.fulfillment_status, coalesce(o.location_id, s.default_location_id) as location_id
    from orders o join merchant_settings s on s.merchant_id = o.merchant_id
    where o.merchant_id = ${tx.merchantId} and o.id = ${orderId}
    for no key update of o`
  // A statement of its own: it sees the shipments that were asked for while the order was waited for.
  const sending = tx.sql`
    select id from shipment
    where merchant_id = ${tx.merchantId} and order_id = ${orderId} and status in ('requested', 'created', 'labelled', 'cancelling') limit 1`
  const [[held], shipments] = await Promise.all([holding, sending])
  if (!held) throw noOrder()
  return { ...held, is_sent: shipments.length > 0 }
}

function assertOpen({ payment_status, fulfillment_status, is_sent }: HeldOrder): void {
  const done = payment_status === 'paid' ? 'paid' : fulfillment_status === 'fulfilled' ? 'fulfilled' : undefined
  if (done) throw new Refusal('invalid_state', { detail: `The order has been ${done}.`, extra: { current_state: done } })
  if (is_sent)
    throw new Refusal('invalid_state', { detail: 'A shipment is under way: call it off first.', extra: { current_state: 'shipping' } })
}

function tell(tx: Tx, order: Order, by: Omit<Cancellation, 'orderId'>) {
  const { id, number, customerId, total, currency } = order
  const data = {
    order_id: id,
    number: Number(number),
    customer_id: customerId,
    total: { amount: Number(total), currency },
    reason: by.reason,
  }
  return [
    recordAudit(tx, {
      action: 'order.cancelled',
      targetType: 'order',
      targetId: id,
      before: { status: order.status, payment_status: order.paymentStatus },
      after: { status: 'cancelled', payment_status: 'voided' },
      ...by,
    }),
    recordEvent(tx, { type: 'order.cancelled', aggregateType: 'order', aggregateId: id, data, actor: by.actor, now: by.now }),
  ]
}
