import { z } from 'zod'

/** How many rates, exemptions and the like one merchant may have. The whole table is part of every pricing version. */
export const TAX_RATES_MAX = 3_000
export const TAX_EXEMPTIONS_MAX = 1_000
export const TAX_REGISTRATIONS_MAX = 300
export const TAX_CATEGORIES_MAX = 100
export const TAX_CATEGORY_COUNTRIES_MAX = 250
export const EXEMPT_GROUPS_MAX = 100
export const POSTCODE_PATTERN_LENGTH_MAX = 200
export const TAX_NAME_GRAPHEMES_MAX = 100
export const TAX_PRIORITY_MAX = 9
export const PPM_WHOLE = 1_000_000

/** The category that goods have when nothing else is said, and the one another category falls back to. */
export const STANDARD_CATEGORY = 'standard'

// Its length is checked when it is saved, in graphemes.
const nameSchema = z.string().min(1)
const countrySchema = z.string().regex(/^[A-Z]{2}$/, 'unknown_country')
const anyCountrySchema = z.string().regex(/^([A-Z]{2}|\*)$/, 'unknown_country')
/** The part of an ISO 3166-2 code after the hyphen: CA of US-CA. */
const regionSchema = z.string().regex(/^[A-Z0-9]{1,3}$/, 'unknown_region')
/** Capital letters and digits, nothing between: the form in which postcodes are compared. */
const postcodeSchema = z.string().regex(/^[A-Z0-9]{1,10}$/, 'invalid_postcode')
export const taxCategorySchema = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'invalid_tax_category')
const groupSchema = z.string().min(1).max(200)

/** A day of the calendar, such as 2026-03-01; in a table of rates it is one of the seller's time zone. */
export const daySchema = z
  .string()
  .regex(/^(19|2\d)\d{2}-\d{2}-\d{2}$/, 'invalid_date')
  .refine((text) => z.iso.date().safeParse(text).success, 'invalid_date')

const ratePpmSchema = z.int('percentage_out_of_range').min(0, 'percentage_out_of_range').max(PPM_WHOLE, 'percentage_out_of_range')

/**
 * One rate of tax: what is charged on goods of a category that go to a place, in a span of days (both included). A postcode
 * is compared by as many characters as the range's ends have, so from 35 to 35 is a prefix. Of the rates with the same
 * priority that fit, only the most specific is charged; rates of different priorities are charged together. A compound rate
 * is charged on the amount with all taxes before it.
 */
export const taxRateSchema = z.strictObject({
  id: z.string(),
  name: nameSchema,
  country: anyCountrySchema,
  region: regionSchema.nullable().default(null),
  postcode_from: postcodeSchema.nullable().default(null),
  postcode_to: postcodeSchema.nullable().default(null),
  /** A regular expression for the whole postcode, written without spaces and hyphens. */
  postcode_pattern: z.string().min(1).max(POSTCODE_PATTERN_LENGTH_MAX).nullable().default(null),
  category: taxCategorySchema.default(STANDARD_CATEGORY),
  rate_ppm: ratePpmSchema,
  valid_from: daySchema.nullable().default(null),
  valid_to: daySchema.nullable().default(null),
  compound: z.boolean().default(false),
  priority: z.int('priority_out_of_range').min(1, 'priority_out_of_range').max(TAX_PRIORITY_MAX, 'priority_out_of_range').default(1),
})

/** Where the seller is registered for tax, and since when. Without a region: in the whole country. */
export const taxRegistrationSchema = z.strictObject({
  country: countrySchema,
  region: regionSchema.nullable().default(null),
  /** The number under which the seller is registered, as it appears on invoices. */
  number: z.string().min(1).max(50).nullable().default(null),
  valid_from: daySchema.nullable().default(null),
  valid_to: daySchema.nullable().default(null),
})

