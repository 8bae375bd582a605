import type { Tx } from '@souk/tenant-router/tx.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { Refusal } from '../refusal.ts'
import type { ByWhom } from './end-reservations.ts'
import { noLevel, type StockLevel, toLevel } from './level.ts'

export const TERMS_LIMIT_MAX = 1_000_000_000

/** How goods are sold that are not there. */
export interface LevelTerms {
  /** When nothing is left: `limit` units beyond it, null for any number. Null: not at all. */
  backorder: { limit: bigint | null } | null
  /** Before the day (YYYY-MM-DD, UTC) on which they come: `limit` units beyond what is there already. Null: not at all. */
  preorder: { availableFrom: string; limit: bigint | null } | null
}

/**
 * Says how a variant is sold beyond what is there, at one location or at all of them, and answers the levels. Refuses
 * `not_found`, `invalid_state` for a bundle, which is sold as its components are, and `insufficient_stock` where more is
 * promised already.
 */
export async function setTerms(
  tx: Tx,
  { variantId, locationId, terms }: { variantId: string; locationId: string | undefined; terms: LevelTerms },
  by: ByWhom,
): Promise<StockLevel[]> {
  const before = await tx.sql`
    select l.*, app.may_promise(l.reserved + l.allocated, l.on_hand, l.tracked, l.bundle, ${terms.backorder !== null}::boolean,
      ${terms.backorder?.limit ?? null}::bigint, ${terms.preorder?.availableFrom ?? null}::date, ${terms.preorder?.limit ?? null}::bigint) as possible
    from stock_level l
    where l.merchant_id = ${tx.merchantId} and l.variant_id = ${variantId}
      ${locationId === undefined ? tx.sql`` : tx.sql`and l.location_id = ${locationId}`}
    order by l.variant_id, l.location_id
    for no key update of l`
  if (before.length === 0) throw noLevel()
  if (before.some((row) => row.bundle)) throw isBundle()
  if (before.some((row) => !row.possible))
    throw new Refusal('insufficient_stock', { detail: 'More is promised to buyers than these terms allow.' })
  const after = await tx.sql`
    update stock_level set backorder = ${terms.backorder !== null}, backorder_limit = ${terms.backorder?.limit ?? null}::bigint,
      available_from = ${terms.preorder?.availableFrom ?? null}::date, preorder_limit = ${terms.preorder?.limit ?? null}::bigint
    where merchant_id = ${tx.merchantId} and variant_id = ${variantId} and location_id = any(${before.map((row) => row.location_id as string)}::uuid[])
    returning *`
  const levels = after.map(toLevel)
  await recordAudit(tx, {
    action: 'stock.terms_changed',
    targetType: 'variant',
    targetId: variantId,
    before: before.map((row) => termsOf(toLevel(row))),
    after: levels.map(termsOf),
    reason: '',
    ...by,
  })
  return levels
}

function termsOf({ locationId, backorder, backorderLimit, availableFrom, preorderLimit }: StockLevel) {
  return { locationId, backorder, backorderLimit, availableFrom, preorderLimit }
}

export function isBundle(): Refusal {
  return new Refusal('invalid_state', {
    detail: 'A bundle has no stock of its own: change that of its components.',
    extra: { current_state: 'bundle' },
  })
}
