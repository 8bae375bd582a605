import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { newId } from '../ids.ts'
import { excessOf, outstandingOf } from '../orders/amounts-due.ts'
import type { HeldOrder } from '../orders/hold-order.ts'
import { repayingOf } from '../payments/repaying.ts'
import { smaller } from '../pricing/smaller.ts'
import { refundHeld } from '../refunds/refund-order.ts'
import { readRefundable } from '../refunds/refundable.ts'

/**
 * After an edit of a held order: what was paid too much goes back, and what is missing is waited for, as a payment by hand until
 * something else pays it. What a provider has only authorized stays as it is: staff capture less of it. Answers what is outstanding.
 */
export async function settleDifference(
  tx: Tx,
  held: HeldOrder,
  by: { editId: string; to: 'original' | 'store_credit'; actor: Actor; now: Date; reason: string },
): Promise<bigint> {
  const repaying = await repayingOf(tx, held.id)
  const outstanding = outstandingOf(held.state, repaying)
  await awaitPayment(tx, held, outstanding, by.now)
  const excess = excessOf(held.state, repaying)
  // A dispute may have some of it.
  const left = excess > 0n ? (await readRefundable(tx, held.id)).amount : 0n
  const amount = smaller(excess, left)
  if (amount > 0n) await refundHeld(tx, held, { lines: [], shipping: 0n, amount, ...by })
  return outstanding
}

/** The one payment by hand that an order waits for, over what is missing; none where nothing is. */
async function awaitPayment(tx: Tx, { id: orderId, state }: HeldOrder, missing: bigint, now: Date): Promise<void> {
  const [open] = await tx.sql<{ id: string }[]>`
    select id from payment where merchant_id = ${tx.merchantId} and order_id = ${orderId} and provider = 'manual' and status = 'pending'
    for no key update`
  if (open) {
    const change = missing > 0n ? tx.sql`amount = ${missing}` : tx.sql`status = 'voided', settled_at = ${now}`
    await tx.sql`update payment set ${change}, updated_at = ${now} where merchant_id = ${tx.merchantId} and id = ${open.id}`
  } else if (missing > 0n) {
    await tx.sql`
      insert into payment (merchant_id, id, order_id, provider, method, status, amount, currency, created_at)
      values (${tx.merchantId}, ${newId(now)}, ${orderId}, 'manual', 'invoice', 'pending', ${missing}, ${state.currency}, ${now})`
  }
}
