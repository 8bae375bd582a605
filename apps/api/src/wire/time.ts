import { z } from 'zod'

/** A time as we send it: RFC 3339 in UTC. */
export const timeSchema = z.iso.datetime()

const YEAR_MAX = 9999

/** A time as a caller writes it: RFC 3339 with an offset. */
export const givenTimeSchema = z
  .string()
  .refine(
    (text) => z.iso.datetime({ offset: true }).safeParse(text).success && new Date(text).getUTCFullYear() <= YEAR_MAX,
    'invalid_timestamp',
  )
  .meta({ format: 'date-time' })

/** A day as a caller writes it: YYYY-MM-DD. */
export const daySchema = z
  .string()
  .refine((text) => z.iso.date().safeParse(text).success, 'invalid_timestamp')
  .meta({ format: 'date' })
