import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'

export interface OrderedWishes {
  variantId: string
  /** In the order in which they came; each cart once. */
  wishes: readonly { cartId: string; quantity: bigint }[]
  minutes: number
  actor: Actor
  now: Date
}

/** The one row of the answer. */
export interface GrantedInOrder {
  /** False: nothing was looked at, because the goods may lie in several places or are a bundle. */
  one_place: boolean
  /** False: nothing was looked at, because one of the carts has some of it already. */
  fresh: boolean
  /** Places in line, from 1. */
  granted: bigint[]
  /** What is left then. */
  free: bigint | null
}

/**
 * Reserves one variant for a line of carts, each until its turn would take more than there is: one statement, which can travel
 * with BEGIN and COMMIT, so that the level is held for no round trip at all. Who stands behind somebody that wants too much gets
 * nothing here, even if `free` would do: ask again without the one in front.
 */
export function grantInOrder(tx: Tx, { variantId, wishes, minutes, actor, now }: OrderedWishes): Query {
  const carts = wishes.map((wish) => wish.cartId)
  return tx.sql`
    with asked as materialized (
      select
        (select count(*) from location where merchant_id = ${tx.merchantId} and active) = 1
          and not exists (select from bundle_component where merchant_id = ${tx.merchantId} and bundle_id = ${variantId}::uuid) as one_place,
        not exists (
          select from stock_reservation
          where merchant_id = ${tx.merchantId} and cart_id = any(${carts}::uuid[]) and status = 'active' and line_variant_id = ${variantId}::uuid
        ) as fresh
    ), locked as materialized (
      select l.location_id, app.level_sellable(l) as free
      from asked a join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = ${variantId}::uuid and l.active
      where a.one_place and a.fresh
      for no key update of l
    ), granted as materialized (
      select w.place, w.cart_id, w.quantity, k.location_id
      from locked k cross join (
        select place, cart_id, quantity, sum(quantity) over (order by place) as upto
        from unnest(${carts}::uuid[], ${wishes.map((wish) => wish.quantity.toString())}::text[]::bigint[]) with ordinality as w (cart_id, quantity, place)
      ) w
      where w.upto <= k.free
    ), taken as materialized (
      select location_id, sum(quantity)::bigint as quantity from granted group by location_id
    ), levelled as (
      update stock_level l set reserved = l.reserved + t.quantity
      from taken t
      where l.merchant_id = ${tx.merchantId} and l.variant_id = ${variantId}::uuid and l.location_id = t.location_id
    ), held as (
      insert into stock_reservation (merchant_id, cart_id, line_variant_id, variant_id, location_id, per_unit, quantity, expires_at)
      select ${tx.merchantId}, cart_id, ${variantId}::uuid, ${variantId}::uuid, location_id, 1, quantity, now() + make_interval(mins => ${minutes})
      from granted
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, reserved_change, reason, actor, occurred_at)
      select ${tx.merchantId}, ${variantId}::uuid, location_id, quantity, 'reservation', ${JSON.stringify(actor)}::jsonb, ${now}::timestamptz from taken
    )
    select one_place, fresh, array(select place from granted) as granted,
      ((select free from locked) - coalesce((select quantity from taken), 0))::bigint as free
    from asked`
}
