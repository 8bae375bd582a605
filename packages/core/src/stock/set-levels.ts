import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { StockChange } from './open-levels.ts'

export interface LevelSettings {
  variantId: string
  tracked: boolean
  backorder: boolean
  /** What was counted. Null leaves what is on hand. */
  onHand: bigint | null
}

/**
 * Brings variants to what is asked: how they are sold, at every location, and, where a number is given, what is on hand at the
 * default one. A level that would then hold less than is promised to buyers stays as it is; the answer is the variants of those.
 * Levels that are so already are not written. Locks in the same order as claims.
 */
export function setLevels(tx: Pick<Tx, 'merchantId' | 'sql'>, levels: readonly LevelSettings[], change: StockChange): Query {
  const rows = levels.map((level) => ({
    variant_id: level.variantId,
    tracked: level.tracked,
    backorder: level.backorder,
    on_hand: level.onHand === null ? null : level.onHand.toString(),
  }))
  return tx.sql`
    with locked as materialized (
      select l.variant_id, l.location_id, w.tracked, w.backorder, c.on_hand, c.on_hand - l.on_hand as difference,
        app.may_promise(l.reserved + l.allocated, c.on_hand, w.tracked, l.bundle, w.backorder, l.backorder_limit, l.available_from,
          l.preorder_limit) as possible,
        (l.tracked, l.backorder, l.on_hand) is distinct from (w.tracked, w.backorder, c.on_hand) as differs
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as w (variant_id uuid, tracked boolean, backorder boolean, on_hand bigint)
        join merchant_settings s on s.merchant_id = ${tx.merchantId}
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = w.variant_id
        cross join lateral (
          select case when l.location_id = s.default_location_id and not l.bundle then coalesce(w.on_hand, l.on_hand) else l.on_hand end as on_hand
        ) c
      order by l.variant_id, l.location_id
      for no key update of l
    ), changed as (
      update stock_level l set tracked = k.tracked, backorder = k.backorder, on_hand = k.on_hand
      from locked k
      where k.possible and k.differs
        and l.merchant_id = ${tx.merchantId} and l.variant_id = k.variant_id and l.location_id = k.location_id
      returning l.variant_id, l.location_id, k.difference
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, on_hand_change, reason, note, actor, occurred_at)
      select ${tx.merchantId}, variant_id, location_id, difference, ${change.reason}, ${change.note}, ${JSON.stringify(change.actor)}::jsonb,
        ${change.now}::timestamptz
      from changed where difference <> 0
    )
    select variant_id from locked where not possible`
}
