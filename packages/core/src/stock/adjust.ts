import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { Refusal } from '../refusal.ts'
import { requireProse } from '../text.ts'
import { levelOf, noLevel, type StockLevel, toLevel } from './level.ts'
import { isBundle } from './level-terms.ts'
import { noLocation } from './locations.ts'
import { openLevelAt } from './open-level-at.ts'

export const STOCK_CHANGE_MAX = 1_000_000_000
const NOTE_BYTES_MAX = 1_000

export interface Adjustment {
  variantId: string
  /** The merchant's default one, unless another is named. */
  locationId?: string | undefined
  /** Signed, never zero. */
  change: number
  note: string
  actor: Actor
  now: Date
}

/**
 * Changes what is on hand at a location by a signed amount, with its movement, and answers the level as it is then. Refuses
 * `insufficient_stock` where less would be left than is promised to buyers, `not_found` for a variant or a location that is
 * not there, and `invalid_state` for a bundle.
 */
export async function adjustStock(tx: Tx, adjustment: Adjustment): Promise<StockLevel> {
  const { variantId, locationId, change } = adjustment
  if (!Number.isSafeInteger(change) || change === 0 || Math.abs(change) > STOCK_CHANGE_MAX) {
    throw new Refusal('quantity_out_of_range', {
      detail: `A change is a whole number, not zero, of at most ${STOCK_CHANGE_MAX} units.`,
      errors: [{ pointer: '/change', code: 'quantity_out_of_range' }],
    })
  }
  requireProse('/reason', adjustment.note, NOTE_BYTES_MAX)
  const opened: Query | undefined = locationId === undefined ? undefined : openLevelAt(tx, { locationId, soldAs: [variantId] })
  const changed: Query = tx.sql`
    with changed as (
      update stock_level l set on_hand = l.on_hand + ${change}::bigint
      from merchant_settings s
      where s.merchant_id = ${tx.merchantId} and l.merchant_id = ${tx.merchantId} and l.location_id = coalesce(${locationId ?? null}::uuid, s.default_location_id)
        and l.variant_id = ${variantId} and not l.bundle
        and app.may_promise(l.reserved + l.allocated, l.on_hand + ${change}::bigint, l.tracked, l.bundle, l.backorder, l.backorder_limit,
          l.available_from, l.preorder_limit)
      returning l.*
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, on_hand_change, reason, note, actor, occurred_at)
      select ${tx.merchantId}, variant_id, location_id, ${change}::bigint, 'adjustment', ${adjustment.note},
        ${JSON.stringify(adjustment.actor)}::jsonb, ${adjustment.now}::timestamptz
      from changed
    )
    select * from changed`
  const [, [row]] = await Promise.all([opened, changed])
  if (row) return toLevel(row)
  const level = await levelOf(tx, variantId, locationId)
  if (!level) throw await levelOf(tx, variantId).then((elsewhere) => (elsewhere ? noLocation('/location_id') : noLevel()))
  if (level.bundle) throw isBundle()
  throw new Refusal('insufficient_stock', {
    detail: 'Less would be left than is promised to buyers.',
    extra: { on_hand: Number(level.onHand), reserved: Number(level.reserved), allocated: Number(level.allocated) },
  })
}
