import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, arrayContains, desc, eq, lt, type SQL } from 'drizzle-orm'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { mine } from '../mine.ts'
import type { FulfillmentStatus, OrderPaymentStatus, OrderStatus } from './order-state.ts'
import { orders } from './tables.ts'

/** Which orders are wanted; what is absent is not asked for. */
export interface OrderFilter {
  status?: OrderStatus | undefined
  paymentStatus?: OrderPaymentStatus | undefined
  fulfillmentStatus?: FulfillmentStatus | undefined
  tag?: string | undefined
  customerId?: string | undefined
}

const COLUMNS = {
  id: orders.id,
  number: orders.number,
  status: orders.status,
  paymentStatus: orders.paymentStatus,
  fulfillmentStatus: orders.fulfillmentStatus,
  currency: orders.currency,
  email: orders.email,
  total: orders.total,
  placedAt: orders.placedAt,
}

/** One page of the merchant's orders, the newest number first. Refuses `invalid_cursor`. */
export async function listOrders(tx: Tx, keys: TokenKeys, page: { limit: number; cursor?: string | undefined }, filter: OrderFilter = {}) {
  const scope = { merchantId: tx.merchantId, query: `orders|${JSON.stringify(filter)}` }
  const [before] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const rows = await tx
    .select(COLUMNS)
    .from(orders)
    .where(and(mine(tx, orders), ...conditions(filter), before === undefined ? undefined : lt(orders.number, BigInt(before))))
    .orderBy(desc(orders.number))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit)
  const last = shown.at(-1)
  return { orders: shown, nextCursor: rows.length > page.limit && last ? sealCursor(keys, scope, [last.number.toString()]) : null }
}

function conditions({ status, paymentStatus, fulfillmentStatus, tag, customerId }: OrderFilter): (SQL | undefined)[] {
  return [
    status && eq(orders.status, status),
    paymentStatus && eq(orders.paymentStatus, paymentStatus),
    fulfillmentStatus && eq(orders.fulfillmentStatus, fulfillmentStatus),
    tag === undefined ? undefined : arrayContains(orders.tags, [tag]),
    customerId === undefined ? undefined : eq(orders.customerId, customerId),
  ]
}
