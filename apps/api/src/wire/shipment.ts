import type { Shipment } from '@souk/core/fulfillment/shipment.ts'
import { z } from 'zod'
import { addressSchema } from './address.ts'
import { idSchema } from './id.ts'
import { emailSchema } from './text.ts'
import { timeSchema } from './time.ts'

const PARCELS_MAX = 100
const METHOD_LENGTH_MAX = 64
const PARCEL_GRAMS_MAX = 10_000_000

const placeSchema = addressSchema.extend({ email: emailSchema.optional() })

export const newShipmentSchema = z.strictObject({
  install_id: idSchema.meta({ description: 'The installed carrier plugin.' }),
  fulfillment_id: idSchema.optional().meta({
    description: 'What goods it takes; as they travel, so goes the fulfillment. Left out: all of the order, and stock is not touched.',
  }),
  method: z
    .string()
    .min(1)
    .max(METHOD_LENGTH_MAX)
    .optional()
    .meta({ description: "The plugin's code of a rate. Left out: what the buyer chose." }),
  sender: placeSchema,
  parcels: z
    .array(z.strictObject({ grams: z.int().min(0).max(PARCEL_GRAMS_MAX) }))
    .min(1)
    .max(PARCELS_MAX),
})

export const shipmentSchema = z
  .strictObject({
    id: idSchema,
    order_id: idSchema,
    install_id: idSchema,
    fulfillment_id: idSchema.nullable(),
    method: z.string(),
    pickup_point_id: z.string().nullable(),
    status: z.enum(['requested', 'created', 'labelled', 'failed', 'cancelling', 'cancelled']),
    parcels: z.array(z.strictObject({ id: z.string(), grams: z.int() })),
    carrier_reference: z.string().nullable(),
    tracking_number: z.string().nullable(),
    tracking_url: z.string().nullable(),
    label: z.strictObject({ media_type: z.string(), url: z.string() }).nullable(),
    tracking: z.strictObject({
      status: z.string().nullable(),
      events: z.array(z.strictObject({ at: z.string(), status: z.string(), text: z.string(), place: z.string().nullable() })),
      read_at: timeSchema.nullable(),
    }),
    failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    requested_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Shipment' })

export function presentShipment(shipment: Shipment): z.input<typeof shipmentSchema> {
  return {
    id: shipment.id,
    order_id: shipment.orderId,
    install_id: shipment.installId,
    fulfillment_id: shipment.fulfillmentId,
    method: shipment.method,
    pickup_point_id: shipment.pickupPointId,
    status: shipment.status,
    parcels: shipment.parcels,
    carrier_reference: shipment.carrierReference,
    tracking_number: shipment.trackingNumber,
    tracking_url: shipment.trackingUrl,
    label: shipment.labelType === null ? null : { media_type: shipment.labelType, url: `/v1/admin/shipments/${shipment.id}/label` },
    tracking: {
      status: shipment.trackingStatus,
      events: shipment.trackingEvents,
      read_at: shipment.trackedAt?.toISOString() ?? null,
    },
    failure: shipment.failure,
    requested_at: shipment.requestedAt.toISOString(),
    updated_at: shipment.updatedAt.toISOString(),
  }
}
