import type { Query, Tx } from '@souk/tenant-router/tx.ts'

/**
 * Counts an order to its customer's figures, in the transaction that places it. Answers no row when the customer is gone, or has
 * ordered something since `ordersCount` was read: then the order was priced for a history that is over. The query is not
 * awaited here: it may travel with others.
 */
export function countOrder(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  order: { customerId: string; ordersCount: bigint; total: bigint; placedAt: Date },
): Query {
  return tx.sql`
    update customer
    set orders_count = orders_count + 1, total_spent = total_spent + ${order.total}::bigint,
      last_order_at = greatest(last_order_at, ${order.placedAt}::timestamptz)
    where merchant_id = ${tx.merchantId} and id = ${order.customerId} and orders_count = ${order.ordersCount}::bigint
    returning id`
}

/** Moves what a customer has spent by the difference that an edit of an order made. */
export function countDifference(tx: Pick<Tx, 'merchantId' | 'sql'>, order: { customerId: string; difference: bigint }): Query {
  return tx.sql`
    update customer set total_spent = total_spent + ${order.difference}::bigint
    where merchant_id = ${tx.merchantId} and id = ${order.customerId}`
}

/** Takes a cancelled order out of its customer's figures again. Comes after the order's row says that it is cancelled. */
export function uncountOrder(tx: Pick<Tx, 'merchantId' | 'sql'>, order: { customerId: string; total: bigint }): Query {
  return tx.sql`
    update customer c
    set orders_count = orders_count - 1, total_spent = total_spent - ${order.total}::bigint, last_order_at = (
      select max(o.placed_at) from orders o
      where o.merchant_id = ${tx.merchantId} and o.customer_id = c.id and o.status <> 'cancelled')
    where c.merchant_id = ${tx.merchantId} and c.id = ${order.customerId}`
}
