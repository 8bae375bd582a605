import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'

export interface ByWhom {
  actor: Actor
  now: Date
}

/** Gives back what an order or a cart still has reserved. Ends each reservation once, however often it is called. */
export function releaseReservations(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  holder: { orderId: string } | { cartId: string },
  by: ByWhom,
): Query {
  const due =
    'orderId' in holder ? tx.sql`order_id = ${holder.orderId}::uuid` : tx.sql`cart_id = ${holder.cartId}::uuid and order_id is null`
  return endReservations(tx, { due, as: 'released', by })
}

/** Ends what an order has reserved and the database's clock has overtaken. Call it with the order held: a payment may be about to claim it. */
export function expireReservations(tx: Pick<Tx, 'merchantId' | 'sql'>, { orderId }: { orderId: string }, by: ByWhom): Query {
  return endReservations(tx, { due: tx.sql`order_id = ${orderId}::uuid and expires_at <= now()`, as: 'expired', by })
}

/** The statement that ends active reservations. Its answer is one row for each. */
export function endReservations(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  { due, limit, as, by }: { due: Query; limit?: Query; as: 'released' | 'expired'; by: ByWhom },
): Query {
  return tx.sql`
    with due as materialized (
      select id from stock_reservation
      where merchant_id = ${tx.merchantId} and status = 'active' and ${due}
      ${limit ?? tx.sql`order by id for update`}
    ), ended as (
      update stock_reservation r set status = ${as}, counted_as = 'nothing', ended_at = now()
      from due d where r.merchant_id = ${tx.merchantId} and r.id = d.id
      returning r.id, r.order_id, r.variant_id, r.location_id, r.quantity
    ), locked as materialized (
      select l.variant_id, l.location_id, c.quantity
      from (select variant_id, location_id, sum(quantity)::bigint as quantity from ended group by 1, 2) c
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = c.variant_id and l.location_id = c.location_id
      order by l.variant_id, l.location_id
      for no key update of l
    ), levelled as (
      update stock_level l set reserved = l.reserved - k.quantity
      from locked k where l.merchant_id = ${tx.merchantId} and l.variant_id = k.variant_id and l.location_id = k.location_id
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, reserved_change, reason, order_id, reservation_id, actor, occurred_at)
      select ${tx.merchantId}::uuid, variant_id, location_id, -quantity, ${as === 'released' ? 'release' : 'expiry'}, order_id, id,
        ${JSON.stringify(by.actor)}::jsonb, ${by.now}::timestamptz
      from ended
    )
    select id, order_id, variant_id, quantity from ended`
}
