import { listAudit } from '@souk/core/audit/list-audit.ts'
import { verifyAudit } from '@souk/core/audit/verify-audit.ts'
import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { auditEntrySchema, presentAuditEntry } from '../wire/audit.ts'
import { markQuery, presentVerification, readMark, verificationSchema } from '../wire/chain.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { givenTimeSchema } from '../wire/time.ts'

const NAME = /^[a-z][a-z_.]{0,99}$/

const query = z.strictObject({
  ...pageQuery,
  action: z.string().regex(NAME).optional(),
  target_type: z.string().regex(NAME).optional(),
  target_id: idSchema.optional(),
  actor_id: idSchema.optional().meta({ description: 'Of a member of staff, an API key or a platform admin.' }),
  since: givenTimeSchema.optional(),
  until: givenTimeSchema.optional().meta({ description: 'Not inside any more.' }),
})

/** Who changed what, when and why. */
export function staffAuditRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/audit',
    {
      config: { gate: 'staff', scopes: ['audit:read'], summary: 'Who changed what, when and why, the newest first' },
      schema: { querystring: query, response: { 200: pageOf(auditEntrySchema) } },
    },
    async ({ inMerchant, query: { limit, cursor, action, target_type, target_id, actor_id, since, until } }) => {
      const asked = [action, target_type, target_id, actor_id, since, until]
      const scope = { merchantId: inMerchant.merchant.id, query: `audit|${JSON.stringify(asked)}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const filter = {
        action,
        targetType: target_type,
        targetId: target_id,
        actorId: actor_id,
        since: since === undefined ? undefined : new Date(since),
        until: until === undefined ? undefined : new Date(until),
      }
      const { entries, next } = await inMerchant.read((tx) => listAudit(tx, filter, { limit, before }))
      return { data: entries.map(presentAuditEntry), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.get(
    '/v1/admin/audit/verification',
    {
      config: {
        gate: 'staff',
        scopes: ['audit:read'],
        summary: 'Whether the log is as it was written: the first entry that was edited, removed or moved, whoever did it',
      },
      schema: { querystring: markQuery, response: { 200: verificationSchema } },
    },
    async ({ inMerchant, query: asked }) => presentVerification(await verifyAudit(inMerchant, readMark(asked))),
  )
}
