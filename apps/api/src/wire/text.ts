import { nameFault, proseFault } from '@souk/core/text.ts'
import { z } from 'zod'

/** One line that people read, kept in NFC: no invisible characters, and at most so many graphemes; at least one. */
export function textSchema(graphemesMax: number) {
  return z
    .string()
    .min(1)
    .superRefine((text, context) => {
      const fault = nameFault(text, graphemesMax)
      if (fault) context.addIssue({ code: 'custom', message: fault })
    })
    .overwrite((text) => text.normalize('NFC'))
    .meta({ maxLength: graphemesMax })
}

/** Text of several lines, kept as it is: anything the database can hold. */
export function proseSchema(bytesMax: number) {
  return z.string().superRefine((text, context) => {
    const fault = proseFault(text, bytesMax)
    if (fault) context.addIssue({ code: 'custom', message: fault })
  })
}

const EMAIL_MAX = 254

/** An e-mail address, kept in lower case. */
export const emailSchema = z.email().max(EMAIL_MAX, 'text_too_long').toLowerCase()

/** An ISO 3166-1 alpha-2 code. */
export const countrySchema = z.string().regex(/^[A-Z]{2}$/)

/** The form of an ISO 4217 code; whether it can be charged is for core to say. */
export const currencySchema = z.string().regex(/^[A-Z]{3}$/, 'currency_unsupported')
