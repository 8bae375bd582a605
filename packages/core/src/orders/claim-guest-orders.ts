import type { Tx } from '@souk/tenant-router/tx.ts'

/**
 * Makes the orders of an address its owner's, who has shown that it is theirs: those that belong to nobody. The customer's figures
 * count them. Answers how many they were.
 */
export async function claimGuestOrders(tx: Tx, given: { customerId: string; email: string }): Promise<number> {
  const claimed = await tx.sql`
    with held as (
      select id from orders
      where merchant_id = ${tx.merchantId} and email = ${given.email} and customer_id is null and status <> 'cancelled'
      order by id for no key update
    )
    update orders o set customer_id = ${given.customerId} from held
    where o.merchant_id = ${tx.merchantId} and o.id = held.id and o.customer_id is null
    returning o.id`
  if (claimed.length === 0) return 0
  // Counted anew, after the customer's row was locked: whoever places or cancels an order at this moment waits for it.
  await tx.sql`select 1 from customer where merchant_id = ${tx.merchantId} and id = ${given.customerId} for no key update`
  await tx.sql`
    update customer c set orders_count = o.count, total_spent = o.total, last_order_at = o.last
    from (
      select count(*) as count, coalesce(sum(total), 0)::bigint as total, max(placed_at) as last from orders
      where merchant_id = ${tx.merchantId} and customer_id = ${given.customerId} and status <> 'cancelled'
    ) o
    where c.merchant_id = ${tx.merchantId} and c.id = ${given.customerId}`
  return claimed.length
}
