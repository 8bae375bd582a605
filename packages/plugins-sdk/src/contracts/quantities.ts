import { z } from 'zod'

/** No single amount passes this: 10^12 minor units. It keeps every number on the wire an exact double. */
export const AMOUNT_MAX = 1_000_000_000_000
export const LINES_MAX = 1_000
export const MESSAGE_CHARACTERS_MAX = 200
export const LIST_MAX = 250

/** Minor units of the call's currency: 1999 is 19.99 EUR, 1999 JPY, 1.999 KWD. */
export const amountSchema = z.int().min(0).max(AMOUNT_MAX)

/** A percentage as people write it: "19", "8.25". Text, because 8.25 in binary is a promise nobody keeps. */
export const percentSchema = z
  .string()
  .regex(/^\d{1,3}(\.\d{1,4})?$/)
  .refine((text) => Number(text) <= 100, 'is above 100')
  .meta({ examples: ['19', '8.25'] })

/** What a buyer reads: one line, no control characters. */
export const messageSchema = z
  .string()
  .min(1)
  .max(MESSAGE_CHARACTERS_MAX)
  .regex(/^\P{Cc}*$/u)

/** A code of the author's own making. */
export const codeSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/)

export const idSchema = z.string().min(1).max(100)
export const wordsSchema = z.array(z.string().max(255)).max(LIST_MAX)
export const countrySchema = z
  .string()
  .regex(/^[A-Z]{2}$/)
  .meta({ description: 'ISO 3166-1 alpha-2.' })

/** What every pure hook is told of its surroundings. There is no clock: `as_of` is the time. */
export const callFields = {
  as_of: z.iso.datetime().meta({ description: 'When the price is asked for, as an ISO 8601 instant in UTC.' }),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .meta({ description: 'ISO 4217. Every amount of the call is in it.' }),
  currency_digits: z.int().min(0).max(4).meta({ description: 'Decimals of the currency: 2 for EUR, 0 for JPY, 3 for KWD.' }),
  channel: z.string().max(50).meta({ description: 'Where the buyer is: "web". More may come.' }),
}

/** What every pure hook is told of a line of the cart. */
export const lineFields = {
  id: idSchema.meta({ description: 'The line, as operations name it.' }),
  sku: z.string().max(255).meta({ description: 'The merchant’s own code of the variant. May be empty.' }),
  product_id: idSchema.meta({ description: 'The same for all variants of a product.' }),
  variant_id: idSchema.meta({ description: 'What exactly is bought.' }),
  quantity: z.int().min(1).max(1_000_000).meta({ description: 'Units.' }),
  unit_price: amountSchema.meta({ description: 'Price of one unit before discounts.' }),
  subtotal: amountSchema.meta({ description: 'unit_price × quantity.' }),
  tags: wordsSchema.meta({ description: 'The product’s tags.' }),
  collections: wordsSchema.meta({ description: 'Handles of the collections that the product is in.' }),
  vendor: z.string().max(255).meta({ description: 'Who makes it, as the merchant writes it.' }),
  product_type: z.string().max(255).meta({ description: 'What kind of thing it is, as the merchant writes it.' }),
  grams: z.int().min(0).max(1_000_000_000).meta({ description: 'Weight of one unit.' }),
}

export const destinationFields = {
  country: countrySchema,
  region: z.string().max(100).nullable().meta({ description: 'State, province or canton code.' }),
  postcode: z.string().max(20).nullable().meta({ description: 'As the buyer wrote it.' }),
}

/** What a discount may know of a customer. */
export const customerFields = {
  groups: wordsSchema.meta({ description: 'The customer groups that the merchant put them in.' }),
  orders_count: z.int().min(0).meta({ description: 'Orders placed before this one.' }),
  total_spent: amountSchema.meta({ description: 'What those came to.' }),
}
