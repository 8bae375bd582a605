import type { WebhookAttempt, WebhookDelivery, WebhookReplay } from '@souk/core/webhooks/deliveries.ts'
import { ENDPOINTS_MAX, EVENT_PATTERN, EVENT_TYPES_MAX, type WebhookEndpoint } from '@souk/core/webhooks/endpoints.ts'
import { PAYLOAD_VERSIONS } from '@souk/core/webhooks/payload.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { proseSchema } from './text.ts'
import { timeSchema } from './time.ts'

const URL_LENGTH_MAX = 2_000
const DESCRIPTION_BYTES_MAX = 1_000
const REASON_BYTES_MAX = 1_000
const HEADER_NAMES_MAX = 100

const eventTypes = z
  .array(z.string().max(101).regex(EVENT_PATTERN))
  .min(1)
  .max(EVENT_TYPES_MAX)
  .refine((patterns) => new Set(patterns).size === patterns.length)
  .meta({ description: 'Types of events, `order.*` for all of a kind, `*` for everything.' })
const payloadVersion = z.enum(PAYLOAD_VERSIONS)
const url = z.string().min(1).max(URL_LENGTH_MAX).meta({ description: 'https at a public host, port 443 or 8443.' })
const headers = z
  .record(z.string().max(HEADER_NAMES_MAX), z.string())
  .meta({ description: 'Sent with every webhook; the values are never shown again.' })
const description = proseSchema(DESCRIPTION_BYTES_MAX)
const reason = proseSchema(REASON_BYTES_MAX).default('').meta({ description: 'For the audit log.' })

export const newEndpointSchema = z.strictObject({
  url,
  events: eventTypes,
  description: description.default(''),
  payload_version: payloadVersion.optional().meta({ description: 'The newest, if it is not given.' }),
  headers: headers.default({}),
  enabled: z.boolean().default(true),
  reason,
})
export const endpointChangesSchema = z.strictObject({
  url: url.optional(),
  events: eventTypes.optional(),
  description: description.optional(),
  payload_version: payloadVersion.optional(),
  headers: headers.optional(),
  enabled: z.boolean().optional(),
  reason,
})
export const reasonBody = z.strictObject({ reason })

export const endpointSchema = z
  .strictObject({
    id: idSchema,
    url: z.string(),
    description: z.string(),
    events: z.array(z.string()),
    payload_version: payloadVersion,
    header_names: z.array(z.string()),
    status: z.enum(['enabled', 'disabled']),
    disabled_reason: z
      .enum(['staff', 'gone', 'failing'])
      .nullable()
      .meta({ description: '`gone`: it answered 410. `failing`: it took nothing for seven days.' }),
    failing_since: timeSchema.nullable(),
    paused_until: timeSchema.nullable().meta({ description: 'Nothing is tried before.' }),
    previous_secret_until: timeSchema.nullable().meta({ description: 'After a rotation the old secret signs as well, until then.' }),
    event_sequence: z.int().meta({ description: 'Events up to this number were looked at for this endpoint.' }),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'WebhookEndpoint' })
export const endpointsSchema = z.strictObject({ data: z.array(endpointSchema).max(ENDPOINTS_MAX) })
export const endpointWithSecretSchema = endpointSchema.extend({
  secret: z.string().meta({ description: 'Signs by Standard Webhooks. Shown this once.' }),
})

export const deliverySchema = z
  .strictObject({
    id: idSchema.meta({ description: 'The webhook-id that the receiver sees, the same at every attempt.' }),
    event_sequence: z.int(),
    event_type: z.string(),
    subject_id: idSchema,
    payload_version: z.string(),
    status: z.enum(['pending', 'delivered', 'dead']),
    attempts: z.int(),
    due_at: timeSchema.nullable().meta({ description: 'When it is tried next, at the earliest; null when it is over.' }),
    ended_at: timeSchema.nullable(),
    created_at: timeSchema,
  })
  .meta({ id: 'WebhookDelivery' })
const attemptSchema = z.strictObject({
  number: z.int(),
  started_at: timeSchema,
  duration_ms: z.int(),
  status_code: z.int().nullable(),
  failure: z.string().nullable().meta({ description: 'Why there was no answer.' }),
  answer: z.string().meta({ description: 'The beginning of the answer.' }),
})
export const deliveryWithAttemptsSchema = deliverySchema.extend({ last_attempts: z.array(attemptSchema) })

export const replaySchema = z
  .strictObject({
    id: idSchema,
    from_sequence: z.int(),
    to_sequence: z.int(),
    replayed: z.int(),
    done_at: timeSchema.nullable(),
    created_at: timeSchema,
  })
  .meta({ id: 'WebhookReplay' })

export function presentEndpoint(endpoint: WebhookEndpoint, headerNames: string[]): z.output<typeof endpointSchema> {
  const stillSigns = endpoint.previousUntil !== null && endpoint.previousUntil > new Date()
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    events: endpoint.eventTypes,
    payload_version: endpoint.payloadVersion,
    header_names: headerNames,
    status: endpoint.status,
    disabled_reason: endpoint.disabledReason,
    failing_since: endpoint.failingSince?.toISOString() ?? null,
    paused_until: endpoint.pausedUntil?.toISOString() ?? null,
    previous_secret_until: stillSigns ? endpoint.previousUntil!.toISOString() : null,
    event_sequence: Number(endpoint.position),
    created_at: endpoint.createdAt.toISOString(),
    updated_at: endpoint.updatedAt.toISOString(),
  }
}

export function presentDelivery(delivery: WebhookDelivery): z.output<typeof deliverySchema> {
  return {
    id: delivery.id,
    event_sequence: Number(delivery.sequence),
    event_type: delivery.eventType,
    subject_id: delivery.aggregateId,
    payload_version: delivery.payloadVersion,
    status: delivery.status,
    attempts: Number(delivery.attempts),
    due_at: delivery.status === 'pending' ? delivery.dueAt.toISOString() : null,
    ended_at: delivery.endedAt?.toISOString() ?? null,
    created_at: delivery.createdAt.toISOString(),
  }
}

export function presentAttempt(attempt: WebhookAttempt): z.output<typeof attemptSchema> {
  return {
    number: Number(attempt.number),
    started_at: attempt.startedAt.toISOString(),
    duration_ms: Number(attempt.durationMs),
    status_code: attempt.statusCode,
    failure: attempt.failure,
    answer: attempt.answer,
  }
}

export function presentReplay(replay: WebhookReplay): z.output<typeof replaySchema> {
  return {
    id: replay.id,
    from_sequence: Number(replay.fromSequence),
    to_sequence: Number(replay.toSequence),
    replayed: Number(replay.replayed),
    done_at: replay.doneAt?.toISOString() ?? null,
    created_at: replay.createdAt.toISOString(),
  }
}
