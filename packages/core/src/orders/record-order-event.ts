import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvents } from '../events/record-many.ts'
import { storePricing } from '../pricing/stored-form.ts'
import { evolve } from './evolve.ts'
import type { HeldOrder } from './hold-order.ts'
import { eventData, type OrderEvent } from './order-event.ts'
import type { OrderLineState, OrderState } from './order-state.ts'

/**
 * Lets something happen to a held order: its row, its lines' counters and the event that says so are written in one flight, in
 * the caller's transaction. Refuses what the state machine refuses (`evolve`). `held` has the new state afterwards. Issue it
 * late in a transaction: the merchant's event counter stays locked until its end. Lines that an edit adds must be there.
 */
export async function recordOrderEvent(tx: Tx, held: HeldOrder, event: OrderEvent, by: { actor: Actor; now: Date }): Promise<void> {
  await recordOrderEvents(tx, held, [event], by)
}

/** As recordOrderEvent, for several things that happen together, one after the other. */
export async function recordOrderEvents(
  tx: Tx,
  held: HeldOrder,
  events: readonly OrderEvent[],
  by: { actor: Actor; now: Date },
): Promise<void> {
  if (events.length === 0) return
  const before = held.state
  const after = events.reduce((state, event) => evolve(state, event, by.now), before)
  const told = events.map((event) => ({
    type: event.type,
    aggregateType: 'order',
    aggregateId: held.id,
    data: eventData(held.id, event),
  }))
  await Promise.all([updateOrder(tx, held.id, after), ...updateLines(tx, before, after), recordEvents(tx, told, by)])
  held.state = after
}

/** Writes a state over an order's row. */
export function updateOrder(tx: Tx, orderId: string, state: OrderState): Query {
  return tx.sql`
    update orders set status = ${state.status}, payment_status = ${state.paymentStatus}, fulfillment_status = ${state.fulfillmentStatus},
      subtotal = ${state.subtotal}, discount_total = ${state.discountTotal}, shipping_discount_total = ${state.shippingDiscountTotal},
      shipping_total = ${state.shippingTotal}, tax_total = ${state.taxTotal}, tax_included = ${state.taxIncluded}, total = ${state.total},
      authorized_total = ${state.authorized}, captured_total = ${state.captured}, refunded_total = ${state.refunded},
      repaid_total = ${state.repaid}, tags = ${state.tags},
      cancelled_at = ${state.cancelledAt}, cancel_reason = ${state.cancelReason}, contact_revision = ${state.contactRevision},
      revision = ${state.revision}
    where merchant_id = ${tx.merchantId} and id = ${orderId}`
}

function updateLines(tx: Tx, before: OrderState, after: OrderState): Query[] {
  const known = new Map(before.lines.map((line) => [line.id, line]))
  const changed = after.lines.filter((line) => !isSame(line, known.get(line.id)))
  return changed.length === 0 ? [] : [writeLines(tx, changed)]
}

/** Writes the state of lines over their rows. */
export function writeLines(tx: Tx, lines: readonly OrderLineState[]): Query {
  return tx.sql`
    update order_line l set quantity = n.quantity, unit_price = n."unitPrice", subtotal = n.subtotal, discount_total = n."discountTotal",
      tax_total = n."taxTotal", total = n.total, fulfilled_quantity = n.fulfilled, delivered_quantity = n.delivered,
      returned_quantity = n.returned
    from jsonb_to_recordset(${storePricing(lines)}::jsonb) as n (id uuid, quantity bigint, "unitPrice" bigint, subtotal bigint,
      "discountTotal" bigint, "taxTotal" bigint, total bigint, fulfilled bigint, delivered bigint, returned bigint)
    where l.merchant_id = ${tx.merchantId} and l.id = n.id`
}

function isSame(line: OrderLineState, other: OrderLineState | undefined): boolean {
  if (!other) return false
  return (Object.keys(line) as (keyof OrderLineState)[]).every((name) => line[name] === other[name])
}
