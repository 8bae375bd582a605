import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'
import { together } from './claim.ts'
import { linesJson } from './lines-json.ts'
import { openLevelAt } from './open-level-at.ts'
import type { StockShipment } from './ship.ts'

/**
 * Takes goods of an order back into stock at a location, wherever they were sent from: they are on hand there. Refuses
 * `invalid_state` for more than the order has been sent and not brought back.
 */
export async function takeBackStock(tx: Tx, given: StockShipment): Promise<void> {
  const lines = together(given.lines)
  const [, rows] = await Promise.all([
    openLevelAt(tx, { locationId: given.locationId, soldAs: lines.map((line) => line.variantId) }),
    takenBack(tx, { ...given, lines }),
  ])
  const short = (rows as unknown as { variant_id: string; out: boolean }[]).filter((row) => !row.out).map((row) => row.variant_id)
  if (short.length === 0) return
  throw new Refusal('invalid_state', {
    detail: 'The order has not been sent as much.',
    extra: { current_state: 'not_shipped', variant_ids: [...new Set(short)] },
  })
}

/** One row for each line: whether as much is out. Writes if all are. */
function takenBack(tx: Tx, { orderId, locationId, lines, actor, now }: StockShipment): Query {
  return tx.sql`
    with asked as (
      select variant_id, quantity from jsonb_to_recordset(${linesJson(lines)}::jsonb) as line (variant_id uuid, quantity bigint)
    ), sent as materialized (
      select a.line_variant_id, a.variant_id, a.location_id, a.per_unit, a.shipped - a.returned as out from stock_allocation a
      where a.merchant_id = ${tx.merchantId} and a.order_id = ${orderId} and a.line_variant_id in (select variant_id from asked)
      order by a.line_variant_id, a.variant_id, a.location_id
      for update
    ), share as materialized (
      select s.line_variant_id, s.variant_id, s.location_id, least(s.out, greatest(0, q.quantity * s.per_unit - coalesce(sum(s.out) over (
        partition by s.line_variant_id, s.variant_id order by s.location_id rows between unbounded preceding and 1 preceding), 0)))::bigint as quantity,
        q.quantity * s.per_unit as due
      from sent s join asked q on q.variant_id = s.line_variant_id
    ), answer as materialized (
      select q.variant_id, coalesce((
        select bool_and(taken = due) from (
          select sum(quantity) as taken, max(due) as due from share s where s.line_variant_id = q.variant_id group by s.variant_id) part
      ), false) as out
      from asked q
    ), verdict as materialized (
      select bool_and(out) as granted from answer
    ), part as materialized (
      select variant_id, sum(quantity)::bigint as quantity from share where quantity > 0 group by variant_id
    ), locked as materialized (
      select l.variant_id, case when l.tracked then p.quantity else 0 end as back
      from part p cross join verdict v
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = p.variant_id and l.location_id = ${locationId}
      where v.granted
      order by l.variant_id
      for no key update of l
    ), levelled as (
      update stock_level l set on_hand = l.on_hand + k.back
      from locked k where l.merchant_id = ${tx.merchantId} and l.variant_id = k.variant_id and l.location_id = ${locationId}
    ), noted as (
      update stock_allocation a set returned = a.returned + s.quantity
      from share s, verdict v
      where v.granted and s.quantity > 0 and a.merchant_id = ${tx.merchantId} and a.order_id = ${orderId} and a.line_variant_id = s.line_variant_id
        and a.variant_id = s.variant_id and a.location_id = s.location_id
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, on_hand_change, reason, order_id, actor, occurred_at)
      select ${tx.merchantId}, variant_id, ${locationId}::uuid, back, 'return', ${orderId}::uuid, ${JSON.stringify(actor)}::jsonb,
        ${now}::timestamptz
      from locked
    )
    select variant_id, out from answer`
}
