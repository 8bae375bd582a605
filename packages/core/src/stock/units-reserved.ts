import type { Query, Tx } from '@souk/tenant-router/tx.ts'

/** What a cart has reserved, as a subquery: `line_variant_id`, and the `units` of it. */
export function unitsReserved(tx: Pick<Tx, 'merchantId' | 'sql'>, cartId: string): Query {
  return tx.sql`
    select line_variant_id, sum(quantity / per_unit) / count(distinct variant_id) as units from stock_reservation
    where merchant_id = ${tx.merchantId} and cart_id = ${cartId} and status = 'active'
    group by line_variant_id`
}
