import { z } from 'zod'

/** An id as we write it: a UUID in lower case. PostgreSQL would take more spellings; two spellings are two cache keys. */
export const idSchema = z.string().regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'invalid_id')
