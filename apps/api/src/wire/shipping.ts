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
import { givenMoneySchema, moneySchema, presentMoney, type WireMoney } from './money.ts'
import { percentSchema, toPpm } from './percent.ts'
import { moneyIn, shownConditionsSchema } from './promotion-action.ts'
import { givenCountrySchema, givenPostcodeSchema, givenRegionSchema, reasonSchema, taxCategorySchema } from './tax.ts'
import { textSchema } from './text.ts'
import { timeSchema } from './time.ts'

const MEASURE_MAX = 1_000_000_000_000
const GRAMS_MAX = 1_000_000_000
const POSITION_MAX = 1_000

const grams = z.int().min(0, 'quantity_out_of_range').max(GRAMS_MAX, 'quantity_out_of_range')
const pieces = z.int().min(1, 'quantity_out_of_range').max(GRAMS_MAX, 'quantity_out_of_range')
const measured = z.int().min(0, 'quantity_out_of_range').max(MEASURE_MAX, 'quantity_out_of_range')
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

/** The rates there are: written with a caller's money, answered with ours. */
function rateSchemas<Money extends z.ZodType>(money: Money) {
  return z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('flat'), amount: money }),
    z.strictObject({
      type: z.literal('by_weight'),
      steps: z
        .array(z.strictObject({ from_grams: grams, amount: money }))
        .min(1)
        .max(RATE_STEPS_MAX),
      beyond: z
        .strictObject({ each_grams: pieces, amount: money })
        .nullable()
        .default(null)
        .meta({ description: 'Added for every begun so many grams above the last step.' }),
    }),
    z.strictObject({
      type: z.literal('by_subtotal'),
      steps: z
        .array(z.strictObject({ from: money, amount: money }))
        .min(1)
        .max(RATE_STEPS_MAX),
    }),
    z.strictObject({
      type: z.literal('by_quantity'),
      first: money,
      additional: money,
      quantity_max: pieces.nullable().default(null).meta({ description: 'Pieces that are charged; further ones cost nothing more.' }),
      per_parcel: pieces
        .nullable()
        .default(null)
        .meta({ description: 'Pieces in a parcel: the first of each further one costs `first` again.' }),
    }),
    z.strictObject({
      type: z.literal('percentage'),
      rate_percent: percentSchema,
      amount_min: money.nullable().default(null),
      amount_max: money.nullable().default(null),
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
            from: measured.default(0).meta({ description: 'Grams, minor units of the shop’s currency, or pieces, as `by` says.' }),
            amount: money,
          }),
        )
        .min(1)
        .max(TABLE_ROWS_MAX),
    }),
  ])
}

const givenRateSchema = rateSchemas(givenMoneySchema)
const shownRateSchema = rateSchemas(moneySchema)

function methodFields<Money extends z.ZodType>(money: Money) {
  return {
    name,
    active: z.boolean(),
    zone_ids: z
      .array(idSchema)
      .min(1)
      .max(SHIPPING_ZONES_MAX)
      .nullable()
      .meta({ description: 'Null: anywhere, also while the address is not known.' }),
    tax_category: taxCategorySchema.nullable().meta({ description: 'Null: as the tax settings say for shipping.' }),
    subtotal_min: money.nullable(),
    subtotal_max: money.nullable(),
    grams_min: grams.nullable(),
    grams_max: grams.nullable(),
    free_from: money.nullable().meta({ description: 'From this order value on it costs nothing.' }),
  }
}

const codeSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/)
  .meta({ description: 'What carts and orders call it. It stays.', examples: ['post'] })

export const methodChangesSchema = z
  .strictObject({ ...methodFields(givenMoneySchema), conditions: conditionsSchema.nullable(), rate: givenRateSchema })
  .partial()
  .extend({ reason: reasonSchema })
export const newMethodSchema = methodChangesSchema.extend({ code: codeSchema, name, rate: givenRateSchema })
export const moveSchema = z.strictObject({ position: z.int().min(1).max(POSITION_MAX), reason: reasonSchema })

export const shippingMethodSchema = z
  .strictObject({
    id: idSchema,
    code: z.string(),
    position: z.int(),
    ...methodFields(moneySchema),
    name: z.string(),
    conditions: shownConditionsSchema.nullable(),
    rate: shownRateSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'ShippingMethod' })

type GivenMoney = z.output<typeof givenMoneySchema>
type GivenRate = z.output<typeof givenRateSchema>
type ShownRate = z.output<typeof shownRateSchema>
type Rate = ShippingMethod['rate']

