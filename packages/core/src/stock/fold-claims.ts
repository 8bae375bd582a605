import type { Query, Tx } from '@souk/tenant-router/tx.ts'

const CLAIMS_PER_FOLD = 2_000
const ACTOR = { kind: 'job', task: 'fold_claims' }

/**
 * Counts claims over from reserved to allocated, in bulk: those of one order, or as many of the merchant's as one statement
 * takes. Its answer is how many. What is available does not change by it.
 */
export function foldClaims(tx: Pick<Tx, 'merchantId' | 'sql'>, of: { orderId: string } | 'all'): Query {
  const ofOrder = of === 'all' ? tx.sql`` : tx.sql`and order_id = ${of.orderId}::uuid`
  return tx.sql`
    with due as materialized (
      select id, order_id, variant_id, location_id, quantity from stock_reservation
      where merchant_id = ${tx.merchantId} and status = 'claimed' and counted_as = 'reserved' ${ofOrder}
      order by id
      limit ${CLAIMS_PER_FOLD}
      for update ${of === 'all' ? tx.sql`skip locked` : tx.sql``}
    ), change as materialized (
      select variant_id, location_id, sum(quantity)::bigint as quantity from due group by variant_id, location_id
    ), locked as materialized (
      select l.variant_id, l.location_id, c.quantity
      from change c join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = c.variant_id and l.location_id = c.location_id
      order by l.variant_id, l.location_id
      for no key update of l
    ), folded as (
      update stock_reservation r set counted_as = 'allocated' from due d where r.merchant_id = ${tx.merchantId} and r.id = d.id
    ), levelled as (
      update stock_level l set reserved = l.reserved - k.quantity, allocated = l.allocated + k.quantity
      from locked k where l.merchant_id = ${tx.merchantId} and l.variant_id = k.variant_id and l.location_id = k.location_id
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, reserved_change, allocated_change, reason, order_id, reservation_id, actor)
      select ${tx.merchantId}::uuid, variant_id, location_id, -quantity, quantity, 'allocation', order_id, id, ${JSON.stringify(ACTOR)}::jsonb
      from due
    )
    select count(*)::int as folded from due`
}
