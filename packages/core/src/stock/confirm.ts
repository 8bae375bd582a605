import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { Line } from './allocate.ts'
import { hotVariants } from './heat.ts'
import { wakeFold } from './sweep.ts'
import { takeStock } from './take.ts'

export interface Confirmation {
  orderId: string
  actor: Actor
  now: Date
}

/**
 * Makes what an order has reserved its own for good. What expired meanwhile is taken again if it is there: all of it, or
 * nothing is changed and the answer names what could not be had. Call it with the order held. Doing it again changes nothing.
 */
export async function confirmReservations(tx: Tx, confirmation: Confirmation): Promise<{ short: string[] }> {
  const { orderId, actor, now } = confirmation
  // A statement of its own: the next one sees what was waited for here.
  const held: Query = tx.sql`
    select id from stock_reservation where merchant_id = ${tx.merchantId} and order_id = ${orderId} and status = 'active' order by id for update`
  const [, { lost }] = await Promise.all([held.execute(), claimReserved(tx, confirmation)])
  if (lost.length === 0) return { short: [] }
  const [short] = await takeStock(tx, [{ holder: { orderId, cartId: null }, lines: lost }], {
    as: 'allocated',
    minutes: 0,
    others: 'ended',
    actor,
    now,
  })
  if (short!.length > 0) return { short: [...short!] }
  const marked: Query = tx.sql`
    update stock_reservation set retaken_at = ${now}::timestamptz
    where merchant_id = ${tx.merchantId} and order_id = ${orderId} and status = 'expired' and retaken_at is null`
  await Promise.all([marked.execute(), claimReserved(tx, confirmation)])
  return { short: [] }
}

/**
 * Claims the order's active reservations, unless some have expired: then its answer is everything that the order should have.
 * Their levels are only touched if nobody else holds them at this moment, and few have wanted to of late. On a level that many
 * wait for the units stay counted as reserved, and `foldClaims` counts them over in bulk.
 */
export async function claimReserved(tx: Tx, confirmation: Confirmation): Promise<{ lost: Line[] }> {
  const [row] = (await claiming(tx, confirmation)) as unknown as { lost: { variant_id: string; quantity: string }[]; deferred: boolean }[]
  if (row!.deferred) await wakeFold(tx, confirmation.now)
  return { lost: row!.lost.map((line) => ({ variantId: line.variant_id, quantity: BigInt(line.quantity) })) }
}

function claiming(tx: Tx, { orderId, actor, now }: Confirmation): Query {
  return tx.sql`
    with owed as materialized (
      select line_variant_id, (sum(quantity / per_unit) / count(distinct variant_id))::bigint as quantity, bool_or(status = 'expired') as expired
      from stock_reservation
      where merchant_id = ${tx.merchantId} and order_id = ${orderId}::uuid and (status = 'active' or status = 'expired' and retaken_at is null)
      group by line_variant_id
    ), lost as materialized (
      select line_variant_id, quantity from owed where (select bool_or(expired) from owed)
    ), due as materialized (
      select id, line_variant_id, variant_id, location_id, per_unit, quantity from stock_reservation
      where merchant_id = ${tx.merchantId} and order_id = ${orderId}::uuid and status = 'active' and not exists (select from lost)
      order by id
      for update
    ), free as materialized (
      select l.variant_id, l.location_id
      from (select distinct variant_id, location_id from due where variant_id <> all(${hotVariants(tx.merchantId)}::uuid[])) d
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = d.variant_id and l.location_id = d.location_id
      order by l.variant_id, l.location_id
      for no key update of l skip locked
    ), claimed as (
      update stock_reservation r set status = 'claimed', ended_at = now(),
        counted_as = case when f.variant_id is null then 'reserved' else 'allocated' end
      from due d left join free f on f.variant_id = d.variant_id and f.location_id = d.location_id
      where r.merchant_id = ${tx.merchantId} and r.id = d.id
      returning r.id, r.line_variant_id, r.variant_id, r.location_id, r.per_unit, r.quantity, r.counted_as
    ), levelled as (
      update stock_level l set reserved = l.reserved - c.quantity, allocated = l.allocated + c.quantity
      from (select variant_id, location_id, sum(quantity)::bigint as quantity from claimed where counted_as = 'allocated' group by 1, 2) c
      where l.merchant_id = ${tx.merchantId} and l.variant_id = c.variant_id and l.location_id = c.location_id
    ), allocated as (
      insert into stock_allocation (merchant_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity)
      select ${tx.merchantId}::uuid, ${orderId}::uuid, line_variant_id, variant_id, location_id, per_unit, sum(quantity)::bigint
      from claimed group by line_variant_id, variant_id, location_id, per_unit
      on conflict (merchant_id, order_id, line_variant_id, variant_id, location_id) do update
        set quantity = stock_allocation.quantity + excluded.quantity
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, reserved_change, allocated_change, reason, order_id, reservation_id, actor, occurred_at)
      select ${tx.merchantId}::uuid, variant_id, location_id, -quantity, quantity, 'allocation', ${orderId}::uuid, id,
        ${JSON.stringify(actor)}::jsonb, ${now}::timestamptz
      from claimed where counted_as = 'allocated'
    )
    select exists (select from claimed where counted_as = 'reserved') as deferred,
      coalesce((select json_agg(json_build_object('variant_id', line_variant_id, 'quantity', quantity::text)) from lost), '[]') as lost`
}
