import { percent } from '@souk/core/pricing/percent.ts'
import { conditionsSchema } from '@souk/core/rules/conditions.ts'
import { type ImportedTable, TABLE_FILE_BYTES_MAX } from '@souk/core/shipping/import-methods.ts'
import type { ShippingMethodChanges, ShippingMethodRecord } from '@souk/core/shipping/shipping-methods.ts'
import {
  RATE_STEPS_MAX,
  SHIPPING_NAME_GRAPHEMES_MAX,
  SHIPPING_ZONES_MAX,
  type ShippingMethod,
  TABLE_ROWS_MAX,
  ZONE_PLACES_MAX,
} from '@souk/core/shipping/shipping-table.ts'
import type { ShippingZoneRecord } from '@souk/core/shipping/shipping-zones.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { percentSchema, toPpm } from './percent.ts'
import { givenCountrySchema, givenPostcodeSchema, givenRegionSchema, reasonSchema, taxCategorySchema } from './tax.ts'
import { textSchema } from './text.ts'
import { timeSchema } from './time.ts'

const AMOUNT_MAX = 1_000_000_000_000
const GRAMS_MAX = 1_000_000_000
const POSITION_MAX = 1_000

const amount = z
  .int()
  .min(0, 'amount_out_of_range')
  .max(AMOUNT_MAX, 'amount_out_of_range')
  .meta({ description: 'Minor units of the shop’s currency.' })
const grams = z.int().min(0, 'quantity_out_of_range').max(GRAMS_MAX, 'quantity_out_of_range')
const pieces = z.int().min(1, 'quantity_out_of_range').max(GRAMS_MAX, 'quantity_out_of_range')
const measured = z.int().min(0, 'quantity_out_of_range').max(AMOUNT_MAX, 'quantity_out_of_range')
const name = textSchema(SHIPPING_NAME_GRAPHEMES_MAX)

const placeSchema = z.strictObject({
  country: givenCountrySchema.meta({ description: 'ISO 3166-1, two letters; * for every country.' }),
  region: givenRegionSchema.nullable().default(null),
  postcode_from: givenPostcodeSchema.nullable().default(null),
  postcode_to: givenPostcodeSchema.nullable().default(null),
})

const places = z.array(placeSchema).min(1).max(ZONE_PLACES_MAX)
export const newZoneSchema = z.strictObject({ name, places, reason: reasonSchema })
export const zoneChangesSchema = z.strictObject({ name, places, reason: reasonSchema }).partial()

export const shippingZoneSchema = z
  .strictObject({
    id: idSchema,
    name: z.string(),
    places: z.array(
      z.strictObject({
        country: z.string(),
        region: z.string().nullable(),
        postcode_from: z.string().nullable(),
        postcode_to: z.string().nullable(),
      }),
    ),
    updated_at: timeSchema,
  })
  .meta({ id: 'ShippingZone' })

export function presentZone({ updated_at, ...zone }: ShippingZoneRecord): z.input<typeof shippingZoneSchema> {
  return { ...zone, updated_at: updated_at.toISOString() }
}

const rateSchema = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('flat'), amount }),
    z.strictObject({
      type: z.literal('by_weight'),
      steps: z
        .array(z.strictObject({ from_grams: grams, amount }))
        .min(1)
        .max(RATE_STEPS_MAX),
      beyond: z
        .strictObject({ each_grams: pieces, amount })
        .nullable()
        .default(null)
        .meta({ description: 'Added for every begun so many grams above the last step.' }),
    }),
    z.strictObject({
      type: z.literal('by_subtotal'),
      steps: z
        .array(z.strictObject({ from: measured, amount }))
        .min(1)
        .max(RATE_STEPS_MAX),
    }),
    z.strictObject({
      type: z.literal('by_quantity'),
      first: amount,
      additional: amount,
      quantity_max: pieces.nullable().default(null).meta({ description: 'Pieces that are charged; further ones cost nothing more.' }),
      per_parcel: pieces
        .nullable()
        .default(null)
        .meta({ description: 'Pieces in a parcel: the first of each further one costs `first` again.' }),
    }),
    z.strictObject({
      type: z.literal('percentage'),
      rate_percent: percentSchema,
      amount_min: amount.nullable().default(null),
      amount_max: amount.nullable().default(null),
    }),
    z.strictObject({
      type: z.literal('table'),
      by: z.enum(['weight', 'subtotal', 'quantity']),
      rows: z
        .array(
          z.strictObject({
            country: givenCountrySchema.default('*'),
            region: givenRegionSchema.nullable().default(null),
            postcode: givenPostcodeSchema.nullable().default(null),
            from: measured.default(0),
            amount,
          }),
        )
        .min(1)
        .max(TABLE_ROWS_MAX),
    }),
  ])
  .meta({ id: 'ShippingRate' })

