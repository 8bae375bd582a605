import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { Line } from './allocate.ts'
import { foldClaims } from './fold-claims.ts'
import { linesJson } from './lines-json.ts'

export interface StockRelease {
  orderId: string
  lines: readonly Line[] | 'all'
  actor: Actor
  now: Date
}

/** More than any line has. */
const ALL_UNITS = 1_000_000_000_000_000n

/**
 * Gives back what an order has allocated, from the location with the lowest priority first. An order never gives back more
 * than it has: the answer is the variants of which something was released, and how much.
 */
export async function releaseStock(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  release: StockRelease,
): Promise<{ variant_id: string; quantity: bigint }[]> {
  const [, rows] = await Promise.all([foldClaims(tx, { orderId: release.orderId }), released(tx, release)])
  return rows as unknown as { variant_id: string; quantity: bigint }[]
}

function released(tx: Pick<Tx, 'merchantId' | 'sql'>, { orderId, lines, actor, now }: StockRelease): Query {
  const asked =
    lines === 'all'
      ? tx.sql`
      select distinct line_variant_id as variant_id, ${ALL_UNITS}::bigint as quantity from stock_allocation
      where merchant_id = ${tx.merchantId} and order_id = ${orderId}`
      : tx.sql`
      select variant_id, sum(quantity)::bigint as quantity
      from jsonb_to_recordset(${linesJson(lines)}::jsonb) as line (variant_id uuid, quantity bigint)
      group by variant_id`
  return tx.sql`
    with asked as (${asked}
    ), held as materialized (
      select a.line_variant_id, a.variant_id, a.location_id, a.per_unit, a.quantity
      from stock_allocation a
      where a.merchant_id = ${tx.merchantId} and a.order_id = ${orderId} and a.line_variant_id in (select variant_id from asked)
      order by a.line_variant_id, a.variant_id, a.location_id
      for update
    ), there as (
      select h.line_variant_id, h.location_id, p.priority, min(h.quantity / h.per_unit) as units
      from held h join location p on p.merchant_id = ${tx.merchantId} and p.id = h.location_id
      group by h.line_variant_id, h.location_id, p.priority
    ), given as materialized (
      select t.line_variant_id, t.location_id, least(t.units, greatest(0, q.quantity - coalesce(sum(t.units) over (
        partition by t.line_variant_id order by t.priority, t.location_id desc rows between unbounded preceding and 1 preceding), 0)))::bigint as units
      from there t join asked q on q.variant_id = t.line_variant_id
    ), part as materialized (
      select h.line_variant_id, h.variant_id, h.location_id, g.units * h.per_unit as quantity
      from held h join given g on g.line_variant_id = h.line_variant_id and g.location_id = h.location_id
      where g.units > 0
    ), locked as materialized (
      select l.variant_id, l.location_id, c.quantity
      from (select variant_id, location_id, sum(quantity)::bigint as quantity from part group by 1, 2) c
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = c.variant_id and l.location_id = c.location_id
      order by l.variant_id, l.location_id
      for no key update of l
    ), levelled as (
      update stock_level l set allocated = l.allocated - k.quantity
      from locked k where l.merchant_id = ${tx.merchantId} and l.variant_id = k.variant_id and l.location_id = k.location_id
    ), lowered as (
      update stock_allocation a set quantity = a.quantity - p.quantity
      from part p
      where a.merchant_id = ${tx.merchantId} and a.order_id = ${orderId} and a.line_variant_id = p.line_variant_id
        and a.variant_id = p.variant_id and a.location_id = p.location_id
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, allocated_change, reason, order_id, actor, occurred_at)
      select ${tx.merchantId}::uuid, variant_id, location_id, -quantity, 'release', ${orderId}::uuid, ${JSON.stringify(actor)}::jsonb, ${now}::timestamptz
      from locked
    )
    select line_variant_id as variant_id, sum(units)::bigint as quantity from given where units > 0 group by line_variant_id`
}
