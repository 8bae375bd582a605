import type { Query, Tx } from '@souk/tenant-router/tx.ts'

/**
 * Gives variants a level at a location where they have none yet, sold in the same way as elsewhere; of bundles their
 * components, now and as they were sold. Refuses nothing: a location that is not there leaves no level.
 */
export function openLevelAt(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  { locationId, soldAs }: { locationId: string; soldAs: readonly string[] },
): Query {
  return tx.sql`
    insert into stock_level (merchant_id, variant_id, location_id, product_id, tracked, backorder, active)
    select distinct on (l.variant_id) l.merchant_id, l.variant_id, p.id, l.product_id, l.tracked, false, p.active
    from stock_level l join location p on p.merchant_id = ${tx.merchantId} and p.id = ${locationId}
    where l.merchant_id = ${tx.merchantId} and not l.bundle and l.variant_id in (
      select unnest(${soldAs as string[]}::uuid[])
      union select component_id from bundle_component where merchant_id = ${tx.merchantId} and bundle_id = any(${soldAs as string[]}::uuid[])
    )
    order by l.variant_id, l.location_id
    on conflict (merchant_id, variant_id, location_id) do nothing`
}
