import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { Refusal } from '../refusal.ts'
import type { Line } from './allocate.ts'
import { together } from './claim.ts'
import { foldClaims } from './fold-claims.ts'
import { linesJson } from './lines-json.ts'

export interface StockShipment {
  orderId: string
  locationId: string
  /** What was bought: of a bundle the bundle, not its components. Lines of the same variant count together. */
  lines: readonly Line[]
  actor: Actor
  now: Date
}

/**
 * Sends goods of an order out of a location: they are no longer on hand, and no longer allocated. Refuses `invalid_state` where
 * the order has less allocated there, `insufficient_stock` where less is on hand: goods sold before they are there must
 * arrive first. Of goods that are not tracked nothing is counted.
 */
export async function shipStock(tx: Tx, shipment: StockShipment): Promise<void> {
  const lines = together(shipment.lines)
  const [, rows] = await Promise.all([foldClaims(tx, { orderId: shipment.orderId }), shipped(tx, { ...shipment, lines })])
  const parts = rows as unknown as { variant_id: string; allocated: boolean; there: boolean }[]
  const errorsOf = (isWrong: (part: (typeof parts)[number]) => boolean) => [
    ...new Set(parts.filter(isWrong).map((part) => part.variant_id)),
  ]
  const notAllocated = errorsOf((part) => !part.allocated)
  if (notAllocated.length > 0) {
    throw new Refusal('invalid_state', {
      detail: 'The order does not have as much at this location.',
      extra: { current_state: 'not_allocated_here', variant_ids: notAllocated },
    })
  }
  const missing = errorsOf((part) => !part.there)
  if (missing.length > 0)
    throw new Refusal('insufficient_stock', { detail: 'Not as much is on hand at this location.', extra: { variant_ids: missing } })
}

/** One row for each part of a line: whether it is allocated, and there. Writes if all are. */
function shipped(tx: Tx, { orderId, locationId, lines, actor, now }: StockShipment): Query {
  return tx.sql`
    with asked as (
      select variant_id, quantity from jsonb_to_recordset(${linesJson(lines)}::jsonb) as line (variant_id uuid, quantity bigint)
    ), held as materialized (
      select a.line_variant_id, a.variant_id, a.per_unit, a.quantity from stock_allocation a
      where a.merchant_id = ${tx.merchantId} and a.order_id = ${orderId} and a.location_id = ${locationId}
        and a.line_variant_id in (select variant_id from asked)
      order by a.line_variant_id, a.variant_id
      for update
    ), part as materialized (
      select q.variant_id as line_variant_id, h.variant_id, q.quantity * h.per_unit as quantity, coalesce(h.quantity >= q.quantity * h.per_unit, false) as allocated
      from asked q left join held h on h.line_variant_id = q.variant_id
    ), locked as materialized (
      select l.variant_id, c.quantity, not l.tracked or l.on_hand >= c.quantity as there, case when l.tracked then c.quantity else 0 end as gone
      from (select variant_id, sum(quantity)::bigint as quantity from part where allocated group by 1) c
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = c.variant_id and l.location_id = ${locationId}
      order by l.variant_id
      for no key update of l
    ), verdict as materialized (
      select (select bool_and(allocated) from part) and bool_and(there) as granted from locked
    ), levelled as (
      update stock_level l set on_hand = l.on_hand - k.gone, allocated = l.allocated - k.quantity
      from locked k, verdict v
      where v.granted and l.merchant_id = ${tx.merchantId} and l.variant_id = k.variant_id and l.location_id = ${locationId}
      returning l.variant_id, k.gone, k.quantity
    ), lowered as (
      update stock_allocation a set quantity = a.quantity - p.quantity, shipped = a.shipped + p.quantity
      from part p, verdict v
      where v.granted and a.merchant_id = ${tx.merchantId} and a.order_id = ${orderId} and a.line_variant_id = p.line_variant_id
        and a.variant_id = p.variant_id and a.location_id = ${locationId}
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, on_hand_change, allocated_change, reason, order_id, actor, occurred_at)
      select ${tx.merchantId}, variant_id, ${locationId}::uuid, -gone, -quantity, 'shipment', ${orderId}::uuid, ${JSON.stringify(actor)}::jsonb,
        ${now}::timestamptz
      from levelled
    )
    select p.line_variant_id as variant_id, p.allocated, coalesce(k.there, true) as there from part p left join locked k on k.variant_id = p.variant_id`
}
