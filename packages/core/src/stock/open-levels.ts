import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'

export interface OpeningLevel {
  variantId: string
  productId: string
  tracked: boolean
  backorder: boolean
  /** What is there to begin with. Counts for tracked variants only. */
  onHand: bigint
}

export interface StockChange {
  reason: 'import' | 'adjustment'
  note: string
  actor: Actor
  now: Date
}

/**
 * Gives new variants their level at the merchant's default location, with a movement for what is there already. The
 * query is not awaited here: it travels with the statements that create the variants, after them.
 */
export function openLevels(tx: Pick<Tx, 'merchantId' | 'sql'>, levels: readonly OpeningLevel[], change: StockChange): Query {
  const rows = levels.map((level) => ({
    variant_id: level.variantId,
    product_id: level.productId,
    tracked: level.tracked,
    backorder: level.backorder,
    on_hand: level.tracked ? level.onHand.toString() : '0',
  }))
  return tx.sql`
    with opened as (
      insert into stock_level (merchant_id, variant_id, location_id, product_id, tracked, backorder, on_hand)
      select ${tx.merchantId}, l.variant_id, s.default_location_id, l.product_id, l.tracked, l.backorder, l.on_hand
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
          as l (variant_id uuid, product_id uuid, tracked boolean, backorder boolean, on_hand bigint)
        cross join merchant_settings s
      where s.merchant_id = ${tx.merchantId}
      returning variant_id, location_id, on_hand
    )
    insert into stock_movement (merchant_id, variant_id, location_id, on_hand_change, reason, note, actor, occurred_at)
    select ${tx.merchantId}, variant_id, location_id, on_hand, ${change.reason}, ${change.note}, ${JSON.stringify(change.actor)}::jsonb,
      ${change.now}::timestamptz
    from opened where on_hand <> 0`
}
