import { openCursor, sealCursor } from '@souk/core/capability.ts'
import { PlatformAudit, type PlatformAuditEntry } from '@souk/platform/audit-log.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { markQuery, presentVerification, readMark, verificationSchema } from '../wire/chain.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { timeSchema } from '../wire/time.ts'

const entrySchema = z
  .strictObject({
    id: idSchema,
    sequence: z.int(),
    action: z.string(),
    admin_id: idSchema.nullable(),
    merchant_id: idSchema.nullable(),
    data: z.record(z.string(), z.unknown()),
    hash: z.string(),
    occurred_at: timeSchema,
  })
  .meta({ id: 'PlatformAuditEntry' })

/** What admins did. */
export function platformAuditRoutes(fastify: FastifyInstance, { platformSql, tokenKeys }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const audit = new PlatformAudit(platformSql)

  app.get(
    '/v1/audit',
    {
      config: { gate: 'platform', scopes: ['audit:read'], summary: 'What admins did, the newest first' },
      schema: { querystring: z.strictObject({ ...pageQuery, merchant_id: idSchema.optional() }), response: { 200: pageOf(entrySchema) } },
    },
    async ({ query: { limit, cursor, merchant_id: merchantId } }) => {
      const scope = { merchantId: 'platform', query: `audit|${merchantId ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(tokenKeys, scope, cursor)
      const rows = await audit.list({ before: before === undefined ? undefined : BigInt(before), limit: limit + 1, merchantId })
      const shown = rows.slice(0, limit)
      const next = rows.length > limit ? sealCursor(tokenKeys, scope, [String(shown.at(-1)!.sequence)]) : null
      return { data: shown.map(present), next_cursor: next }
    },
  )

  app.get(
    '/v1/audit/verification',
    {
      config: { gate: 'platform', scopes: ['audit:read'], summary: 'Whether the log of what admins did is as it was written' },
      schema: { querystring: markQuery, response: { 200: verificationSchema } },
    },
    async ({ query }) => presentVerification(await audit.verify(readMark(query))),
  )
}

function present(entry: PlatformAuditEntry): z.output<typeof entrySchema> {
  const { id, sequence, action, adminId, merchantId, data, hash, occurredAt } = entry
  return {
    id,
    sequence: Number(sequence),
    action,
    admin_id: adminId,
    merchant_id: merchantId,
    data,
    hash,
    occurred_at: occurredAt.toISOString(),
  }
}
