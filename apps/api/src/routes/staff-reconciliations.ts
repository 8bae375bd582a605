import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { requestReconciliation } from '@souk/core/reconciliation/reconcile.ts'
import { listReconciliations, reconciliationById } from '@souk/core/reconciliation/reconciliation.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { newReconciliationSchema, presentReconciliation, reconciliationSchema } from '../wire/reconciliation.ts'

/** Our books held against those of a payment provider. */
export function staffReconciliationRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/reconciliations',
    {
      config: {
        gate: 'staff',
        scopes: ['payments:write'],
        idempotency: 'accepted',
        summary: 'Have the books held against a provider’s statement; a job does it',
      },
      schema: { body: newReconciliationSchema, response: { 202: reconciliationSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const period = { from: new Date(body.from), until: new Date(body.until) }
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const report = await requestReconciliation(tx, { provider: body.provider, ...period, actor, now })
          return { statusCode: 202, body: JSON.stringify(presentReconciliation(report)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/reconciliations',
    {
      config: { gate: 'staff', scopes: ['ledger:read'], summary: 'What came of holding the books against statements, the newest first' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(reconciliationSchema) } },
    },
    async ({ inMerchant, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: 'reconciliations' }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { reconciliations, next } = await inMerchant.read((tx) => listReconciliations(tx, { limit, before }))
      return { data: reconciliations.map(presentReconciliation), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.get(
    '/v1/admin/reconciliations/:reconciliation_id',
    {
      config: { gate: 'staff', scopes: ['ledger:read'], summary: 'Read a reconciliation and its differences' },
      schema: { params: z.strictObject({ reconciliation_id: idSchema }), response: { 200: reconciliationSchema } },
    },
    async ({ inMerchant, params: { reconciliation_id } }) =>
      presentReconciliation(await inMerchant.read((tx) => reconciliationById(tx, reconciliation_id))),
  )
}
