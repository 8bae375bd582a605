import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'

export interface StoredEdit {
  id: string
  /** The new total less the old one, in minor units of the order's currency. */
  difference: bigint
  reason: string
  actor: Actor
  editedAt: Date
}

/** The edits of an order, the oldest first. */
export async function listEdits(tx: Tx, orderId: string): Promise<StoredEdit[]> {
  return tx.sql<StoredEdit[]>`
    select id, difference, reason, actor, edited_at as "editedAt" from order_edit
    where merchant_id = ${tx.merchantId} and order_id = ${orderId} order by id`
}
