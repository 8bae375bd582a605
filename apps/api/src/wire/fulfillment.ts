import { DELIVERY_FAILURES, type DeliveryAttempt, PROOF_BYTES_MAX, PROOF_KINDS } from '@souk/core/fulfillment/deliver.ts'
import { FULFILLMENT_STEPS, type Fulfillment, OPENS_ON } from '@souk/core/fulfillment/fulfillment.ts'
import { type FulfillmentSettings, RETURN_WINDOW_DAYS_MAX } from '@souk/core/fulfillment/settings.ts'
import { z } from 'zod'
import { addressSchema } from './address.ts'
import { quantitySchema } from './cart.ts'
import { idSchema } from './id.ts'
import { proseSchema, textSchema } from './text.ts'
import { timeSchema } from './time.ts'

export const LINES_MAX = 1_500
const QUANTITY_MAX = 1_000_000
const CARRIER_LENGTH_MAX = 100
const TRACKING_LENGTH_MAX = 200
const URL_LENGTH_MAX = 2_000
const WORDS_BYTES_MAX = 1_000
const NAME_LENGTH_MAX = 100
const REASON_BYTES_MAX = 1_000
const BASE64_PER_BYTE = 4 / 3

const foundSchema = z.int('quantity_out_of_range').min(0, 'quantity_out_of_range').max(QUANTITY_MAX, 'quantity_out_of_range')
export const wordsSchema = proseSchema(WORDS_BYTES_MAX)

export const newFulfillmentSchema = z
  .strictObject({
    location_id: idSchema,
    lines: z
      .array(z.strictObject({ line_id: idSchema, quantity: quantitySchema }))
      .min(1)
      .max(LINES_MAX, 'too_many_lines'),
  })
  .meta({ description: 'Left out: everything that is open, from wherever the order has it.' })

export const pickSchema = z.strictObject({
  lines: z
    .array(z.strictObject({ line_id: idSchema, quantity: foundSchema }))
    .max(LINES_MAX, 'too_many_lines')
    .meta({ description: 'What was found. A line that is not named was found whole.' }),
})

export const trackingSchema = z.strictObject({
  carrier: textSchema(CARRIER_LENGTH_MAX).nullable().optional(),
  tracking_number: textSchema(TRACKING_LENGTH_MAX).nullable().optional(),
  tracking_url: z
    .url({ protocol: /^https?$/ })
    .max(URL_LENGTH_MAX, 'text_too_long')
    .nullable()
    .optional(),
})

export const assignmentSchema = z.strictObject({ staff_id: idSchema.nullable().meta({ description: 'null: nobody.' }) })

const lineSchema = z.strictObject({
  line_id: idSchema.meta({ description: "The order's line." }),
  variant_id: idSchema,
  title: z.string(),
  variant_title: z.string(),
  sku: z.string(),
  quantity: z.int(),
  short: z.int().meta({ description: 'Looked for and not found.' }),
  picked: z.boolean(),
})

const shownSchema = {
  id: idSchema,
  order_id: idSchema,
  order_number: z.int(),
  status: z.enum(FULFILLMENT_STEPS),
  carrier: z.string().nullable(),
  tracking_number: z.string().nullable(),
  tracking_url: z.string().nullable(),
  shipped_at: timeSchema.nullable(),
  delivered_at: timeSchema.nullable(),
}

export const fulfillmentSchema = z
  .strictObject({
    ...shownSchema,
    location_id: idSchema,
    assigned_to: idSchema.nullable().meta({ description: 'Who of the staff picks or packs it.' }),
    courier_id: idSchema.nullable().meta({ description: 'Who of the staff brings it.' }),
    shipment_id: idSchema.nullable().meta({ description: "The carrier plugin's shipment of it." }),
    delivery_attempts: z.int(),
    shipping_address: addressSchema.nullable(),
    lines: z.array(lineSchema),
    opened_at: timeSchema,
    picked_at: timeSchema.nullable(),
    packed_at: timeSchema.nullable(),
    cancelled_at: timeSchema.nullable(),
  })
  .meta({ id: 'Fulfillment' })

/** What of a fulfillment its buyer sees. */
export const buyersFulfillmentSchema = z
  .strictObject({
    ...shownSchema,
    lines: z.array(lineSchema.pick({ line_id: true, variant_id: true, title: true, variant_title: true, sku: true, quantity: true })),
  })
  .meta({ id: 'BuyersFulfillment' })

export const openedSchema = z.strictObject({
  data: z.array(fulfillmentSchema),
  unallocated: z
    .array(z.strictObject({ line_id: idSchema, quantity: z.int() }))
    .meta({ description: 'What the order has nowhere: it waits for stock.' }),
})

export const splitLinesSchema = z
  .array(z.strictObject({ line_id: idSchema, quantity: quantitySchema }))
  .min(1)
  .max(LINES_MAX, 'too_many_lines')

