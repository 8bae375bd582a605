import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { type Line, type Part, type Pick as Picked, type Place, Shelves } from './allocate.ts'

/** Whose the units are. What a cart has reserved passes to the order that it becomes. */
export interface Holder {
  cartId: string | null
  orderId: string | null
}

export interface Want {
  holder: Holder
  /** Each variant once. */
  lines: readonly Line[]
}

export interface Taking {
  /** `reserved` until the database's clock has run `minutes` on, or `allocated` for good. */
  as: 'reserved' | 'allocated'
  minutes: number
  actor: Actor
  now: Date
}

/** What came of a want: nothing when all of it was had, else the variants of which there was not enough. */
export type Short = readonly string[]

interface OwnRow {
  id: string
  cart_id: string | null
  order_id: string | null
  line_variant_id: string
  variant_id: string
  location_id: string
  per_unit: bigint
  quantity: bigint
}

/** What was decided while the levels were held. */
interface Decision {
  /** Reservations that their holder keeps. */
  kept: { id: string; order_id: string | null }[]
  /** Reservations that it gives back: another quantity is wanted, or none. */
  ended: string[]
  picks: (Picked & Holder)[]
}

/**
 * Lets each holder have what it wants, all of it or nothing, first come first served in the order of `wants`: two round trips,
 * for any number of wants, locations and bundles. Afterwards a holder has reserved what it wants and nothing else; what it
 * holds already in the right number is not touched, nor its level locked. Levels are locked in claim order. `last` sends the
 * writing together with COMMIT.
 */
export async function takeStock(tx: Tx, wants: readonly Want[], taking: Taking, last: 'last' | 'more' = 'more'): Promise<Short[]> {
  const json = wantsJson(wants)
  const [own, parts, places] = await Promise.all([lockOwn(tx, json), partsOf(tx, json), lockPlaces(tx, json)])
  const { decision, shorts } = decide(wants, own as unknown as OwnRow[], {
    parts: (parts as unknown as Record<string, never>[]).map(toPart),
    places: (places as unknown as Record<string, never>[]).map(toPlace),
  })
  const writing = write(tx, decision, taking)
  if (last === 'last') await tx.finish([writing])
  else await writing
  return shorts
}

function decide(wants: readonly Want[], own: readonly OwnRow[], stock: { parts: Part[]; places: Place[] }) {
  const shelves = new Shelves(stock.places, stock.parts)
  const decision: Decision = { kept: [], ended: [], picks: [] }
  const shorts = wants.map(({ holder, lines }): Short => {
    const held = own.filter((row) => isOf(row, holder))
    const missing = lines.filter((line) => unitsOf(held, line.variantId) !== line.quantity)
    const keeps = new Set(lines.filter((line) => !missing.includes(line)).map((line) => line.variantId))
    const given = held.filter((row) => !keeps.has(row.line_variant_id))
    for (const row of given) shelves.putBack({ variantId: row.variant_id, locationId: row.location_id, quantity: row.quantity })
    const taken = shelves.take(missing)
    if ('short' in taken) {
      for (const row of given) shelves.putBack({ variantId: row.variant_id, locationId: row.location_id, quantity: -row.quantity })
      return taken.short
    }
    decision.kept.push(...held.filter((row) => keeps.has(row.line_variant_id)).map((row) => ({ id: row.id, order_id: holder.orderId })))
    decision.ended.push(...given.map((row) => row.id))
    decision.picks.push(...taken.picks.map((pick) => ({ ...pick, ...holder })))
    return []
  })
  return { decision, shorts }
}

function isOf(row: OwnRow, { cartId, orderId }: Holder): boolean {
  return orderId !== null && row.order_id === orderId ? true : cartId !== null && row.cart_id === cartId && row.order_id === null
}

/** How many units of a line are held. Of a bundle all components are, in the same number. */
function unitsOf(held: readonly OwnRow[], lineVariantId: string): bigint {
  const rows = held.filter((row) => row.line_variant_id === lineVariantId)
  const first = rows[0]?.variant_id
  return rows.filter((row) => row.variant_id === first).reduce((units, row) => units + row.quantity / row.per_unit, 0n)
}

