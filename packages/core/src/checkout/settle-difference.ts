import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { newId } from '../ids.ts'
import type { HeldOrder } from '../orders/hold-order.ts'

/** After an edit: asks for what is missing, and lets go of what is too much. */
export async function settleDifference(tx: Tx, held: HeldOrder, by: { actor: Actor; now: Date; reason: string }): Promise<void> {
  const { id: orderId, state } = held
  const outstanding = state.total - (state.authorized - state.refunded)
  const [open] = await tx.sql<{ id: string }[]>`
    select id from payment where merchant_id = ${tx.merchantId} and order_id = ${orderId} and provider = 'manual' and status = 'pending'
    for update`
  if (open && outstanding > 0n) {
    await tx.sql`update payment set amount = ${outstanding}, updated_at = now() where merchant_id = ${tx.merchantId} and id = ${open.id}`
  } else if (open) {
    await tx.sql`update payment set status = 'voided', updated_at = now() where merchant_id = ${tx.merchantId} and id = ${open.id}`
  } else if (outstanding > 0n) {
    await tx.sql`
      insert into payment (merchant_id, id, order_id, provider, method, status, amount, currency, created_at)
      values (${tx.merchantId}, ${newId(by.now)}, ${orderId}, 'manual', 'invoice', 'pending', ${outstanding}, ${state.currency}, ${by.now})`
  }
}
