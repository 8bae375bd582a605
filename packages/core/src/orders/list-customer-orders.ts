import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, lt } from 'drizzle-orm'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { mine } from '../mine.ts'
import { type Order, orderQueries, toOrder } from './order.ts'
import { orders } from './tables.ts'

/** One page of a customer's orders, the newest number first. Refuses `invalid_cursor`. */
export async function listCustomerOrders(
  tx: Tx,
  keys: TokenKeys,
  page: { customerId: string; limit: number; cursor?: string | undefined },
) {
  const scope = { merchantId: tx.merchantId, query: `orders_of|${page.customerId}` }
  const [before] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const { id, number, status, paymentStatus, fulfillmentStatus, currency, email, total, placedAt } = orders
  const rows = await tx
    .select({ id, number, status, paymentStatus, fulfillmentStatus, currency, email, total, placedAt })
    .from(orders)
    .where(
      and(mine(tx, orders), eq(orders.customerId, page.customerId), before === undefined ? undefined : lt(orders.number, BigInt(before))),
    )
    .orderBy(desc(orders.number))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit)
  const last = shown.at(-1)
  return { orders: shown, nextCursor: rows.length > page.limit && last ? sealCursor(keys, scope, [last.number.toString()]) : null }
}

/** A customer's own order. Refuses `not_found` for anybody else's. */
export async function readCustomerOrder(tx: Tx, given: { customerId: string; orderId: string }): Promise<Order> {
  const order = toOrder(await Promise.all(orderQueries(tx, given.orderId) as Query[]))
  return order.customerId === given.customerId ? order : toOrder([[], [], []])
}
