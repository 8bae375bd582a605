import type { Tx } from '@souk/tenant-router/tx.ts'

/** What providers were asked to give back for edits of an order, and have not: minor units. Its order is held, or only looked at. */
export async function repayingOf(tx: Pick<Tx, 'merchantId' | 'sql'>, orderId: string): Promise<bigint> {
  const [row] = await tx.sql<{ amount: bigint }[]>`
    select coalesce(sum(amount), 0)::bigint as amount from payment_operation
    where merchant_id = ${tx.merchantId} and order_id = ${orderId} and kind = 'refund' and status in ('pending', 'review')
      and detail -> 'refund' ? 'editId'`
  return row!.amount
}
