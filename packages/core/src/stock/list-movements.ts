import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, lt } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { stockMovements } from './tables.ts'

export type StockMovement = typeof stockMovements.$inferSelect

/** The movements of a variant, newest first, `limit` of them before the one named. History outlives the variant. */
export async function listMovements(tx: Tx, variantId: string, page: { limit: number; before?: string }): Promise<StockMovement[]> {
  return tx
    .select()
    .from(stockMovements)
    .where(
      and(mine(tx, stockMovements), eq(stockMovements.variantId, variantId), page.before ? lt(stockMovements.id, page.before) : undefined),
    )
    .orderBy(desc(stockMovements.id))
    .limit(page.limit)
}
