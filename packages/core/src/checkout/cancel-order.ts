import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { crashPoint } from '../crash-point.ts'
import { uncountOrder } from '../customers/figures.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import { type Order, orderQueries, toOrder } from '../orders/order.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
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

/**
 * Cancels an order of which nothing was sent: its stock is free again, what it used of promotions and coupons is given
 * back, its payment is voided, its customer's figures are without it, and an event says so; all in one transaction. An order
 * that is cancelled already is answered as it is, so that of two who cancel at once both are content and it happens once.
 * Refuses `not_found`, and `invalid_state` for an order that has been paid or sent, or of which a shipment is under way.
 */
export async function cancelOrder(tx: Tx, { orderId, reason, actor, now }: Cancellation): Promise<Order> {
  const why = requireProse('/reason', reason, CANCEL_REASON_BYTES_MAX)
  const held = await holdOrder(tx, orderId)
  const before = held.state
  if (before.status !== 'cancelled') {
    await assertCancellable(tx, held)
    await giveBack(tx, held, { actor, now })
    crashPoint('cancel.released')
    await recordOrderEvent(tx, held, { type: 'order.cancelled', reason: why }, { actor, now })
    await Promise.all([
      // Their sum looks for orders that are not cancelled: after the row says that this one is.
      ...(held.customerId === null ? [] : [uncountOrder(tx, { customerId: held.customerId, total: before.total })]),
      recordAudit(tx, {
        ...{ action: 'order.cancelled', targetType: 'order', targetId: orderId, reason: why, actor, now },
        before: { status: before.status, payment_status: before.paymentStatus },
        after: { status: held.state.status, payment_status: held.state.paymentStatus },
      }),
    ])
  }
  return toOrder(await Promise.all(orderQueries(tx, orderId)))
}

async function giveBack(tx: Tx, held: HeldOrder, { actor, now }: { actor: Actor; now: Date }): Promise<void> {
  const { id: orderId, state } = held
  const lines = state.lines.map(({ variantId, quantity }) => ({ variantId, quantity }))
  const voiding: Query = tx.sql`
    update payment set status = 'voided' where merchant_id = ${tx.merchantId} and order_id = ${orderId} and status = 'pending'`
  await Promise.all([releaseStock(tx, { orderId, lines, actor, now }), returnRedemptions(tx, orderId, now), voiding])
}

async function assertCancellable(tx: Tx, { id, state }: HeldOrder): Promise<void> {
  if (state.captured > state.refunded) throw notNow('The order has been paid.', 'paid')
  const [shipment] = await tx.sql`
    select id from shipment
    where merchant_id = ${tx.merchantId} and order_id = ${id} and status in ('requested', 'created', 'labelled', 'cancelling') limit 1`
  if (shipment) throw notNow('A shipment is under way: call it off first.', 'shipping')
}

function notNow(detail: string, currentState: string): Refusal {
  return new Refusal('invalid_state', { detail, extra: { current_state: currentState } })
}