/** Digits as text: JSON numbers would lose some on the way. */
function wantsJson(wants: readonly Want[]): string {
  return JSON.stringify(
    wants.flatMap(({ holder, lines }) =>
      lines.map((line) => ({
        cart_id: holder.cartId,
        order_id: holder.orderId,
        variant_id: line.variantId,
        quantity: line.quantity.toString(),
      })),
    ),
  )
}

/** The rows that the wanting holders have reserved. Held until the end: neither the sweep nor another payment ends them meanwhile. */
function lockOwn(tx: Tx, wants: string): Query {
  return tx.sql`
    select r.id, r.cart_id, r.order_id, r.line_variant_id, r.variant_id, r.location_id, r.per_unit, r.quantity
    from stock_reservation r
    where r.merchant_id = ${tx.merchantId} and r.status = 'active' and r.id in (${ownIds(tx, wants)})
    order by r.id
    for update`
}

function ownIds(tx: Tx, wants: string): Query {
  return tx.sql`
    select o.id
    from (select distinct cart_id from jsonb_to_recordset(${wants}::jsonb) as w (cart_id uuid)) w
      join stock_reservation o on o.merchant_id = ${tx.merchantId} and o.cart_id = w.cart_id and o.status = 'active' and o.order_id is null
    union all
    select o.id
    from (select distinct order_id from jsonb_to_recordset(${wants}::jsonb) as w (order_id uuid)) w
      join stock_reservation o on o.merchant_id = ${tx.merchantId} and o.order_id = w.order_id and o.status = 'active'`
}

function partsOf(tx: Tx, wants: string): Query {
  return tx.sql`
    select w.variant_id as line_variant_id, coalesce(b.component_id, w.variant_id) as variant_id, coalesce(b.quantity, 1) as per_unit
    from (select distinct variant_id from jsonb_to_recordset(${wants}::jsonb) as w (variant_id uuid)) w
      left join bundle_component b on b.merchant_id = ${tx.merchantId} and b.bundle_id = w.variant_id
    order by 1, 2`
}

/**
 * Locks the levels of what is not held in the right number already, and of what is given back. A statement of its own after
 * `lockOwn`: it sees what was waited for there.
 */
function lockPlaces(tx: Tx, wants: string): Query {
  return tx.sql`
    with wanted as (
      select * from jsonb_to_recordset(${wants}::jsonb) as w (cart_id uuid, order_id uuid, variant_id uuid, quantity bigint)
    ), own as (
      select cart_id, order_id, line_variant_id, variant_id, quantity, per_unit from stock_reservation
      where merchant_id = ${tx.merchantId} and status = 'active' and id in (${ownIds(tx, wants)})
    ), held as (
      select w.cart_id, w.order_id, w.variant_id, sum(o.quantity / o.per_unit) / count(distinct o.variant_id) as units
      from (select distinct cart_id, order_id from wanted) h
        join own o on o.order_id = h.order_id or o.order_id is null and o.cart_id = h.cart_id
        join wanted w on w.cart_id is not distinct from h.cart_id and w.order_id is not distinct from h.order_id and w.variant_id = o.line_variant_id
      group by 1, 2, 3
    ), uncovered as (
      select distinct w.variant_id from wanted w
        left join held h on h.cart_id is not distinct from w.cart_id and h.order_id is not distinct from w.order_id and h.variant_id = w.variant_id
      where h.units is distinct from w.quantity
    ), goods as (
      select coalesce(b.component_id, u.variant_id) as variant_id
      from uncovered u left join bundle_component b on b.merchant_id = ${tx.merchantId} and b.bundle_id = u.variant_id
      union
      select o.variant_id from own o
      where o.line_variant_id in (select variant_id from uncovered) or o.line_variant_id not in (select variant_id from wanted)
    )
    select l.variant_id, l.location_id, p.priority, app.level_sellable(l) as free
    from goods g
      join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = g.variant_id
      join location p on p.merchant_id = ${tx.merchantId} and p.id = l.location_id
    order by l.variant_id, l.location_id
    for no key update of l`
}

