import { normalHandle } from '@souk/core/catalog/handle.ts'
import { nameFault } from '@souk/core/text.ts'
import { z } from 'zod'

const HANDLE_LENGTH_MAX = 255

/** An id as we write it: a UUID in lower case. PostgreSQL would take more spellings; two spellings are two cache keys. */
export const idSchema = z.string('invalid_id').regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'invalid_id')

/** A product's handle in a path, in the form it is kept in. What cannot be one is '', which nothing is called. */
export const handleSchema = z
  .string('invalid_id')
  .max(HANDLE_LENGTH_MAX, 'invalid_id')
  .refine((text) => nameFault(text, HANDLE_LENGTH_MAX) === undefined && !text.includes('/'), 'invalid_id')
  .transform((handle) => normalHandle(handle) ?? '')

/** A handle that a caller wants something to have; core brings it into the form it is kept in. */
export const givenHandleSchema = z.string().min(1).max(HANDLE_LENGTH_MAX, 'text_too_long')
