import { z } from 'zod'
import { textSchema } from './text.ts'

const LINE_MAX = 200

/** A postal address. `country` is ISO 3166-1 alpha-2; what a country does not use is left out. */
export const addressSchema = z.strictObject({
  name: textSchema(LINE_MAX),
  company: textSchema(LINE_MAX).optional(),
  line1: textSchema(LINE_MAX),
  line2: textSchema(LINE_MAX).optional(),
  city: textSchema(LINE_MAX),
  region: textSchema(LINE_MAX).optional(),
  postcode: textSchema(20).optional(),
  country: z.string().regex(/^[A-Z]{2}$/),
  phone: textSchema(40).optional(),
})