function write(tx: Tx, { kept, ended, picks }: Decision, { as, minutes, actor, now }: Taking): Query {
  const rows = picks.map((pick) => ({
    cart_id: pick.cartId,
    order_id: pick.orderId,
    line_variant_id: pick.lineVariantId,
    variant_id: pick.variantId,
    location_id: pick.locationId,
    per_unit: pick.perUnit.toString(),
    quantity: pick.quantity.toString(),
  }))
  const isReserved = as === 'reserved'
  const by = JSON.stringify(actor)
  return tx.sql`
    with ended as (
      update stock_reservation set status = 'released', counted_as = 'nothing', ended_at = now()
      where merchant_id = ${tx.merchantId} and id = any(${ended}::uuid[]) and status = 'active'
      returning id, order_id, variant_id, location_id, quantity
    ), kept as (
      update stock_reservation r set order_id = k.order_id, expires_at = now() + make_interval(mins => ${minutes})
      from jsonb_to_recordset(${JSON.stringify(kept)}::jsonb) as k (id uuid, order_id uuid)
      where r.merchant_id = ${tx.merchantId} and r.id = k.id and r.status = 'active'
    ), pick as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as p (cart_id uuid, order_id uuid, line_variant_id uuid, variant_id uuid, location_id uuid, per_unit bigint, quantity bigint)
    ), change as (
      select variant_id, location_id, sum(reserved)::bigint as reserved, sum(allocated)::bigint as allocated
      from (
        select variant_id, location_id, -quantity as reserved, 0 as allocated from ended
        union all
        select variant_id, location_id, ${isReserved ? tx.sql`quantity, 0` : tx.sql`0, quantity`} from pick
      ) c
      group by variant_id, location_id
    ), levelled as (
      update stock_level l set reserved = l.reserved + c.reserved, allocated = l.allocated + c.allocated
      from change c
      where l.merchant_id = ${tx.merchantId} and l.variant_id = c.variant_id and l.location_id = c.location_id
    ), held as (${isReserved ? reserve(tx, minutes) : allocate(tx)}
    ), moved as (
      insert into stock_movement (merchant_id, variant_id, location_id, reserved_change, allocated_change, reason, order_id, reservation_id, actor, occurred_at)
      select ${tx.merchantId}::uuid, variant_id, location_id, -quantity, 0, 'release', order_id, id, ${by}::jsonb, ${now}::timestamptz from ended
      union all
      select ${tx.merchantId}::uuid, variant_id, location_id, ${
        isReserved ? tx.sql`sum(quantity)::bigint, 0, 'reservation'` : tx.sql`0, sum(quantity)::bigint, 'allocation'`
      }, order_id, null, ${by}::jsonb, ${now}::timestamptz
      from pick group by variant_id, location_id, order_id
    )
    select 1`
}

function reserve(tx: Tx, minutes: number): Query {
  return tx.sql`
    insert into stock_reservation (merchant_id, cart_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity, expires_at)
    select ${tx.merchantId}::uuid, cart_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity,
      now() + make_interval(mins => ${minutes})
    from pick`
}

function allocate(tx: Tx): Query {
  return tx.sql`
    insert into stock_allocation (merchant_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity)
    select ${tx.merchantId}::uuid, order_id, line_variant_id, variant_id, location_id, per_unit, quantity from pick
    on conflict (merchant_id, order_id, line_variant_id, variant_id, location_id) do update
      set quantity = stock_allocation.quantity + excluded.quantity`
}

function toPart(row: Record<string, never>): Part {
  return { lineVariantId: row.line_variant_id!, variantId: row.variant_id!, perUnit: row.per_unit! }
}

function toPlace(row: Record<string, never>): Place {
  return { variantId: row.variant_id!, locationId: row.location_id!, priority: row.priority!, free: row.free! }
}
