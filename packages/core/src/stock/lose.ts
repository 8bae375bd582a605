import type { Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'
import { together } from './claim.ts'
import { foldClaims } from './fold-claims.ts'
import { linesJson } from './lines-json.ts'
import type { StockShipment } from './ship.ts'

/**
 * Takes off what was looked for to send an order and is not there: the order no longer has it, and the location neither. What was
 * promised without being there (a backorder) lowers only the promise. Refuses `invalid_state` where the order has less
 * allocated there.
 */
export async function loseStock(tx: Tx, given: StockShipment & { note: string }): Promise<void> {
  const lines = together(given.lines)
  const [, rows] = await Promise.all([foldClaims(tx, { orderId: given.orderId }), lost(tx, { ...given, lines })])
  const wrong = (rows as unknown as { variant_id: string; allocated: boolean }[]).filter((row) => !row.allocated)
  if (wrong.length === 0) return
  throw new Refusal('invalid_state', {
    detail: 'The order does not have as much at this location.',
    extra: { current_state: 'not_allocated_here', variant_ids: [...new Set(wrong.map((row) => row.variant_id))] },
  })
}

/** One row for each part of a line: whether it is allocated. Writes if all are. */
function lost(tx: Tx, { orderId, locationId, lines, note, actor, now }: StockShipment & { note: string }) {
  return tx.sql`
    with asked as (
      select variant_id, quantity from jsonb_to_recordset(${linesJson(lines)}::jsonb) as line (variant_id uuid, quantity bigint)
    ), held as materialized (
      select a.line_variant_id, a.variant_id, a.per_unit, a.quantity from stock_allocation a
      where a.merchant_id = ${tx.merchantId} and a.order_id = ${orderId} and a.location_id = ${locationId}
      order by a.line_variant_id, a.variant_id
      for update
    ), part as materialized (
      select q.variant_id as line_variant_id, h.variant_id, q.quantity * h.per_unit as quantity, coalesce(h.quantity >= q.quantity * h.per_unit, false) as allocated
      from asked q left join held h on h.line_variant_id = q.variant_id
    ), verdict as materialized (
      select bool_and(allocated) as granted from part
    ), missing as materialized (
      select p.variant_id, sum(p.quantity)::bigint as quantity, (select sum(h.quantity) from held h where h.variant_id = p.variant_id)::bigint as held
      from part p cross join verdict v where v.granted group by p.variant_id
    ), locked as materialized (
      -- What the order goes on having there was found, so that it is there.
      select l.variant_id, m.quantity,
        case when l.tracked then least(m.quantity, greatest(0, l.on_hand - (m.held - m.quantity))) else 0 end as gone
      from missing m join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = m.variant_id and l.location_id = ${locationId}
      order by l.variant_id
      for no key update of l
    ), levelled as (
      update stock_level l set on_hand = l.on_hand - k.gone, allocated = l.allocated - k.quantity
      from locked k where l.merchant_id = ${tx.merchantId} and l.variant_id = k.variant_id and l.location_id = ${locationId}
      returning l.variant_id, k.gone, k.quantity
    ), lowered as (
      update stock_allocation a set quantity = a.quantity - p.quantity
      from part p, verdict v
      where v.granted and a.merchant_id = ${tx.merchantId} and a.order_id = ${orderId} and a.line_variant_id = p.line_variant_id
        and a.variant_id = p.variant_id and a.location_id = ${locationId}
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, on_hand_change, allocated_change, reason, order_id, note, actor, occurred_at)
      select ${tx.merchantId}, variant_id, ${locationId}::uuid, -gone, -quantity, 'adjustment', ${orderId}::uuid, ${note}, ${JSON.stringify(actor)}::jsonb,
        ${now}::timestamptz
      from levelled
    )
    select line_variant_id as variant_id, allocated from part`
}
