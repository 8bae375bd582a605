import { z } from 'zod'
import { carrierResponseV1, failureFields } from './carrier-request.ts'
import {
  amountSchema,
  callFields,
  codeSchema,
  countrySchema,
  destinationFields,
  idSchema,
  LINES_MAX,
  lineFields,
  messageSchema,
} from './quantities.ts'

// fulfillment@1: prices delivery while the buyer chooses (`rates`, pure), and later, in the worker, speaks with a
// carrier in pairs of hooks: one writes a request, the other reads the answer.

const placeFields = {
  name: z.string().max(200),
  address: z.string().max(300),
  postcode: z.string().max(20),
  city: z.string().max(200),
  country: countrySchema,
}

export const ratesInputV1 = z.strictObject({
  ...callFields,
  lines: z
    .array(
      z.strictObject({
        ...lineFields,
        amount: amountSchema.meta({ description: 'After discounts.' }),
        requires_shipping: z.boolean().meta({ description: 'False for what is not sent: downloads, services.' }),
      }),
    )
    .max(LINES_MAX),
  subtotal: amountSchema.meta({ description: 'Sum of the lines after discounts.' }),
  grams: z.int().min(0).meta({ description: 'Weight of all lines that are shipped.' }),
  destination: z
    .strictObject({ ...destinationFields, city: z.string().max(200).nullable().meta({ description: 'As the buyer wrote it.' }) })
    .nullable()
    .meta({ description: 'Null until the buyer gave an address.' }),
})

export const ratesOutputV1 = z.strictObject({
  rates: z
    .array(
      z.strictObject({
        code: codeSchema.meta({ description: 'Unique in the answer; comes back as shipment.method.' }),
        name: messageSchema,
        amount: amountSchema,
        delivery_days: z.strictObject({ min: z.int().min(0).max(365), max: z.int().min(0).max(365) }).optional(),
        tax_category: z.string().max(100).optional(),
        pickup_point: z.strictObject({ id: idSchema, ...placeFields }).optional(),
      }),
    )
    .max(50),
})

const addressSchema = z.strictObject({
  name: z.string().max(200).meta({ description: 'The person.' }),
  company: z.string().max(200).nullable().meta({ description: 'The firm, if there is one.' }),
  line1: z.string().max(300).meta({ description: 'Street and number.' }),
  line2: z.string().max(300).nullable().meta({ description: 'Whatever else belongs to the address.' }),
  postcode: z.string().max(20).nullable().meta({ description: 'As it was written.' }),
  city: z.string().max(200).meta({ description: 'As it was written.' }),
  region: z.string().max(100).nullable().meta({ description: 'State, province or canton code.' }),
  country: countrySchema,
  email: z.string().max(320).nullable().meta({ description: 'For the carrier’s notices.' }),
  phone: z.string().max(50).nullable().meta({ description: 'For the carrier’s notices.' }),
})

const parcelSchema = z.strictObject({
  id: idSchema.meta({ description: 'The parcel, within the shipment.' }),
  grams: z.int().min(0).meta({ description: 'With its packaging.' }),
})

const itemSchema = z.strictObject({
  sku: lineFields.sku,
  title: z.string().max(500).meta({ description: 'What it is, for a customs form.' }),
  quantity: z.int().min(1).meta({ description: 'Units in this shipment.' }),
  grams: z.int().min(0).meta({ description: 'Weight of one unit.' }),
  unit_price: amountSchema.meta({ description: 'What one unit cost after discounts.' }),
})

const shipmentSchema = z.strictObject({
  id: idSchema.meta({ description: 'The same on every try: send it as the carrier’s idempotency key.' }),
  order_number: z.string().max(100).meta({ description: 'What the buyer knows the order by.' }),
  method: z.string().max(100).meta({ description: 'The code of the rate that the buyer chose.' }),
  pickup_point_id: idSchema.nullable().meta({ description: 'Of the rate that the buyer chose.' }),
  currency: callFields.currency,
  declared_value: amountSchema.meta({ description: 'What the items cost together.' }),
  recipient: addressSchema,
  sender: addressSchema,
  parcels: z.array(parcelSchema).max(100),
  items: z.array(itemSchema).max(LINES_MAX),
  carrier_reference: z.string().max(200).nullable().meta({ description: 'What parseShipment gave.' }),
  tracking_number: z.string().max(200).nullable().meta({ description: 'What parseShipment gave.' }),
})

export const shipmentInputV1 = z.strictObject({ as_of: callFields.as_of, shipment: shipmentSchema })
export const shipmentAnswerInputV1 = z.strictObject({ ...shipmentInputV1.shape, response: carrierResponseV1 })

const failedSchema = z.strictObject(failureFields)

export const parseShipmentOutputV1 = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('created'),
    carrier_reference: z.string().min(1).max(200),
    tracking_number: z.string().min(1).max(200).nullable(),
    tracking_url: z
      .url({ protocol: /^https$/ })
      .max(2_000)
      .nullable(),
  }),
  failedSchema,
])

export const LABEL_MEDIA_TYPES = ['application/pdf', 'image/png', 'text/x-zpl'] as const

export const parseLabelOutputV1 = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('ready'),
    media_type: z.enum(LABEL_MEDIA_TYPES),
    from: z
      .union([
        z.strictObject({ document: z.literal(true) }),
        z.strictObject({
          base64_at: z
            .string()
            .regex(/^(\/[^/]*)+$/)
            .max(500),
        }),
      ])
      .meta({
        description:
          'Where the label is: the document that came, or base64 text at a JSON pointer of the answer. The plugin does not carry it.',
      }),
  }),
  failedSchema,
])

export const TRACKING_STATUSES = [
  'announced',
  'in_transit',
  'at_pickup_point',
  'out_for_delivery',
  'delivered',
  'returned',
  'exception',
] as const

export const parseTrackingOutputV1 = z.discriminatedUnion('outcome', [
  z.strictObject({
    outcome: z.literal('known'),
    status: z.enum(TRACKING_STATUSES),
    events: z
      .array(
        z.strictObject({
          at: z.iso.datetime({ offset: true }),
          status: z.enum(TRACKING_STATUSES),
          text: z.string().max(500),
          place: z.string().max(200).nullable(),
        }),
      )
      .max(100),
  }),
  failedSchema,
])

export const parseCancellationOutputV1 = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('cancelled') }),
  failedSchema,
])

export type RatesInputV1 = z.output<typeof ratesInputV1>
export type RatesOutputV1 = z.output<typeof ratesOutputV1>
export type ShipmentInputV1 = z.output<typeof shipmentInputV1>
export type ShipmentAnswerInputV1 = z.output<typeof shipmentAnswerInputV1>
export type ParseShipmentOutputV1 = z.output<typeof parseShipmentOutputV1>
export type ParseLabelOutputV1 = z.output<typeof parseLabelOutputV1>
export type ParseTrackingOutputV1 = z.output<typeof parseTrackingOutputV1>
export type ParseCancellationOutputV1 = z.output<typeof parseCancellationOutputV1>