const methodFields = {
  name,
  active: z.boolean(),
  zone_ids: z
    .array(idSchema)
    .min(1)
    .max(SHIPPING_ZONES_MAX)
    .nullable()
    .meta({ description: 'Null: anywhere, also while the address is not known.' }),
  conditions: conditionsSchema.nullable(),
  tax_category: taxCategorySchema.nullable().meta({ description: 'Null: as the tax settings say for shipping.' }),
  rate: rateSchema,
  subtotal_min: amount.nullable(),
  subtotal_max: amount.nullable(),
  grams_min: grams.nullable(),
  grams_max: grams.nullable(),
  free_from: amount.nullable().meta({ description: 'From this order value on it costs nothing.' }),
}

const codeSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
  .meta({ description: 'What carts and orders call it. It stays.', examples: ['post'] })

export const methodChangesSchema = z.strictObject(methodFields).partial().extend({ reason: reasonSchema })
export const newMethodSchema = methodChangesSchema.extend({ code: codeSchema, name, rate: rateSchema })
export const moveSchema = z.strictObject({ position: z.int().min(1).max(POSITION_MAX), reason: reasonSchema })

export const shippingMethodSchema = z
  .strictObject({ id: idSchema, code: z.string(), position: z.int(), ...methodFields, name: z.string(), updated_at: timeSchema })
  .meta({ id: 'ShippingMethod' })

export function presentMethod(record: ShippingMethodRecord): z.output<typeof shippingMethodSchema> {
  const { rate, ...method } = record.method
  return {
    ...method,
    id: record.id,
    active: record.active,
    position: record.position,
    rate: presentRate(rate),
    updated_at: record.updated_at.toISOString(),
  }
}

function presentRate(rate: ShippingMethod['rate']): z.output<typeof rateSchema> {
  if (rate.type !== 'percentage') return rate
  const { rate_ppm, ...bounds } = rate
  return { ...bounds, rate_percent: percent(rate_ppm) }
}

function readRate(rate: z.output<typeof rateSchema>): ShippingMethod['rate'] {
  if (rate.type !== 'percentage') return rate
  const { rate_percent, ...bounds } = rate
  return { ...bounds, rate_ppm: Number(toPpm(rate_percent)) }
}

/** What a request says of a method, in core's form. */
export function readMethodChanges(body: z.output<typeof methodChangesSchema>): ShippingMethodChanges {
  const { active, reason: _reason, rate, ...method } = body
  return { active, method: { ...method, rate: rate && readRate(rate) } }
}

export function readNewMethod(body: z.output<typeof newMethodSchema>): { active: boolean; method: ShippingMethod } {
  return {
    active: body.active ?? true,
    method: {
      code: body.code,
      name: body.name,
      rate: readRate(body.rate),
      zone_ids: body.zone_ids ?? null,
      conditions: body.conditions ?? null,
      tax_category: body.tax_category ?? null,
      subtotal_min: body.subtotal_min ?? null,
      subtotal_max: body.subtotal_max ?? null,
      grams_min: body.grams_min ?? null,
      grams_max: body.grams_max ?? null,
      free_from: body.free_from ?? null,
    },
  }
}

export const tableFileSchema = z.strictObject({
  format: z.literal('magento_table_rates'),
  content: z.string().max(TABLE_FILE_BYTES_MAX).meta({ description: 'The whole CSV file as text.' }),
  code: codeSchema,
  name: name.meta({ description: 'Of a new method; one that is there keeps its name.' }),
  weight_unit: z.enum(['g', 'kg', 'oz', 'lb']).default('kg').meta({ description: 'What the file’s weights are in.' }),
  reason: reasonSchema,
})

export const tableImportSchema = z
  .strictObject({
    outcome: z.enum(['created', 'updated', 'unchanged']),
    rows: z.int(),
    refused: z.array(z.strictObject({ line: z.int(), code: z.string(), detail: z.string() })),
    method: shippingMethodSchema,
  })
  .meta({ id: 'ShippingTableImport' })

export function presentTableImport({ method, ...report }: ImportedTable): z.output<typeof tableImportSchema> {
  return { ...report, method: presentMethod(method) }
}
