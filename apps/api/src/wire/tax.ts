import { percent } from '@souk/core/pricing/percent.ts'
import type { TaxRateChanges } from '@souk/core/taxes/change-rates.ts'
import type { NewTaxRate } from '@souk/core/taxes/check-rate.ts'
import { type ImportedRate, RATE_FILE_BYTES_MAX } from '@souk/core/taxes/import-rates.ts'
import { rateOf } from '@souk/core/taxes/rate-file.ts'
import { CERTIFICATE_LENGTH_MAX, type NewTaxExemption, type TaxExemptionRecord } from '@souk/core/taxes/tax-exemptions.ts'
import type { TaxRateRecord } from '@souk/core/taxes/tax-rate.ts'
import {
  EXEMPT_GROUPS_MAX,
  POSTCODE_PATTERN_LENGTH_MAX,
  TAX_CATEGORIES_MAX,
  TAX_CATEGORY_COUNTRIES_MAX,
  TAX_NAME_GRAPHEMES_MAX,
  TAX_REGISTRATIONS_MAX,
} from '@souk/core/taxes/tax-table.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { percentSchema, toPpm } from './percent.ts'
import { proseSchema, textSchema } from './text.ts'
import { timeSchema } from './time.ts'

const REASON_BYTES_MAX = 1_000
const CODE_LENGTH_MAX = 100
const POSTCODE_LENGTH_MAX = 20
const REGION_LENGTH_MAX = 100
const DAY_LENGTH_MAX = 30
const FILE_COUNTRIES_MAX = 300

/** Places, days and categories are read by core, which says what is wrong with them; here they are only kept short. */
export const givenCountrySchema = z
  .string()
  .max(CODE_LENGTH_MAX)
  .meta({ description: 'ISO 3166-1, two letters.', examples: ['DE'] })
export const givenRegionSchema = z
  .string()
  .max(REGION_LENGTH_MAX)
  .meta({ description: 'A code of ISO 3166-2, with or without its country, or a name.', examples: ['CA'] })
export const givenPostcodeSchema = z.string().max(POSTCODE_LENGTH_MAX)
const daySchema = z
  .string()
  .max(DAY_LENGTH_MAX)
  .meta({ format: 'date', examples: ['2026-07-01'] })
export const taxCategorySchema = z
  .string()
  .max(CODE_LENGTH_MAX)
  .meta({ examples: ['standard'] })
export const reasonSchema = proseSchema(REASON_BYTES_MAX).optional().meta({ description: 'Why, for the audit log.' })
const groupSchema = z
  .string()
  .min(1)
  .max(CODE_LENGTH_MAX * 2)
const nullable = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().optional()

const ANYWHERE = 'ISO 3166-1, two letters; * for every country.'

const rateFields = {
  name: textSchema(TAX_NAME_GRAPHEMES_MAX).meta({ description: 'What buyers read.', examples: ['VAT'] }),
  country: givenCountrySchema.meta({ description: ANYWHERE }),
  region: nullable(givenRegionSchema),
  postcode_from: nullable(givenPostcodeSchema.meta({ description: 'As many leading characters are compared as it has.' })),
  postcode_to: nullable(givenPostcodeSchema.meta({ description: 'Of the same length; absent: the same as postcode_from.' })),
  postcode_pattern: nullable(
    z.string().max(POSTCODE_PATTERN_LENGTH_MAX).meta({ description: 'A regular expression for the whole postcode.' }),
  ),
  category: taxCategorySchema.optional(),
  rate_percent: percentSchema,
  valid_from: nullable(daySchema.meta({ description: 'The first day, in the shop’s time zone.' })),
  valid_to: nullable(daySchema.meta({ description: 'The last day.' })),
  compound: z.boolean().optional().meta({ description: 'Charged on the amount with the taxes before it.' }),
  priority: z
    .int()
    .optional()
    .meta({ description: '1 to 9. Of one priority only the most specific rate is charged; different ones together.' }),
  reason: reasonSchema,
}

export const newRateSchema = z.strictObject(rateFields)
export const rateChangesSchema = z.strictObject(rateFields).partial()

export const taxRateSchema = z
  .strictObject({
    id: idSchema,
    name: z.string(),
    country: z.string(),
    region: z.string().nullable(),
    postcode_from: z.string().nullable(),
    postcode_to: z.string().nullable(),
    postcode_pattern: z.string().nullable(),
    category: z.string(),
    rate_percent: z.string(),
    valid_from: z.string().nullable(),
    valid_to: z.string().nullable(),
    compound: z.boolean(),
    priority: z.int(),
    source: z.string().nullable().meta({ description: 'The kind of file it was imported from; null if it was made by hand.' }),
    updated_at: timeSchema,
  })
  .meta({ id: 'TaxRate' })

/** A rate as staff see it. */
export function presentRate({ rate_ppm, updated_at, ...rate }: TaxRateRecord): z.input<typeof taxRateSchema> {
  return { ...rate, rate_percent: percent(rate_ppm), updated_at: updated_at.toISOString() }
}

/** What a request says of a rate, in core's form. */
export function readRateChanges({ rate_percent, reason: _reason, ...changes }: z.output<typeof rateChangesSchema>): TaxRateChanges {
  return { ...changes, ...(rate_percent !== undefined && { rate_ppm: Number(toPpm(rate_percent)) }) }
}

export function readNewRate(body: z.output<typeof newRateSchema>): NewTaxRate {
  const given = Object.fromEntries(Object.entries(readRateChanges(body)).filter(([, value]) => value !== undefined))
  return rateOf({ ...given, name: body.name, country: body.country, rate_ppm: Number(toPpm(body.rate_percent)) })
}

