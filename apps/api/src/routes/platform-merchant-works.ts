import { openCursor, sealCursor } from '@souk/core/capability.ts'
import { requireErasure } from '@souk/platform/merchant-life/erasures.ts'
import { MerchantWorks } from '@souk/platform/merchant-life/merchant-works.ts'
import { requestErasure, requestExport, requestSandbox } from '@souk/platform/merchant-life/request-works.ts'
import { Merchants } from '@souk/platform/merchants.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { cellNameSchema } from '../wire/cell.ts'
import { idSchema } from '../wire/id.ts'
import { erasureSchema, merchantWorkSchema, presentErasure, presentWork } from '../wire/merchant-work.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { textSchema } from '../wire/text.ts'

const NAME_LENGTH_MAX = 120
const REASON_LENGTH_MAX = 500

const ofMerchant = z.strictObject({ merchant_id: idSchema })
const ofWork = z.strictObject({ work_id: idSchema })
export const dryRunSchema = z.boolean().default(false).meta({ description: 'Only say whether it would be granted' })
export const newSandboxSchema = z.strictObject({
  slug: z.string(),
  name: textSchema(NAME_LENGTH_MAX).optional(),
  cell: cellNameSchema.optional().meta({ description: 'Without it the open shared cell with the fewest merchants' }),
  dry_run: dryRunSchema,
})

/** What happens to a merchant as a whole. It is asked for here and done by workers. */
export function platformMerchantWorkRoutes(fastify: FastifyInstance, { cells, platformSql, tokenKeys }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const works = new MerchantWorks(platformSql)
  const merchants = new Merchants(platformSql)

  app.post(
    '/v1/merchants/:merchant_id/exports',
    {
      config: { gate: 'platform', scopes: ['data:write'], summary: 'Ask for an archive of a merchant' },
      schema: { params: ofMerchant, response: { 202: merchantWorkSchema } },
    },
    async ({ params: { merchant_id }, principal, now }, reply) =>
      reply.code(202).send(presentWork(await requestExport(platformSql, merchant_id, { adminId: principal.id, now }))),
  )

  app.post(
    '/v1/merchants/:merchant_id/sandboxes',
    {
      config: { gate: 'platform', scopes: ['data:write'], summary: 'Ask for a sandbox: a copy of a merchant that reaches nobody outside' },
      schema: { params: ofMerchant, body: newSandboxSchema, response: { 200: merchantWorkSchema, 202: merchantWorkSchema } },
    },
    async ({ params: { merchant_id: merchantId }, body: { slug, name, cell, dry_run: dryRun }, principal, now }, reply) => {
      const made = { slug, name, cell: cell ?? (await cells.forNewMerchant()) }
      const work = await requestSandbox(platformSql, { merchantId }, made, { adminId: principal.id, now, dryRun })
      return reply.code(dryRun ? 200 : 202).send(presentWork(work))
    },
  )

  app.get(
    '/v1/merchants/:merchant_id/contents',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'How much a merchant has: what an erasure would erase' },
      schema: { params: ofMerchant, response: { 200: z.object({ cell: z.string(), rows: z.record(z.string(), z.int()) }) } },
    },
    async ({ params: { merchant_id } }) => {
      const { cell } = await merchants.find(merchant_id)
      return { cell, rows: await cells.countRows(cell, merchant_id) }
    },
  )

  app.post(
    '/v1/merchants/:merchant_id/erasure',
    {
      config: { gate: 'platform', scopes: ['data:write'], summary: 'Close a merchant for good and erase it' },
      schema: {
        params: ofMerchant,
        body: z.strictObject({
          slug: z.string().meta({ description: 'Of the merchant: whoever erases one says which' }),
          reason: textSchema(REASON_LENGTH_MAX),
          archives: z.enum(['erase', 'keep']).meta({ description: 'What becomes of its archives, which hold all that is erased' }),
          kept_in: idSchema.optional().meta({
            description: 'An archive that is to have all of it: if the merchant was written to since, nothing is erased',
          }),
          dry_run: dryRunSchema,
        }),
        response: { 200: merchantWorkSchema, 202: merchantWorkSchema },
      },
    },
    async ({ params: { merchant_id }, body: { dry_run: dryRun, kept_in: keptIn, ...given }, principal, now }, reply) => {
      const work = await requestErasure(platformSql, merchant_id, { ...given, keptIn }, { adminId: principal.id, now, dryRun })
      return reply.code(dryRun ? 200 : 202).send(presentWork(work))
    },
  )

  app.get(
    '/v1/merchant-works',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'What is being done and was done with merchants, the newest first' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, merchant_id: idSchema.optional() }),
        response: { 200: pageOf(merchantWorkSchema) },
      },
    },
    async ({ query: { limit, cursor, merchant_id: merchantId } }) => {
      const scope = { merchantId: 'platform', query: `merchant-works|${merchantId ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(tokenKeys, scope, cursor)
      const rows = await works.list({ before, limit: limit + 1, merchantId })
      const shown = rows.slice(0, limit)
      const next = rows.length > limit ? sealCursor(tokenKeys, scope, [shown.at(-1)!.id]) : null
      return { data: shown.map(presentWork), next_cursor: next }
    },
  )

  app.get(
    '/v1/merchant-works/:work_id',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'How far a work is' },
      schema: { params: ofWork, response: { 200: merchantWorkSchema } },
    },
    async ({ params: { work_id } }) => presentWork(await works.require(work_id)),
  )

  app.get(
    '/v1/erasures/:work_id',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'The certificate of an erasure' },
      schema: { params: ofWork, response: { 200: erasureSchema } },
    },
    async ({ params: { work_id } }) => presentErasure(await requireErasure(platformSql, work_id)),
  )
}
