import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Address } from '../cart/address.ts'
import { foldOrder, orderEventsQuery, type StoredOrderEvent } from './fold-order.ts'
import { noOrder, type Order, orderQueries, toOrder } from './order.ts'
import type { OrderState } from './order-state.ts'

interface ContactRow {
  email: string
  shippingAddress: Address | null
  billingAddress: Address | null
}

/**
 * An order as it was at a moment: its state folded from the events up to then, and whom it was for. Titles of lines, their prices
 * as they were found, and the payments are those of now, without payments that came later. Refuses `not_found` for a moment
 * before it was placed.
 */
export async function orderAt(tx: Tx, orderId: string, at: Date): Promise<Order> {
  const [events, contacts, ...rows] = await Promise.all([
    orderEventsQuery(tx, orderId, at),
    tx.sql<ContactRow[]>`
      select email, shipping_address as "shippingAddress", billing_address as "billingAddress" from order_contact
      where merchant_id = ${tx.merchantId} and order_id = ${orderId} and valid_from <= ${at}
      order by revision desc limit 1`,
    ...orderQueries(tx, orderId),
  ])
  const order = toOrder(rows)
  const state = foldOrder(events as unknown as StoredOrderEvent[])
  if (!state) throw noOrder()
  return asItWas(order, state, { contact: contacts[0], paymentIds: paymentsIn(events as unknown as StoredOrderEvent[]) })
}

function asItWas(order: Order, state: OrderState, then: { contact: ContactRow | undefined; paymentIds: ReadonlySet<string> }): Order {
  const { authorized, captured, refunded, repaid, lines, contactRevision: _, revision: __, ...folded } = state
  const known = new Map(order.lines.map((line) => [line.id, line]))
  return {
    ...order,
    ...folded,
    ...then.contact,
    authorizedTotal: authorized,
    capturedTotal: captured,
    refundedTotal: refunded,
    repaidTotal: repaid,
    lines: lines.map((line) => ({ ...known.get(line.id)!, ...line })),
    payments: order.payments.filter(({ id }) => then.paymentIds.has(id)),
  }
}

/** Every payment that the events speak of. */
function paymentsIn(events: readonly StoredOrderEvent[]): Set<string> {
  return new Set(
    events.flatMap(({ data }) => [
      ...((data.payments as { id: string }[] | undefined) ?? []).map(({ id }) => id),
      ...(typeof data.payment_id === 'string' ? [data.payment_id] : []),
    ]),
  )
}
