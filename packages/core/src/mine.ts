import type { Tx } from '@souk/tenant-router/tx.ts'
import { eq, type SQL } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'

/**
 * `merchant_id = tx.merchantId`. Every query says it, so that the planner uses the merchant's own index range and
 * statistics; row security is the backstop.
 */
export function mine(tx: Pick<Tx, 'merchantId'>, table: { merchantId: PgColumn }): SQL {
  return eq(table.merchantId, tx.merchantId)
}
