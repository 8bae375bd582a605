import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { createExemption, deleteExemption, getExemption, listExemptions, updateExemption } from '@souk/core/taxes/tax-exemptions.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { exemptionChangesSchema, newExemptionSchema, presentExemption, readNewExemption, taxExemptionSchema } from '../wire/tax.ts'

const params = z.strictObject({ exemption_id: idSchema })

/** Certificates by which customers or groups need not pay tax. */
export function staffTaxExemptionRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/tax-exemptions',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'List the certificates of exemption' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(taxExemptionSchema) } },
    },
    async ({ inMerchant, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: 'tax-exemptions' }
      const [after] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { exemptions, next } = await inMerchant.read((tx) => listExemptions(tx, { limit, after }))
      return { data: exemptions.map(presentExemption), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.post(
    '/v1/admin/tax-exemptions',
    {
      config: { gate: 'staff', scopes: ['settings:write'], idempotency: 'accepted', summary: 'Write down a certificate of exemption' },
      schema: { body: newExemptionSchema, response: { 201: taxExemptionSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const make = async (tx: Parameters<typeof createExemption>[0]) =>
        JSON.stringify(presentExemption(await createExemption(tx, readNewExemption(body), { actor, now, reason: body.reason })))
      const answer = await inMerchant((tx) => once(tx, idempotency, async () => ({ statusCode: 201, body: await make(tx) })))
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/tax-exemptions/:exemption_id',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'Read a certificate of exemption' },
      schema: { params, response: { 200: taxExemptionSchema } },
    },
    async ({ inMerchant, params: { exemption_id } }) => presentExemption(await inMerchant.read((tx) => getExemption(tx, exemption_id))),
  )

  app.patch(
    '/v1/admin/tax-exemptions/:exemption_id',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Change a certificate of exemption' },
      schema: { params, body: exemptionChangesSchema, response: { 200: taxExemptionSchema } },
    },
    async ({ inMerchant, params: { exemption_id }, body: { reason, ...changes }, principal: { actor }, now }) =>
      presentExemption(await inMerchant((tx) => updateExemption(tx, exemption_id, changes, { actor, now, reason }))),
  )

  app.delete(
    '/v1/admin/tax-exemptions/:exemption_id',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Delete a certificate of exemption' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { exemption_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteExemption(tx, exemption_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )
}