export function presentMethod(record: ShippingMethodRecord): z.output<typeof shippingMethodSchema> {
  const { rate, conditions, ...method } = record.method
  const money = (amount: number) => presentMoney(BigInt(amount), record.currency)
  const orNull = (amount: number | null) => (amount === null ? null : money(amount))
  return {
    ...method,
    id: record.id,
    active: record.active,
    position: record.position,
    conditions: conditions as Record<string, unknown> | null,
    subtotal_min: orNull(method.subtotal_min),
    subtotal_max: orNull(method.subtotal_max),
    free_from: orNull(method.free_from),
    rate: presentRate(rate, money, orNull),
    updated_at: record.updated_at.toISOString(),
  }
}

function presentRate(rate: Rate, money: (amount: number) => WireMoney, orNull: (amount: number | null) => WireMoney | null): ShownRate {
  const priced = <Part extends { amount: number }>(part: Part) => ({ ...part, amount: money(part.amount) })
  switch (rate.type) {
    case 'flat':
      return priced(rate)
    case 'by_weight':
      return { ...rate, steps: rate.steps.map(priced), beyond: rate.beyond && priced(rate.beyond) }
    case 'by_subtotal':
      return { ...rate, steps: rate.steps.map((step) => ({ from: money(step.from), amount: money(step.amount) })) }
    case 'by_quantity':
      return { ...rate, first: money(rate.first), additional: money(rate.additional) }
    case 'percentage': {
      const { rate_ppm, amount_min, amount_max, ...rest } = rate
      return { ...rest, rate_percent: percent(rate_ppm), amount_min: orNull(amount_min), amount_max: orNull(amount_max) }
    }
    case 'table':
      return { ...rate, rows: rate.rows.map(priced) }
  }
}

/** A rate as it is kept: amounts as integers of the shop's currency, which is checked elsewhere. */
function readRate(rate: GivenRate): Rate {
  const plain = <Part extends { amount: GivenMoney }>(part: Part) => ({ ...part, amount: part.amount.amount })
  switch (rate.type) {
    case 'flat':
      return plain(rate)
    case 'by_weight':
      return { ...rate, steps: rate.steps.map(plain), beyond: rate.beyond && plain(rate.beyond) }
    case 'by_subtotal':
      return { ...rate, steps: rate.steps.map((step) => ({ from: step.from.amount, amount: step.amount.amount })) }
    case 'by_quantity':
      return { ...rate, first: rate.first.amount, additional: rate.additional.amount }
    case 'percentage': {
      const { rate_percent, amount_min, amount_max, ...rest } = rate
      const bounds = { amount_min: amount_min?.amount ?? null, amount_max: amount_max?.amount ?? null }
      return { ...rest, ...bounds, rate_ppm: Number(toPpm(rate_percent)) }
    }
    case 'table':
      return { ...rate, rows: rate.rows.map(plain) }
  }
}

/** What a request says of a method, in core's form. */
export function readMethodChanges(body: z.output<typeof methodChangesSchema>): ShippingMethodChanges {
  const { active, reason: _reason, rate, subtotal_min, subtotal_max, free_from, ...method } = body
  const amounts = { subtotal_min: amountOf(subtotal_min), subtotal_max: amountOf(subtotal_max), free_from: amountOf(free_from) }
  return { active, method: { ...method, ...amounts, rate: rate && readRate(rate) } }
}

export function readNewMethod(body: z.output<typeof newMethodSchema>): { active: boolean; method: ShippingMethod } {
  const { active = true, method = {} } = readMethodChanges(body)
  return {
    active,
    method: {
      code: body.code,
      name: body.name,
      rate: readRate(body.rate),
      zone_ids: method.zone_ids ?? null,
      conditions: method.conditions ?? null,
      tax_category: method.tax_category ?? null,
      subtotal_min: method.subtotal_min ?? null,
      subtotal_max: method.subtotal_max ?? null,
      grams_min: method.grams_min ?? null,
      grams_max: method.grams_max ?? null,
      free_from: method.free_from ?? null,
    },
  }
}

/** Every amount whose currency a caller named, and where. Conditions hold none: their amounts are plain integers. */
export function moneyInMethod({ conditions: _conditions, ...body }: z.output<typeof methodChangesSchema>) {
  return moneyIn(body, '')
}

function amountOf(money: GivenMoney | null | undefined): number | null | undefined {
  return money === null ? null : money?.amount
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
