import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Address } from '../cart/address.ts'
import { Refusal } from '../refusal.ts'

/**
 * requested: the carrier has to be told · created: it knows, the label has to come · labelled: ready to go · failed: it said no ·
 * cancelling, cancelled.
 */
export type ShipmentStatus = 'requested' | 'created' | 'labelled' | 'failed' | 'cancelling' | 'cancelled'

export interface Place extends Address {
  email?: string | undefined
}

export interface Parcel {
  id: string
  grams: number
}

export interface TrackingEvent {
  at: string
  status: string
  text: string
  place: string | null
}

/** Goods on their way by a carrier plugin. */
export interface Shipment {
  id: string
  orderId: string
  installId: string
  /** What goods of the order it takes; null: all of them. */
  fulfillmentId: string | null
  method: string
  pickupPointId: string | null
  status: ShipmentStatus
  sender: Place
  parcels: Parcel[]
  carrierReference: string | null
  trackingNumber: string | null
  trackingUrl: string | null
  labelType: string | null
  trackingStatus: string | null
  trackingEvents: TrackingEvent[]
  trackedAt: Date | null
  failure: { code: string; message: string } | null
  requestedAt: Date
  updatedAt: Date
}

/** The statement that reads shipments without their labels: of an order, or one. */
export function shipmentsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>, of: { orderId: string } | { id: string }): Query {
  const which = 'id' in of ? tx.sql`id = ${of.id}` : tx.sql`order_id = ${of.orderId}`
  return tx.sql`
    select id, order_id as "orderId", install_id as "installId", fulfillment_id as "fulfillmentId", method, pickup_point_id as "pickupPointId", status, sender, parcels,
      carrier_reference as "carrierReference", tracking_number as "trackingNumber", tracking_url as "trackingUrl",
      label_type as "labelType", tracking_status as "trackingStatus", tracking_events as "trackingEvents", tracked_at as "trackedAt",
      failure, requested_at as "requestedAt", updated_at as "updatedAt"
    from shipment where merchant_id = ${tx.merchantId} and ${which} order by id`
}

/** One shipment, or `not_found`. */
export async function loadShipment(tx: Pick<Tx, 'merchantId' | 'sql'>, id: string): Promise<Shipment> {
  const [row] = await shipmentsQuery(tx, { id })
  if (!row) throw new Refusal('not_found', { detail: 'There is no such shipment.' })
  return row as unknown as Shipment
}

/** A shipment's label as the carrier gave it, or `not_found`. */
export async function loadLabel(tx: Pick<Tx, 'merchantId' | 'sql'>, id: string): Promise<{ type: string; bytes: Buffer }> {
  const [row] = await tx.sql<{ type: string; bytes: Buffer }[]>`
    select label_type as type, label as bytes from shipment where merchant_id = ${tx.merchantId} and id = ${id} and label is not null`
  if (!row) throw new Refusal('not_found', { detail: 'There is no label of this shipment yet.' })
  return row
}
