import { z } from 'zod'
import { idSchema } from './quantities.ts'

// A plugin has no network. It describes a request as data; the worker performs it against a host that the manifest
// declares, fills in the secrets, and hands the answer to the parse hook. Nothing of it happens while a buyer waits.

export const REQUEST_BODY_CHARACTERS_MAX = 100_000
export const RESPONSE_BODY_CHARACTERS_MAX = 200_000
export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

const headerValueSchema = z
  .string()
  .max(2_000)
  .regex(/^[\t\x20-\x7e]*$/)

export const carrierRequestV1 = z.strictObject({
  host: z.string().max(253).meta({ description: 'One of the manifest’s hosts. Always over https, port 443.' }),
  method: z.enum(METHODS),
  path: z
    .string()
    .max(2_000)
    .regex(/^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*$/)
    .meta({ description: 'Begins with "/", already percent-encoded, no query and no "..".' }),
  query: z.record(z.string().max(100), z.string().max(2_000)).optional(),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/), headerValueSchema)
    .optional()
    .meta({ description: 'May hold placeholders such as "Bearer {{secrets.api_key}}".' }),
  body: z
    .string()
    .max(REQUEST_BODY_CHARACTERS_MAX)
    .nullable()
    .meta({ description: 'Text as it is sent, with its content-type among the headers.' }),
  accepts: z
    .enum(['text', 'document'])
    .meta({ description: 'document: the answer is a file such as a PDF; the parse hook gets its size and type, not its bytes.' }),
})

export const carrierResponseV1 = z.strictObject({
  status: z.int().min(0).max(599).meta({ description: 'HTTP status; 0 when no answer came within the deadline.' }),
  headers: z
    .record(z.string(), z.string())
    .meta({ description: 'Names in lower case; only content-type, location, retry-after and x- headers.' }),
  body: z.string().max(RESPONSE_BODY_CHARACTERS_MAX).nullable().meta({ description: 'Null for a document, or when no answer came.' }),
  body_bytes: z.int().min(0),
})

/** What a request hook answers: perform this, or there is nothing to ask (and why). */
export const requestOutputV1 = z.union([
  z.strictObject({ request: carrierRequestV1 }),
  z.strictObject({ nothing_to_do: z.string().min(1).max(200) }),
])

/** How a parse hook says no. `retry` asks the worker to perform the request again later, with growing pauses. */
export const failureFields = {
  outcome: z.literal('failed'),
  code: idSchema.meta({ description: 'The carrier’s or the plugin’s own code.' }),
  message: z.string().min(1).max(500).meta({ description: 'For staff.' }),
  retry: z.boolean(),
}

export type CarrierRequestV1 = z.output<typeof carrierRequestV1>
export type CarrierResponseV1 = z.output<typeof carrierResponseV1>
export type RequestOutputV1 = z.output<typeof requestOutputV1>
