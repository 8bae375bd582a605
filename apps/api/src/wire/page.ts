import { z } from 'zod'

export const PAGE_LIMIT_MAX = 100
export const PAGE_LIMIT_DEFAULT = 20
const CURSOR_LENGTH_MAX = 1_000

const limitSchema = z
  .string()
  .regex(/^[1-9]\d{0,2}$/, 'invalid_limit')
  .transform(Number)
  .pipe(z.number().max(PAGE_LIMIT_MAX, 'invalid_limit'))

/** What a list may be asked for. */
export const pageQuery = {
  limit: limitSchema.default(PAGE_LIMIT_DEFAULT),
  cursor: z.string().min(1, 'invalid_cursor').max(CURSOR_LENGTH_MAX, 'invalid_cursor').optional(),
}

/** A page of a list: `next_cursor` is null on the last one. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ data: z.array(item), next_cursor: z.string().nullable() })
}
