import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, lt } from 'drizzle-orm'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { mine } from '../mine.ts'
import { orders } from './tables.ts'

const QUERY = 'orders'

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
export async function listOrders(tx: Tx, keys: TokenKeys, page: { limit: number; cursor?: string | undefined }) {
  const scope = { merchantId: tx.merchantId, query: QUERY }
  const [before] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const rows = await tx
    .select(COLUMNS)
    .from(orders)
    .where(and(mine(tx, orders), before === undefined ? undefined : lt(orders.number, BigInt(before))))
    .orderBy(desc(orders.number))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit)
  const last = shown.at(-1)
  return { orders: shown, nextCursor: rows.length > page.limit && last ? sealCursor(keys, scope, [last.number.toString()]) : null }
}
