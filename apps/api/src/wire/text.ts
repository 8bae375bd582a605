import { nameFault } from '@souk/core/text.ts'
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
    .transform((text) => text.normalize('NFC'))
    .meta({ maxLength: graphemesMax })
}

const EMAIL_MAX = 254

/** An e-mail address, kept in lower case. */
export const emailSchema = z
  .email()
  .max(EMAIL_MAX, 'text_too_long')
  .transform((email) => email.toLowerCase())
