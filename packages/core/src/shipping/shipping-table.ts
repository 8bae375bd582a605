import { z } from 'zod'
import { AMOUNT_MAX } from '../money.ts'
import { conditionsSchema } from '../rules/conditions.ts'

export const SHIPPING_ZONES_MAX = 200
export const ZONE_PLACES_MAX = 1_000
export const SHIPPING_METHODS_MAX = 100
export const RATE_STEPS_MAX = 200
export const TABLE_ROWS_MAX = 2_000
export const SHIPPING_NAME_GRAPHEMES_MAX = 100

// Its length is checked when it is saved, in graphemes.
const nameSchema = z.string().min(1)
const anyCountrySchema = z.string().regex(/^([A-Z]{2}|\*)$/, 'unknown_country')
const regionSchema = z.string().regex(/^[A-Z0-9]{1,3}$/, 'unknown_region')
const postcodeSchema = z.string().regex(/^[A-Z0-9]{1,10}$/, 'invalid_postcode')
const amountSchema = z.int('amount_out_of_range').min(0, 'amount_out_of_range').max(Number(AMOUNT_MAX), 'amount_out_of_range')
/** Of what a step is measured in: grams, pieces or minor units. */
const measuredSchema = z.int('quantity_out_of_range').min(0, 'quantity_out_of_range').max(Number(AMOUNT_MAX), 'quantity_out_of_range')
const countSchema = z.int('quantity_out_of_range').min(0, 'quantity_out_of_range').max(1_000_000_000, 'quantity_out_of_range')

/** A place of a zone: a country, or a region of it, or postcodes of it. Postcodes are compared as those of tax rates are. */
export const zonePlaceSchema = z.strictObject({
  country: anyCountrySchema,
  region: regionSchema.nullable().default(null),
  postcode_from: postcodeSchema.nullable().default(null),
  postcode_to: postcodeSchema.nullable().default(null),
})

export const shippingZoneSchema = z.strictObject({
  id: z.string(),
  name: nameSchema,
  places: z.array(zonePlaceSchema).min(1).max(ZONE_PLACES_MAX),
})

const stepSchema = z.strictObject({ from: measuredSchema, amount: amountSchema })

/** What a row of a table is chosen by: grams, minor units, or pieces. */
const measureSchema = z.enum(['weight', 'subtotal', 'quantity'])

/** A row for a place and a measure of at least `from`. Of those that fit, the most specific place wins, then the highest `from`. */
export const tableRowSchema = z.strictObject({
  country: anyCountrySchema.default('*'),
  region: regionSchema.nullable().default(null),
  /** As many leading characters of the postcode as are given here. */
  postcode: postcodeSchema.nullable().default(null),
  from: measuredSchema.default(0),
  amount: amountSchema,
})

/** How a method's price is found. Amounts in minor units of the shop's currency. */
export const shippingRateSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('flat'), amount: amountSchema }),
  z.strictObject({
    type: z.literal('by_weight'),
    /** Grams. The last step that the weight reaches decides; below the first one the method is not offered. */
    steps: z
      .array(z.strictObject({ from_grams: countSchema, amount: amountSchema }))
      .min(1)
      .max(RATE_STEPS_MAX),
    /** Added for every begun `each_grams` above the last step. */
    beyond: z
      .strictObject({ each_grams: countSchema.min(1, 'quantity_out_of_range'), amount: amountSchema })
      .nullable()
      .default(null),
  }),
  z.strictObject({ type: z.literal('by_subtotal'), steps: z.array(stepSchema).min(1).max(RATE_STEPS_MAX) }),
  z.strictObject({
    type: z.literal('by_quantity'),
    first: amountSchema,
    additional: amountSchema,
    /** Pieces that are charged; further ones cost nothing more. */
    quantity_max: countSchema.min(1, 'quantity_out_of_range').nullable().default(null),
    /** How many pieces a parcel holds: the first of every further parcel costs `first` again. */
    per_parcel: countSchema.min(1, 'quantity_out_of_range').nullable().default(null),
  }),
  z.strictObject({
    type: z.literal('percentage'),
    rate_ppm: z.int('percentage_out_of_range').min(0, 'percentage_out_of_range').max(1_000_000, 'percentage_out_of_range'),
    amount_min: amountSchema.nullable().default(null),
    amount_max: amountSchema.nullable().default(null),
  }),
  z.strictObject({ type: z.literal('table'), by: measureSchema, rows: z.array(tableRowSchema).min(1).max(TABLE_ROWS_MAX) }),
])

/** A way to send goods. It is offered where its zones are, within its limits (both ends included), when its conditions hold. */
export const shippingMethodSchema = z.strictObject({
  code: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'invalid_code'),
  name: nameSchema,
  /** Null: anywhere, and also while the address is not known. */
  zone_ids: z.array(z.string()).min(1).max(SHIPPING_ZONES_MAX).nullable().default(null),
  /** Conditions of scope cart in the language of the rules. */
  conditions: conditionsSchema.nullable().default(null),
  /** Null: as the tax settings say for shipping. */
  tax_category: z.string().nullable().default(null),
  rate: shippingRateSchema,
  subtotal_min: amountSchema.nullable().default(null),
  subtotal_max: amountSchema.nullable().default(null),
  grams_min: countSchema.nullable().default(null),
  grams_max: countSchema.nullable().default(null),
  /** From this subtotal on it costs nothing. */
  free_from: amountSchema.nullable().default(null),
})

/** Every way a merchant sends goods, in the order in which buyers see them. JSON; part of a merchant's pricing version. */
export const shippingTableSchema = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'currency_unsupported'),
  zones: z.array(shippingZoneSchema).max(SHIPPING_ZONES_MAX).default([]),
  methods: z.array(shippingMethodSchema).max(SHIPPING_METHODS_MAX).default([]),
})

export type ZonePlace = z.output<typeof zonePlaceSchema>
export type ShippingZone = z.output<typeof shippingZoneSchema>
export type ShippingRateRule = z.output<typeof shippingRateSchema>
export type ShippingTableRow = z.output<typeof tableRowSchema>
export type ShippingMethod = z.output<typeof shippingMethodSchema>
export type ShippingTable = z.output<typeof shippingTableSchema>
