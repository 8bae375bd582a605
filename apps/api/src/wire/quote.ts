import type { Hypothesis } from '@souk/core/quote/hypothetical.ts'
import { z } from 'zod'
import { channelSchema, newLineSchema } from './cart.ts'
import { vatIdSchema } from './customer.ts'
import { idSchema } from './id.ts'
import { countrySchema, emailSchema, textSchema } from './text.ts'
import { givenTimeSchema } from './time.ts'

const LINES_MAX = 1_500
const CODES_MAX = 10
const CODE_LENGTH_MAX = 256
const PLACE_LENGTH_MAX = 200

const placeSchema = z.strictObject({
  country: countrySchema,
  region: textSchema(PLACE_LENGTH_MAX).optional(),
  postcode: textSchema(20).optional(),
  city: textSchema(PLACE_LENGTH_MAX).optional(),
})

/** A cart as staff imagine it. */
export const hypothesisSchema = z.strictObject({
  lines: z.array(newLineSchema).min(1).max(LINES_MAX, 'too_many_lines'),
  customer_id: idSchema.nullable().default(null),
  email: emailSchema.nullable().default(null),
  shipping_address: placeSchema.nullable().default(null),
  billing_address: placeSchema.nullable().default(null),
  shipping_option: z.string().min(1).max(200).nullable().default(null),
  coupons: z.array(z.string().min(1).max(CODE_LENGTH_MAX)).max(CODES_MAX, 'too_many').default([]),
  channel: channelSchema,
  vat_id: vatIdSchema.nullable().default(null),
  as_of: givenTimeSchema.optional().meta({ description: 'The moment to price it as of; now, if it is left out.' }),
})

export function readHypothesis(body: z.output<typeof hypothesisSchema>, now: Date): Hypothesis {
  return {
    lines: body.lines.map((line) => ({ variantId: line.variant_id, quantity: BigInt(line.quantity) })),
    customerId: body.customer_id,
    email: body.email,
    shippingAddress: body.shipping_address,
    billingAddress: body.billing_address,
    shippingMethod: body.shipping_option,
    couponCodes: body.coupons,
    channel: body.channel,
    vatId: body.vat_id,
    at: body.as_of === undefined ? now : new Date(body.as_of),
  }
}