export const rateFileSchema = z.strictObject({
  format: z.enum(['eu_vat_rates', 'world_sales_tax', 'magento_tax_rates']).meta({
    description: 'ibericode/vat-rates (JSON), the npm package sales-tax (JSON), or Magento’s tax rates (CSV).',
  }),
  content: z.string().max(RATE_FILE_BYTES_MAX).meta({ description: 'The whole file as text.' }),
  countries: z
    .array(givenCountrySchema)
    .min(1)
    .max(FILE_COUNTRIES_MAX)
    .optional()
    .meta({ description: 'Only entries of these; absent: all.' }),
  reason: reasonSchema,
})

const OUTCOMES = ['created', 'updated', 'unchanged', 'skipped', 'refused', 'not_in_file'] as const

export const rateImportSchema = z
  .strictObject({
    counts: z.strictObject(
      Object.fromEntries(OUTCOMES.map((outcome) => [outcome, z.int()])) as Record<(typeof OUTCOMES)[number], z.ZodInt>,
    ),
    entries: z.array(
      z.strictObject({
        key: z.string().meta({ description: 'The entry, as the file has it.' }),
        outcome: z.enum(OUTCOMES),
        tax_rate_id: idSchema.nullable(),
        code: z.string().nullable(),
        detail: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'TaxRateImport' })

export function presentRateImport(entries: readonly ImportedRate[]): z.input<typeof rateImportSchema> {
  const count = (outcome: (typeof OUTCOMES)[number]) => entries.filter((entry) => entry.outcome === outcome).length
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, count(outcome)])) as Record<(typeof OUTCOMES)[number], number>
  return { counts, entries: entries.map((entry) => ({ ...entry })) }
}

const holderFields = {
  customer_id: idSchema.nullable(),
  customer_group: groupSchema.nullable().meta({ description: 'The handle of a group; an exemption is of a customer or of a group.' }),
  certificate: z.string(),
  country: z.string().meta({ description: ANYWHERE }),
  region: z.string().nullable(),
  category: z.string().nullable().meta({ description: 'Null: goods of every category.' }),
  valid_from: z.string().nullable(),
  valid_to: z.string().nullable(),
}

export const taxExemptionSchema = z.strictObject({ id: idSchema, ...holderFields, updated_at: timeSchema }).meta({ id: 'TaxExemption' })

const exemptionFields = {
  customer_id: nullable(idSchema),
  customer_group: nullable(groupSchema),
  certificate: textSchema(CERTIFICATE_LENGTH_MAX),
  country: givenCountrySchema.optional().meta({ description: ANYWHERE }),
  region: nullable(givenRegionSchema),
  category: nullable(taxCategorySchema),
  valid_from: nullable(daySchema),
  valid_to: nullable(daySchema),
  reason: reasonSchema,
}

export const newExemptionSchema = z.strictObject(exemptionFields)
export const exemptionChangesSchema = z.strictObject(exemptionFields).partial()

export function presentExemption({ updated_at, ...exemption }: TaxExemptionRecord): z.input<typeof taxExemptionSchema> {
  return { ...exemption, updated_at: updated_at.toISOString() }
}

export function readNewExemption({ reason: _reason, ...body }: z.output<typeof newExemptionSchema>): NewTaxExemption {
  return {
    certificate: body.certificate,
    customer_id: body.customer_id ?? null,
    customer_group: body.customer_group ?? null,
    country: body.country ?? '*',
    region: body.region ?? null,
    category: body.category ?? null,
    valid_from: body.valid_from ?? null,
    valid_to: body.valid_to ?? null,
  }
}

const registrationSchema = z.strictObject({
  country: givenCountrySchema,
  region: givenRegionSchema.nullable().default(null),
  number: z.string().min(1).max(50).nullable().default(null).meta({ description: 'The number under which the shop is registered there.' }),
  valid_from: daySchema.nullable().default(null),
  valid_to: daySchema.nullable().default(null),
})

const categorySchema = z.strictObject({
  code: taxCategorySchema.meta({ description: 'What variants carry.' }),
  name: textSchema(TAX_NAME_GRAPHEMES_MAX),
  countries: z
    .array(z.strictObject({ country: givenCountrySchema, category: taxCategorySchema }))
    .max(TAX_CATEGORY_COUNTRIES_MAX)
    .default([]),
  otherwise: taxCategorySchema
    .default('standard')
    .meta({ description: 'In countries that are not listed and have no rate of this category.' }),
})

const settingsFields = {
  seller_region: givenRegionSchema.nullable(),
  seller_postcode: givenPostcodeSchema.nullable(),
  collects: z
    .enum(['rates', 'registrations'])
    .meta({ description: 'Tax is collected wherever a rate fits, or only where the shop is registered.' }),
  registrations: z.array(registrationSchema).max(TAX_REGISTRATIONS_MAX),
  distance_sales: z
    .strictObject({ mode: z.enum(['origin', 'destination']), from: daySchema.nullable() })
    .meta({ description: 'Sales to consumers in other member states of the EU: the shop’s own tax, or from a day on the buyer’s.' }),
  reverse_charge: z.boolean(),
  default_name: textSchema(TAX_NAME_GRAPHEMES_MAX).meta({ description: 'What buyers read of the flat rate of the shop’s settings.' }),
  categories: z.array(categorySchema).max(TAX_CATEGORIES_MAX),
  shipping: z.strictObject({ mode: z.enum(['none', 'category', 'highest', 'weighted']), category: taxCategorySchema }),
  exempt_groups: z.array(groupSchema).max(EXEMPT_GROUPS_MAX).meta({ description: 'Handles of groups whose customers pay no tax.' }),
}

export const taxSettingsWireSchema = z.strictObject(settingsFields).meta({ id: 'TaxSettings' })
export const taxSettingsChangesSchema = z.strictObject(settingsFields).partial().extend({ reason: reasonSchema })
