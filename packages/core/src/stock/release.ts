import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { linesJson, type StockClaim } from './claim.ts'

/**
 * Gives back what an order had claimed. Levels are locked in the same order as claims lock them. A level never gives
 * back more than it has allocated: its answer is the variants that were released, and a caller who claimed them all
 * finds them all there. A variant that was deleted since is not among them.
 */
export function releaseStock(tx: Pick<Tx, 'merchantId' | 'sql'>, claim: StockClaim): Query {
  return tx.sql`
    with returned as (
      select variant_id, sum(quantity)::bigint as quantity
      from jsonb_to_recordset(${linesJson(claim.lines)}::jsonb) as line (variant_id uuid, quantity bigint)
      group by variant_id
    ), locked as materialized (
      select l.variant_id, r.quantity
      from returned r
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.location_id = ${claim.locationId} and l.variant_id = r.variant_id
      order by l.variant_id, l.location_id
      for no key update of l
    ), released as (
      update stock_level l set allocated = l.allocated - k.quantity
      from locked k
      where l.merchant_id = ${tx.merchantId} and l.location_id = ${claim.locationId} and l.variant_id = k.variant_id
        and l.allocated >= k.quantity
      returning l.variant_id, l.location_id, k.quantity
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, allocated_change, reason, order_id, actor, occurred_at)
      select ${tx.merchantId}, variant_id, location_id, -quantity, 'release', ${claim.orderId}::uuid,
        ${JSON.stringify(claim.actor)}::jsonb, ${claim.now}::timestamptz
      from released
    )
    select variant_id from released`
}
