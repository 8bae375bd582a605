import { attemptsOf, collectDelivery, loadDelivery, loadProof, type NewAttempt, recordAttempt } from '@souk/core/fulfillment/deliver.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { answerOnce } from '../answer-once.ts'
import type { Principal } from '../gates/principal.ts'
import { attemptSchema, fulfillmentSchema, newAttemptSchema, presentAttempt, presentFulfillment } from '../wire/fulfillment.ts'
import { idSchema } from '../wire/id.ts'

const params = z.strictObject({ fulfillment_id: idSchema })
const proofParams = z.strictObject({ fulfillment_id: idSchema, proof_id: idSchema })

/** Goods that the merchant's own people bring: each courier sees their own. */
export function staffDeliveryRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/deliveries/:fulfillment_id',
    {
      config: { gate: 'staff', scopes: ['deliveries:write'], summary: 'Read what is to be brought, and where to' },
      schema: { params, response: { 200: fulfillmentSchema } },
    },
    async ({ inMerchant, params: { fulfillment_id: id }, principal }) =>
      presentFulfillment(await inMerchant.read((tx) => loadDelivery(tx, id, viewerOf(principal)))),
  )

  app.post(
    '/v1/admin/deliveries/:fulfillment_id/collect',
    {
      config: {
        gate: 'staff',
        scopes: ['deliveries:write'],
        idempotency: 'accepted',
        summary: 'Take packed goods along: they leave the house',
      },
      schema: { params, response: { 200: fulfillmentSchema } },
    },
    async ({ params: { fulfillment_id: id }, principal, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) =>
        presentFulfillment(await collectDelivery(tx, id, viewerOf(principal), { actor: principal.actor, now })),
      ),
  )

  app.post(
    '/v1/admin/deliveries/:fulfillment_id/attempts',
    {
      config: {
        gate: 'staff',
        scopes: ['deliveries:write'],
        idempotency: 'accepted',
        summary: 'Write down that you were at the door: delivered, with what shows it, or why not',
      },
      schema: { params, body: newAttemptSchema, response: { 201: attemptSchema } },
    },
    async ({ params: { fulfillment_id: id }, body, principal, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 201, async (tx) =>
        presentAttempt(await recordAttempt(tx, id, readAttempt(body), viewerOf(principal), { actor: principal.actor, now })),
      ),
  )

  app.get(
    '/v1/admin/fulfillments/:fulfillment_id/attempts',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'How often somebody was at the door, and what came of it' },
      schema: { params, response: { 200: z.strictObject({ data: z.array(attemptSchema) }) } },
    },
    async ({ inMerchant, params: { fulfillment_id: id }, principal }) => {
      const attempts = await inMerchant.read(async (tx) => {
        await loadDelivery(tx, id, viewerOf(principal))
        return attemptsOf(tx, id)
      })
      return { data: attempts.map(presentAttempt) }
    },
  )

  app.get(
    '/v1/admin/fulfillments/:fulfillment_id/proofs/:proof_id',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'A photo or signature that shows a delivery' },
      schema: { params: proofParams, response: { 200: z.any().meta({ description: 'A file' }) } },
    },
    async ({ inMerchant, params: { fulfillment_id: fulfillmentId, proof_id: proofId } }, reply) => {
      const { mediaType, content } = await inMerchant.read((tx) => loadProof(tx, { fulfillmentId, proofId }))
      // A picture from outside is a file to keep, never a page of ours.
      return reply
        .header('content-type', mediaType)
        .header('content-disposition', `attachment; filename="proof-${proofId}"`)
        .header('x-content-type-options', 'nosniff')
        .send(content)
    },
  )
}

function viewerOf({ actor, scopes }: Principal) {
  return { actor, seesAll: scopes.has('fulfillment:read') }
}

function readAttempt(body: z.output<typeof newAttemptSchema>): NewAttempt {
  const { outcome, note = '' } = body
  if (outcome === 'failed') return { outcome, reason: body.reason, receivedBy: '', note, proofs: [] }
  const proofs = (body.proofs ?? []).map(({ kind, content }) => ({ kind, content: Buffer.from(content, 'base64') }))
  return { outcome, reason: null, receivedBy: body.received_by ?? '', note, proofs }
}
