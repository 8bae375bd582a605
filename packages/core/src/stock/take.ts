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
  /** What a holder has reserved of other variants than it names now: `ended` where it names all that it shall have. */
  others: 'ended' | 'kept'
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
  /** Reservations that their holder keeps, for longer; they are the order's now if it is one. */
  kept: string[]
  /** Reservations that it gives back: another quantity is wanted, or none. */
  ended: string[]
  picks: (Picked & Holder)[]
}

/** A want, with what its holder has reserved already. */
interface Claim extends Want {
  /** Held in another quantity than is wanted, or not wanted at all. */
  given: OwnRow[]
  kept: OwnRow[]
  missing: Line[]
}

/**
 * Lets each holder have what it wants, all of it or nothing, first come first served in the order of `wants`: for any number of
 * wants of carts, or the one of an order, over any number of locations and bundles. What a holder has reserved already in the
 * right number is not touched, nor its level locked. Levels are locked in claim order.
 */
export async function takeStock(tx: Tx, wants: readonly Want[], taking: Taking): Promise<Short[]> {
  const variantIds = [...new Set(wants.flatMap(({ lines }) => lines.map((line) => line.variantId)))]
  const [ofCarts, ofOrders, partRows] = await Promise.all([
    lockOwn(tx, { cartIds: wants.flatMap(({ holder }) => holder.cartId ?? []) }),
    lockOwn(tx, { orderIds: wants.flatMap(({ holder }) => holder.orderId ?? []) }),
    partsOf(tx, variantIds),
  ])
  const claims = claimsOf(wants, [...ofCarts, ...ofOrders] as unknown as OwnRow[], taking)
  const parts = (partRows as unknown as Record<string, never>[]).map(toPart)
  const goods = goodsOf(claims, parts)
  const places = goods.length === 0 ? [] : await lockPlaces(tx, goods)
  const shelves = new Shelves((places as unknown as Record<string, never>[]).map(toPlace), parts)
  const { decision, shorts } = decide(claims, shelves)
  if (decision.kept.length + decision.ended.length + decision.picks.length > 0)
    await write(tx, decision, { ...taking, goods, orderId: wants.length === 1 ? wants[0]!.holder.orderId : null })
  return shorts
}

function claimsOf(wants: readonly Want[], own: readonly OwnRow[], { others }: Taking): Claim[] {
  return wants.map((want) => {
    const named = new Set(want.lines.map((line) => line.variantId))
    const held = own.filter((row) => isOf(row, want.holder) && (others === 'ended' || named.has(row.line_variant_id)))
    const missing = want.lines.filter((line) => unitsOf(held, line.variantId) !== line.quantity)
    const keeps = (row: OwnRow) => named.has(row.line_variant_id) && !missing.some((line) => line.variantId === row.line_variant_id)
    return { ...want, missing, kept: held.filter(keeps), given: held.filter((row) => !keeps(row)) }
  })
}

/** The goods whose levels change. */
function goodsOf(claims: readonly Claim[], parts: readonly Part[]): string[] {
  const missing = new Set(claims.flatMap((claim) => claim.missing.map((line) => line.variantId)))
  const needed = parts.filter((part) => missing.has(part.lineVariantId)).map((part) => part.variantId)
  return [...new Set([...needed, ...claims.flatMap((claim) => claim.given.map((row) => row.variant_id))])]
}

function decide(claims: readonly Claim[], shelves: Shelves): { decision: Decision; shorts: Short[] } {
  const decision: Decision = { kept: [], ended: [], picks: [] }
  const shorts = claims.map(({ holder, given, kept, missing }): Short => {
    for (const row of given) shelves.putBack(toGoods(row))
    const taken = shelves.take(missing)
    if ('short' in taken) {
      for (const row of given) shelves.putBack({ ...toGoods(row), quantity: -row.quantity })
      return taken.short
    }
    decision.kept.push(...kept.map((row) => row.id))
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

/** What holders have reserved. Held until the end: neither the sweep nor another payment ends it meanwhile. */
function lockOwn(tx: Tx, of: { cartIds: string[] } | { orderIds: string[] }): Query {
  const holder =
    'cartIds' in of ? tx.sql`cart_id = any(${of.cartIds}::uuid[]) and order_id is null` : tx.sql`order_id = any(${of.orderIds}::uuid[])`
  return tx.sql`
    select id, cart_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity from stock_reservation
    where merchant_id = ${tx.merchantId} and status = 'active' and ${holder}
    order by id
    for update`
}

function partsOf(tx: Tx, variantIds: readonly string[]): Query {
  return tx.sql`
    select w.variant_id as line_variant_id, coalesce(b.component_id, w.variant_id) as variant_id, coalesce(b.quantity, 1) as per_unit
    from unnest(${variantIds as string[]}::uuid[]) as w (variant_id)
      left join bundle_component b on b.merchant_id = ${tx.merchantId} and b.bundle_id = w.variant_id
    order by 1, 2`
}

function lockPlaces(tx: Tx, goods: readonly string[]): Query {
  return tx.sql`
    select l.variant_id, l.location_id, p.priority, app.level_sellable(l) as free
    from stock_level l join location p on p.merchant_id = ${tx.merchantId} and p.id = l.location_id
    where l.merchant_id = ${tx.merchantId} and l.variant_id = any(${goods as string[]}::uuid[])
    order by l.variant_id, l.location_id
    for no key update of l`
}

interface Writing extends Taking {
  /** Whose it is from now on, if it is one order's. */
  orderId: string | null
  goods: string[]
}

function write(tx: Tx, { kept, ended, picks }: Decision, { as, minutes, actor, now, orderId, goods }: Writing): Query {
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
      update stock_reservation set order_id = coalesce(${orderId}::uuid, order_id), expires_at = now() + make_interval(mins => ${minutes})
      where merchant_id = ${tx.merchantId} and id = any(${kept}::uuid[]) and status = 'active'
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
      where l.merchant_id = ${tx.merchantId} and l.variant_id = any(${goods}::uuid[]) and l.variant_id = c.variant_id and l.location_id = c.location_id
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

function toGoods(row: OwnRow): { variantId: string; locationId: string; quantity: bigint } {
  return { variantId: row.variant_id, locationId: row.location_id, quantity: row.quantity }
}

function toPart(row: Record<string, never>): Part {
  return { lineVariantId: row.line_variant_id!, variantId: row.variant_id!, perUnit: row.per_unit! }
}

function toPlace(row: Record<string, never>): Place {
  return { variantId: row.variant_id!, locationId: row.location_id!, priority: row.priority!, free: row.free! }
}