/** A kind of goods, by the code that variants carry; which rate category it has in a country, if not one of its own name. */
export const taxCategoryRuleSchema = z.strictObject({
  code: taxCategorySchema,
  name: nameSchema,
  countries: z
    .array(z.strictObject({ country: countrySchema, category: taxCategorySchema }))
    .max(TAX_CATEGORY_COUNTRIES_MAX)
    .default([]),
  /** Where the country is not listed and no rate has this category's own code. */
  otherwise: taxCategorySchema.default(STANDARD_CATEGORY),
})

/** Who need not pay tax, by which certificate, where and when. Either a customer or a whole group. */
export const taxExemptionSchema = z.strictObject({
  id: z.string(),
  customer_id: z.string().nullable().default(null),
  customer_group: groupSchema.nullable().default(null),
  certificate: z.string().min(1).max(100),
  country: anyCountrySchema.default('*'),
  region: regionSchema.nullable().default(null),
  /** Null: goods of every category. */
  category: taxCategorySchema.nullable().default(null),
  valid_from: daySchema.nullable().default(null),
  valid_to: daySchema.nullable().default(null),
})

/**
 * - `none`: shipping is not taxed.
 * - `category`: like goods of one category.
 * - `highest`: like the line with the highest tax.
 * - `weighted`: split over the lines by their amounts, each part taxed like its line.
 */
export const shippingTaxSchema = z.strictObject({
  mode: z.enum(['none', 'category', 'highest', 'weighted']).default('category'),
  category: taxCategorySchema.default(STANDARD_CATEGORY),
})

/** Tax of sales to consumers in other member states of the EU: the seller's own until `from`, the buyer's country's from that day on. */
export const distanceSalesSchema = z.strictObject({
  mode: z.enum(['origin', 'destination']).default('origin'),
  from: daySchema.nullable().default(null),
})

/** Everything the tax of a cart depends on but the cart itself. JSON; part of a merchant's pricing version. */
export const taxTableSchema = z.strictObject({
  seller_country: countrySchema,
  seller_region: regionSchema.nullable().default(null),
  seller_postcode: postcodeSchema.nullable().default(null),
  /** IANA name. Days of validity begin at midnight there. */
  time_zone: z.string().default('UTC'),
  /** `rates`: wherever a rate fits. `registrations`: at home, and where the seller is registered. */
  collects: z.enum(['rates', 'registrations']).default('rates'),
  registrations: z.array(taxRegistrationSchema).max(TAX_REGISTRATIONS_MAX).default([]),
  distance_sales: distanceSalesSchema.default({ mode: 'origin', from: null }),
  reverse_charge: z.boolean().default(false),
  /** Charged at home while no rate names the seller's country, and everywhere while there are no rates at all. */
  default_rate_ppm: ratePpmSchema.default(0),
  default_name: nameSchema.default('Tax'),
  rates: z.array(taxRateSchema).max(TAX_RATES_MAX).default([]),
  categories: z.array(taxCategoryRuleSchema).max(TAX_CATEGORIES_MAX).default([]),
  shipping: shippingTaxSchema.default({ mode: 'category', category: STANDARD_CATEGORY }),
  exempt_groups: z.array(groupSchema).max(EXEMPT_GROUPS_MAX).default([]),
  exemptions: z.array(taxExemptionSchema).max(TAX_EXEMPTIONS_MAX).default([]),
})

/** What a merchant sets of the table; the rest comes from the shop's own settings, the rates and the exemptions. */
export const taxSettingsSchema = taxTableSchema.omit({
  seller_country: true,
  time_zone: true,
  default_rate_ppm: true,
  rates: true,
  exemptions: true,
})

export type TaxSettings = z.output<typeof taxSettingsSchema>
export type TaxRateRow = z.output<typeof taxRateSchema>
export type TaxRegistration = z.output<typeof taxRegistrationSchema>
export type TaxCategoryRule = z.output<typeof taxCategoryRuleSchema>
export type TaxExemption = z.output<typeof taxExemptionSchema>
export type TaxTable = z.output<typeof taxTableSchema>
