import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { Refusal } from '../refusal.ts'

export interface StockClaim {
  orderId: string
  /** Where the stock is taken from. */
  locationId: string
  lines: readonly ClaimLine[]
  actor: Actor
  now: Date
}

/** Lines of the same variant count together. */
export interface ClaimLine {
  variantId: string
  quantity: bigint
}

/**
 * Allocates stock to an order: all lines or none, in one conditional statement, so that two buyers cannot both win the
 * last unit. Levels are locked in (variant, location) order, so that two orders with the same goods in another order
 * wait for each other and never deadlock. The movements are written with it.
 *
 * Its answer is the variants of which there was enough: the claim was made if they are all of them. `assertClaimed`
 * reads it. The query is not awaited here: it may travel with others.
 */
export function claimStock(tx: Pick<Tx, 'merchantId' | 'sql'>, claim: StockClaim): Query {
  // The verdict is joined, not asked for in a subquery: after waiting for a lock PostgreSQL checks the condition of the
  // update again, and must see the same verdict.
  return tx.sql`
    with wanted as (
      select variant_id, sum(quantity)::bigint as quantity
      from jsonb_to_recordset(${linesJson(claim.lines)}::jsonb) as line (variant_id uuid, quantity bigint)
      group by variant_id
    ), locked as materialized (
      select l.variant_id, w.quantity, not l.tracked or l.backorder or l.on_hand - l.reserved - l.allocated >= w.quantity as enough
      from wanted w
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.location_id = ${claim.locationId} and l.variant_id = w.variant_id
      order by l.variant_id, l.location_id
      for no key update of l
    ), verdict as materialized (
      select (select count(*) from wanted) = count(*) filter (where enough) as granted from locked
    ), claimed as (
      update stock_level l set allocated = l.allocated + k.quantity
      from locked k, verdict v
      where v.granted and l.merchant_id = ${tx.merchantId} and l.location_id = ${claim.locationId} and l.variant_id = k.variant_id
      returning l.variant_id, l.location_id, k.quantity
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, allocated_change, reason, order_id, actor, occurred_at)
      select ${tx.merchantId}, variant_id, location_id, quantity, 'allocation', ${claim.orderId}::uuid,
        ${JSON.stringify(claim.actor)}::jsonb, ${claim.now}::timestamptz
      from claimed
    )
    select variant_id from locked where enough`
}

/** Refuses `insufficient_stock` unless there was enough of every line. Names the variants, and no figure of the stock. */
export function assertClaimed(enough: readonly object[], lines: readonly { variantId: string }[]): void {
  const granted = new Set((enough as readonly { variant_id: string }[]).map((row) => row.variant_id))
  const short = [...new Set(lines.map((line) => line.variantId))].filter((variantId) => !granted.has(variantId))
  if (short.length === 0) return
  throw new Refusal('insufficient_stock', { detail: 'There is not enough in stock.', extra: { variant_ids: short } })
}

/** Quantities as text: JSON numbers would lose digits on the way. */
export function linesJson(lines: readonly ClaimLine[]): string {
  return JSON.stringify(lines.map((line) => ({ variant_id: line.variantId, quantity: line.quantity.toString() })))
}
