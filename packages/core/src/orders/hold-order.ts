import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { noOrder } from './order.ts'
import type { OrderLineState, OrderState } from './order-state.ts'

/** An order that nobody else changes until the transaction ends, and its state. */
export interface HeldOrder {
  id: string
  cartId: string
  customerId: string | null
  email: string
  placedAt: Date
  /** Where its stock came from; null on orders from before it was kept. */
  locationId: string | null
  state: OrderState
}

/** Locks an order and reads its state. Refuses `not_found`. Lock it before its payments, stock and accounts. */
export async function holdOrder(tx: Tx, orderId: string): Promise<HeldOrder> {
  return readHeld(await Promise.all([...lockQuery(tx, orderId), linesQuery(tx, orderId)]))
}

/** The state of an order as its row has it now, for readers. Refuses `not_found`. */
export async function readOrderState(tx: Tx, orderId: string): Promise<HeldOrder> {
  return readHeld(await Promise.all([rowQuery(tx, orderId), linesQuery(tx, orderId)]))
}

type HeldRow = Omit<OrderState, 'lines'> & Omit<HeldOrder, 'state'>

function readHeld(answers: readonly unknown[]): HeldOrder {
  const [orders, lines] = [answers[0] as HeldRow[], answers.at(-1) as OrderLineState[]]
  const [row] = orders
  if (!row) throw noOrder()
  const { id, cartId, customerId, email, placedAt, locationId, ...state } = row
  return { id, cartId, customerId, email, placedAt, locationId, state: { ...state, lines: [...lines] } }
}

/** The lines are read by a statement of their own after the lock: its snapshot is taken once the lock was granted. */
function lockQuery(tx: Tx, orderId: string): [Query] {
  return [tx.sql`${rowQuery(tx, orderId)} for no key update`]
}

function rowQuery(tx: Tx, orderId: string): Query {
  return tx.sql`
    select id, cart_id as "cartId", customer_id as "customerId", email, placed_at as "placedAt", location_id as "locationId", number, status,
      payment_status as "paymentStatus", fulfillment_status as "fulfillmentStatus", currency, subtotal, discount_total as "discountTotal",
      shipping_discount_total as "shippingDiscountTotal", shipping_total as "shippingTotal", tax_total as "taxTotal",
      tax_included as "taxIncluded", total, authorized_total as authorized, captured_total as captured, refunded_total as refunded,
      repaid_total as repaid, tags,
      cancelled_at as "cancelledAt", cancel_reason as "cancelReason", contact_revision as "contactRevision", revision
    from orders where merchant_id = ${tx.merchantId} and id = ${orderId}`
}

function linesQuery(tx: Tx, orderId: string): Query {
  return tx.sql`
    select id, product_id as "productId", variant_id as "variantId", sku, quantity, unit_price as "unitPrice", subtotal,
      discount_total as "discountTotal", tax_total as "taxTotal", total, fulfilled_quantity as fulfilled, delivered_quantity as delivered,
      returned_quantity as returned
    from order_line where merchant_id = ${tx.merchantId} and order_id = ${orderId} order by position`
}
