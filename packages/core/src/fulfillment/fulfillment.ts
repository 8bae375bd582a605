import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Address } from '../cart/address.ts'
import { type HeldOrder, holdOrder } from '../orders/hold-order.ts'
import { Refusal } from '../refusal.ts'

/** When an order's goods are put on the list of what to pick: when it is placed, when it is paid, or when staff say so. */
export const OPENS_ON = ['placed', 'paid', 'staff'] as const
export type OpensOn = (typeof OPENS_ON)[number]

/**
 * to_pick: nobody has begun · picking: somebody has it, or it waits to be packed · packed: ready to go · shipped: it left the
 * house · delivered · cancelled: it was taken apart again.
 */
export const FULFILLMENT_STEPS = ['to_pick', 'picking', 'packed', 'shipped', 'delivered', 'cancelled'] as const
export type FulfillmentStatus = (typeof FULFILLMENT_STEPS)[number]

/** Those whose goods are still in the house. */
export const OPEN_STEPS: readonly FulfillmentStatus[] = ['to_pick', 'picking', 'packed']

export interface FulfillmentLine {
  lineId: string
  variantId: string
  productTitle: string
  variantTitle: string
  sku: string
  quantity: bigint
  /** Looked for and not found. */
  short: bigint
  picked: boolean
}

/** Goods of one order that leave one location together. */
export interface Fulfillment {
  id: string
  orderId: string
  orderNumber: bigint
  locationId: string
  status: FulfillmentStatus
  assignedTo: string | null
  courierId: string | null
  carrier: string | null
  trackingNumber: string | null
  trackingUrl: string | null
  attempts: number
  openedAt: Date
  pickedAt: Date | null
  packedAt: Date | null
  shippedAt: Date | null
  deliveredAt: Date | null
  cancelledAt: Date | null
  shippingAddress: Address | null
  /** The carrier's shipment of it that is not called off. */
  shipmentId: string | null
  lines: FulfillmentLine[]
}

/** A fulfillment that nobody else changes until the transaction ends, with its order. */
export interface HeldFulfillment {
  held: HeldOrder
  fulfillment: Fulfillment
}

/** The columns and joins of fulfillments; `toFulfillment` reads a row of it. A caller adds conditions on `f`. */
export function fulfillmentRows(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select f.id, f.order_id as "orderId", o.number as "orderNumber", f.location_id as "locationId", f.status, f.assigned_to as "assignedTo",
      f.courier_id as "courierId", f.carrier, f.tracking_number as "trackingNumber", f.tracking_url as "trackingUrl", f.attempts,
      f.opened_at as "openedAt", f.picked_at as "pickedAt", f.packed_at as "packedAt", f.shipped_at as "shippedAt",
      f.delivered_at as "deliveredAt", f.cancelled_at as "cancelledAt", o.shipping_address as "shippingAddress", s.id as "shipmentId", l.lines
    from fulfillment f
      join orders o on o.merchant_id = f.merchant_id and o.id = f.order_id
      left join shipment s on s.merchant_id = f.merchant_id and s.fulfillment_id = f.id and s.status not in ('failed', 'cancelled')
      cross join lateral (
        select jsonb_agg(jsonb_build_object('lineId', fl.order_line_id, 'variantId', ol.variant_id, 'productTitle', ol.product_title,
          'variantTitle', ol.variant_title, 'sku', ol.sku, 'quantity', fl.quantity, 'short', fl.short, 'picked', fl.picked)
          order by ol.position) as lines
        from fulfillment_line fl join order_line ol on ol.merchant_id = fl.merchant_id and ol.id = fl.order_line_id
        where fl.merchant_id = f.merchant_id and fl.fulfillment_id = f.id
      ) l
    where f.merchant_id = ${tx.merchantId}`
}

export function toFulfillment(row: object): Fulfillment {
  const { lines, ...rest } = row as Omit<Fulfillment, 'lines'> & { lines: StoredLine[] | null }
  return { ...rest, lines: (lines ?? []).map((line) => ({ ...line, quantity: BigInt(line.quantity), short: BigInt(line.short) })) }
}

type StoredLine = Omit<FulfillmentLine, 'quantity' | 'short'> & { quantity: number; short: number }

/** The fulfillments of an order, in the order in which they were opened. */
export async function fulfillmentsOf(tx: Pick<Tx, 'merchantId' | 'sql'>, orderId: string): Promise<Fulfillment[]> {
  const rows = await tx.sql`${fulfillmentRows(tx)} and f.order_id = ${orderId} order by f.id`
  return rows.map(toFulfillment)
}

/** One fulfillment, or `not_found`. */
export async function loadFulfillment(tx: Pick<Tx, 'merchantId' | 'sql'>, id: string): Promise<Fulfillment> {
  const [row] = await tx.sql`${fulfillmentRows(tx)} and f.id = ${id}`
  if (!row) throw noFulfillment()
  return toFulfillment(row)
}

/** Locks the order of a fulfillment and then the fulfillment. Refuses `not_found`. */
export async function holdFulfillment(tx: Tx, id: string): Promise<HeldFulfillment> {
  const [row] = await tx.sql<{ order_id: string }[]>`
    select order_id from fulfillment where merchant_id = ${tx.merchantId} and id = ${id}`
  if (!row) throw noFulfillment()
  const held = await holdOrder(tx, row.order_id)
  await tx.sql`select id from fulfillment where merchant_id = ${tx.merchantId} and id = ${id} for no key update`
  return { held, fulfillment: await loadFulfillment(tx, id) }
}

/** Refuses `invalid_state` unless the fulfillment is in one of these steps. */
export function assertStep(fulfillment: Fulfillment, steps: readonly FulfillmentStatus[], what: string): void {
  if (steps.includes(fulfillment.status)) return
  throw new Refusal('invalid_state', {
    detail: `A fulfillment that is ${fulfillment.status} cannot be ${what}.`,
    extra: { current_state: fulfillment.status },
  })
}

export function noFulfillment(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such fulfillment.' })
}
