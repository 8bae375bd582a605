import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Line } from './allocate.ts'
import { claimBegins } from './heat.ts'
import { linesJson } from './lines-json.ts'
import type { Holder, Taking } from './take.ts'

/** Sends `takeAtOnce`, and lets this process know who waits for what. */
export async function tryAtOnce(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  want: { holder: Holder; lines: readonly Line[] },
  taking: Taking,
): Promise<TakenAtOnce> {
  const over = claimBegins(tx.merchantId, want.lines)
  try {
    const [taken] = await takeAtOnce(tx, want, taking)
    return taken as unknown as TakenAtOnce
  } finally {
    over()
  }
}

/** The one row of the answer. */
interface TakenAtOnce {
  /** False: nothing was looked at, because the goods may lie in several places, be bundles, or be reserved already. */
  simple: boolean
  /** The variants of which there was enough. All was taken if they are all that was wanted, else nothing. */
  enough: string[]
}

/**
 * The usual case of taking stock, all lines or none, in one conditional statement, so that two buyers cannot both win the last
 * unit: one active location, no bundles, nothing reserved before. Levels are locked in claim order: (variant, location).
 */
function takeAtOnce(tx: Pick<Tx, 'merchantId' | 'sql'>, want: { holder: Holder; lines: readonly Line[] }, taking: Taking): Query {
  const { cartId, orderId } = want.holder
  const isReserved = taking.as === 'reserved'
  const lines = linesJson(want.lines)
  // The verdict is joined, not asked for in a subquery: after waiting for a lock PostgreSQL checks the condition of the
  // update again, and must see the same verdict.
  return tx.sql`
    with wanted as (
      select variant_id, sum(quantity)::bigint as quantity
      from jsonb_to_recordset(${lines}::jsonb) as line (variant_id uuid, quantity bigint)
      group by variant_id
      having sum(quantity) > 0
    ), asked as materialized (
      select (select count(*) from location where merchant_id = ${tx.merchantId} and active) = 1
        and not exists (
          select from stock_reservation where merchant_id = ${tx.merchantId} and cart_id = ${cartId}::uuid and status = 'active')
        and not exists (
          select from stock_reservation where merchant_id = ${tx.merchantId} and order_id = ${orderId}::uuid and status = 'active')
        and not exists (
          select from wanted w join bundle_component b on b.merchant_id = ${tx.merchantId} and b.bundle_id = w.variant_id) as simple
    ), locked as materialized (
      select l.variant_id, l.location_id, w.quantity, app.level_sellable(l) >= w.quantity as enough
      from asked a cross join wanted w
        join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = w.variant_id and l.active
      where a.simple
      order by l.variant_id, l.location_id
      for no key update of l
    ), verdict as materialized (
      select (select count(*) from wanted) = count(*) filter (where enough) as granted from locked
    ), taken as (
      update stock_level l set ${isReserved ? tx.sql`reserved = l.reserved + k.quantity` : tx.sql`allocated = l.allocated + k.quantity`}
      from locked k, verdict v
      where v.granted and l.merchant_id = ${tx.merchantId} and l.variant_id = k.variant_id and l.location_id = k.location_id
      returning l.variant_id, l.location_id, k.quantity
    ), held as (${isReserved ? reserve(tx, want.holder, taking.minutes) : allocate(tx, orderId!)}
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, reserved_change, allocated_change, reason, order_id, actor, occurred_at)
      select ${tx.merchantId}, variant_id, location_id, ${isReserved ? tx.sql`quantity, 0, 'reservation'` : tx.sql`0, quantity, 'allocation'`},
        ${orderId}::uuid, ${JSON.stringify(taking.actor)}::jsonb, ${taking.now}::timestamptz
      from taken
    )
    select simple, array(select variant_id from locked where enough) as enough from asked`
}

function reserve(tx: Pick<Tx, 'merchantId' | 'sql'>, { cartId, orderId }: Holder, minutes: number): Query {
  return tx.sql`
    insert into stock_reservation (merchant_id, cart_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity, expires_at)
    select ${tx.merchantId}, ${cartId}::uuid, ${orderId}::uuid, variant_id, variant_id, location_id, 1, quantity,
      now() + make_interval(mins => ${minutes})
    from taken`
}

function allocate(tx: Pick<Tx, 'merchantId' | 'sql'>, orderId: string): Query {
  return tx.sql`
    insert into stock_allocation (merchant_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity)
    select ${tx.merchantId}, ${orderId}::uuid, variant_id, variant_id, location_id, 1, quantity from taken
    on conflict (merchant_id, order_id, line_variant_id, variant_id, location_id) do update
      set quantity = stock_allocation.quantity + excluded.quantity`
}