export const settingsChangeSchema = z.strictObject({
  opens_on: z.enum(OPENS_ON).optional(),
  return_window_days: z.int().min(0).max(RETURN_WINDOW_DAYS_MAX).optional(),
  fulfils_unsent: z.boolean().optional(),
  reason: proseSchema(REASON_BYTES_MAX).optional(),
})

export const fulfillmentSettingsSchema = z
  .strictObject({
    opens_on: z
      .enum(OPENS_ON)
      .meta({ description: 'When fulfillments open by themselves: when the order is placed, when it is paid, or never.' }),
    return_window_days: z.int().meta({ description: 'So long after delivery buyers may ask to return goods. 0: only staff may.' }),
    fulfils_unsent: z
      .boolean()
      .meta({ description: 'Whether goods that need no sending are fulfilled by themselves once their order is paid.' }),
  })
  .meta({ id: 'FulfillmentSettings' })

export const newAttemptSchema = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('delivered'),
    received_by: textSchema(NAME_LENGTH_MAX).optional(),
    note: wordsSchema.optional(),
    proofs: z
      .array(
        z.strictObject({
          kind: z.enum(PROOF_KINDS),
          content: z
            .base64('invalid_media')
            .min(1, 'invalid_media')
            .max(Math.ceil(PROOF_BYTES_MAX * BASE64_PER_BYTE) + 4, 'invalid_media')
            .meta({ description: `A PNG, JPEG or WebP picture in base64, of at most ${PROOF_BYTES_MAX / 1024} KiB.` }),
        }),
      )
      .max(PROOF_KINDS.length)
      .optional(),
  }),
  z.strictObject({ outcome: z.literal('failed'), reason: z.enum(DELIVERY_FAILURES), note: wordsSchema.optional() }),
])

export const attemptSchema = z
  .strictObject({
    id: idSchema,
    outcome: z.enum(['delivered', 'failed']),
    reason: z.enum(DELIVERY_FAILURES).nullable(),
    received_by: z.string(),
    note: z.string(),
    proofs: z.array(z.strictObject({ id: idSchema, kind: z.enum(PROOF_KINDS), media_type: z.string() })),
    actor: z.record(z.string(), z.unknown()),
    attempted_at: timeSchema,
  })
  .meta({ id: 'DeliveryAttempt' })

const time = (at: Date | null) => at?.toISOString() ?? null

export function presentFulfillment(fulfillment: Fulfillment): z.input<typeof fulfillmentSchema> {
  return {
    ...shown(fulfillment),
    location_id: fulfillment.locationId,
    assigned_to: fulfillment.assignedTo,
    courier_id: fulfillment.courierId,
    shipment_id: fulfillment.shipmentId,
    delivery_attempts: fulfillment.attempts,
    shipping_address: fulfillment.shippingAddress,
    lines: fulfillment.lines.map((line) => ({ ...shownLine(line), short: Number(line.short), picked: line.picked })),
    opened_at: fulfillment.openedAt.toISOString(),
    picked_at: time(fulfillment.pickedAt),
    packed_at: time(fulfillment.packedAt),
    cancelled_at: time(fulfillment.cancelledAt),
  }
}

export function presentBuyersFulfillment(fulfillment: Fulfillment): z.input<typeof buyersFulfillmentSchema> {
  return { ...shown(fulfillment), lines: fulfillment.lines.filter(({ quantity }) => quantity > 0n).map(shownLine) }
}

export function presentAttempt(attempt: DeliveryAttempt): z.input<typeof attemptSchema> {
  return {
    id: attempt.id,
    outcome: attempt.outcome,
    reason: attempt.reason,
    received_by: attempt.receivedBy,
    note: attempt.note,
    proofs: attempt.proofs.map(({ id, kind, mediaType }) => ({ id, kind, media_type: mediaType })),
    actor: { ...attempt.actor },
    attempted_at: attempt.attemptedAt.toISOString(),
  }
}

export function presentFulfillmentSettings(settings: FulfillmentSettings): z.input<typeof fulfillmentSettingsSchema> {
  const { opensOn, returnWindowDays, fulfilsUnsent } = settings
  return { opens_on: opensOn, return_window_days: returnWindowDays, fulfils_unsent: fulfilsUnsent }
}

function shown(fulfillment: Fulfillment) {
  return {
    id: fulfillment.id,
    order_id: fulfillment.orderId,
    order_number: Number(fulfillment.orderNumber),
    status: fulfillment.status,
    carrier: fulfillment.carrier,
    tracking_number: fulfillment.trackingNumber,
    tracking_url: fulfillment.trackingUrl,
    shipped_at: time(fulfillment.shippedAt),
    delivered_at: time(fulfillment.deliveredAt),
  }
}

function shownLine({ lineId, variantId, productTitle, variantTitle, sku, quantity }: Fulfillment['lines'][number]) {
  return { line_id: lineId, variant_id: variantId, title: productTitle, variant_title: variantTitle, sku, quantity: Number(quantity) }
}
