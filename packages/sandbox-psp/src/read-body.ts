import type { z } from 'zod'
import { BadRequest } from './refuse.ts'

/** A checked body, or a 400 that names the first thing that is wrong. */
export function read<Body extends z.ZodType>(schema: Body, body: unknown): z.output<Body> {
  const parsed = schema.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new BadRequest(400, 'invalid_request', `${issue!.path.join('.') || 'body'}: ${issue!.message}`)
}
