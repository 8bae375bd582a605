import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { listDeliveries, listReplays, readDelivery, replayDelivery, startReplay } from '@souk/core/webhooks/deliveries.ts'
import { EVENT_PATTERN } from '@souk/core/webhooks/endpoints.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { proseSchema } from '../wire/text.ts'
import { givenTimeSchema } from '../wire/time.ts'
import {
  deliverySchema,
  deliveryWithAttemptsSchema,
  presentAttempt,
  presentDelivery,
  presentReplay,
  replaySchema,
} from '../wire/webhook.ts'

const REASON_BYTES_MAX = 1_000
const REPLAYS_SHOWN = 20

const ofEndpoint = z.strictObject({ endpoint_id: idSchema })
const ofDelivery = ofEndpoint.extend({ delivery_id: idSchema })
const query = z.strictObject({
  ...pageQuery,
  status: z.enum(['pending', 'delivered', 'dead']).optional(),
  event_type: z.string().max(101).regex(EVENT_PATTERN).optional(),
  subject_id: idSchema.optional().meta({ description: 'What the event is about: an order, a product.' }),
})
const range = z
  .strictObject({
    since: givenTimeSchema,
    until: givenTimeSchema.optional().meta({ description: 'Not inside any more; now, if it is not given.' }),
    reason: proseSchema(REASON_BYTES_MAX).default(''),
  })
  .refine(({ since, until }) => until === undefined || new Date(since) < new Date(until))

/** What was sent to an endpoint and what came of it, and sending it again. */
export function staffWebhookDeliveryRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/webhook-endpoints/:endpoint_id/deliveries',
    {
      config: { gate: 'staff', scopes: ['webhooks:read'], summary: 'What an endpoint was told, the newest event first; kept for 30 days' },
      schema: { params: ofEndpoint, querystring: query, response: { 200: pageOf(deliverySchema) } },
    },
    async ({ inMerchant, params: { endpoint_id }, query: { limit, cursor, status, event_type, subject_id } }) => {
      const asked = JSON.stringify([endpoint_id, status, event_type, subject_id])
      const scope = { merchantId: inMerchant.merchant.id, query: `webhook deliveries|${asked}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const filter = { status, eventType: event_type, aggregateId: subject_id }
      const page = { limit, before: before === undefined ? undefined : BigInt(before) }
      const { deliveries, next } = await inMerchant.read((tx) => listDeliveries(tx, endpoint_id, filter, page))
      return { data: deliveries.map(presentDelivery), next_cursor: next === null ? null : sealCursor(keys, scope, [String(next)]) }
    },
  )

  app.get(
    '/v1/admin/webhook-endpoints/:endpoint_id/deliveries/:delivery_id',
    {
      config: { gate: 'staff', scopes: ['webhooks:read'], summary: 'A delivery with its last attempts' },
      schema: { params: ofDelivery, response: { 200: deliveryWithAttemptsSchema } },
    },
    async ({ inMerchant, params: { endpoint_id: endpointId, delivery_id: deliveryId } }) => {
      const { delivery, attempts } = await inMerchant.read((tx) => readDelivery(tx, { endpointId, deliveryId }))
      return { ...presentDelivery(delivery), last_attempts: attempts.map(presentAttempt) }
    },
  )

  app.post(
    '/v1/admin/webhook-endpoints/:endpoint_id/deliveries/:delivery_id/replay',
    {
      config: { gate: 'staff', scopes: ['webhooks:write'], summary: 'Send it again, with the same id and the same bytes' },
      schema: { params: ofDelivery, response: { 202: deliverySchema } },
    },
    async ({ inMerchant, params: { endpoint_id: endpointId, delivery_id: deliveryId } }, reply) => {
      const delivery = await inMerchant((tx) => replayDelivery(tx, { endpointId, deliveryId }))
      return reply.code(202).send(presentDelivery(delivery))
    },
  )

  app.post(
    '/v1/admin/webhook-endpoints/:endpoint_id/replays',
    {
      config: { gate: 'staff', scopes: ['webhooks:write'], summary: 'Send everything again that an endpoint was told between two moments' },
      schema: { params: ofEndpoint, body: range, response: { 202: replaySchema } },
    },
    async ({ inMerchant, principal: { actor }, params: { endpoint_id }, body: { since, until, reason }, now }, reply) => {
      const between = { since: new Date(since), until: until === undefined ? now : new Date(until) }
      const replay = await inMerchant((tx) => startReplay(tx, endpoint_id, between, { actor, now, reason }))
      return reply.code(202).send(presentReplay(replay))
    },
  )

  app.get(
    '/v1/admin/webhook-endpoints/:endpoint_id/replays',
    {
      config: { gate: 'staff', scopes: ['webhooks:read'], summary: 'The last replays to an endpoint' },
      schema: { params: ofEndpoint, response: { 200: z.strictObject({ data: z.array(replaySchema) }) } },
    },
    async ({ inMerchant, params: { endpoint_id } }) => {
      const replays = await inMerchant.read((tx) => listReplays(tx, endpoint_id, REPLAYS_SHOWN))
      return { data: replays.map(presentReplay) }
    },
  )
}
