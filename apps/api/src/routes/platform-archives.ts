import { openCursor, sealCursor } from '@souk/core/capability.ts'
import { ArchiveFolder, Archives, requireFile } from '@souk/platform/merchant-life/archives.ts'
import { requireFitting } from '@souk/platform/merchant-life/assert-fits.ts'
import { requestRestore, requestSandbox, requireArchive } from '@souk/platform/merchant-life/request-works.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { cellNameSchema } from '../wire/cell.ts'
import { idSchema } from '../wire/id.ts'
import { archiveSchema, merchantWorkSchema, presentArchive, presentWork } from '../wire/merchant-work.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { dryRunSchema, newSandboxSchema } from './platform-merchant-works.ts'

const params = z.strictObject({ archive_id: idSchema })

/** Archives of whole merchants: listed, fetched, thrown away, and made merchants again. */
export function platformArchiveRoutes(fastify: FastifyInstance, { cells, platformSql, tokenKeys, archiveDir }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const archives = new Archives(platformSql)
  const folder = archiveDir === undefined ? undefined : new ArchiveFolder(archiveDir)

  app.get(
    '/v1/archives',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'List archives, the newest first' },
      schema: { querystring: z.strictObject({ ...pageQuery, merchant_id: idSchema.optional() }), response: { 200: pageOf(archiveSchema) } },
    },
    async ({ query: { limit, cursor, merchant_id: merchantId } }) => {
      const scope = { merchantId: 'platform', query: `archives|${merchantId ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(tokenKeys, scope, cursor)
      const rows = await archives.list({ before, limit: limit + 1, merchantId })
      const shown = rows.slice(0, limit)
      const next = rows.length > limit ? sealCursor(tokenKeys, scope, [shown.at(-1)!.id]) : null
      return { data: shown.map(presentArchive), next_cursor: next }
    },
  )

  app.get(
    '/v1/archives/:archive_id',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'An archive' },
      schema: { params, response: { 200: archiveSchema } },
    },
    async ({ params: { archive_id } }) => presentArchive(await requireArchive(platformSql, archive_id)),
  )

  app.get(
    '/v1/archives/:archive_id/file',
    {
      config: { gate: 'platform', scopes: ['data:read'], summary: 'The file of an archive' },
      schema: { params, response: { 200: z.any().meta({ description: 'A compressed tar' }) } },
    },
    async ({ params: { archive_id } }, reply) => {
      const archive = await requireArchive(platformSql, archive_id)
      const file = await requireFile(folder, archive)
      return reply
        .type('application/gzip')
        .headers({ 'content-length': archive.bytes, 'content-disposition': `attachment; filename="${archive.slug}-${archive.id}.tar.gz"` })
        .send(file) as never
    },
  )

  app.delete(
    '/v1/archives/:archive_id',
    {
      config: { gate: 'platform', scopes: ['data:write'], summary: 'Throw an archive away' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ params: { archive_id }, principal, now }, reply) => {
      const { id } = await requireArchive(platformSql, archive_id)
      await folder?.remove(id)
      await archives.markDeleted(id, principal.id, now)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/archives/:archive_id/restore',
    {
      config: {
        gate: 'platform',
        scopes: ['data:write'],
        summary: 'Have an erased merchant again as it was in its archive, under its own id',
      },
      schema: {
        params,
        body: z.strictObject({
          slug: z.string(),
          cell: cellNameSchema.optional(),
          open: z
            .boolean()
            .default(false)
            .meta({ description: 'Whether the shop opens at once; else it is suspended, to be looked at first' }),
          dry_run: dryRunSchema,
          after_erasure: z
            .boolean()
            .default(false)
            .meta({ description: 'Of a dry run: whether it would be granted once the merchant of today is erased' }),
        }),
        response: { 200: merchantWorkSchema, 202: merchantWorkSchema },
      },
    },
    async ({ params: { archive_id }, body, principal, now }, reply) => {
      const { slug, cell, open, dry_run: dryRun, after_erasure: afterErasure } = body
      const archive = await requireArchive(platformSql, archive_id)
      const made = { slug, cell: cell ?? (await cells.forNewMerchant()), open }
      // Before it is asked for: a restore that fails has taken the slug.
      const planned = await requestRestore(platformSql, archive, made, { adminId: principal.id, now, dryRun: true, afterErasure })
      if (folder) await requireFitting(folder, archive, await cells.tenantTables(made.cell))
      const work = dryRun ? planned : await requestRestore(platformSql, archive, made, { adminId: principal.id, now })
      return reply.code(dryRun ? 200 : 202).send(presentWork(work))
    },
  )

  app.post(
    '/v1/archives/:archive_id/sandboxes',
    {
      config: { gate: 'platform', scopes: ['data:write'], summary: 'Ask for a sandbox of a merchant as it was in an archive' },
      schema: { params, body: newSandboxSchema, response: { 200: merchantWorkSchema, 202: merchantWorkSchema } },
    },
    async ({ params: { archive_id }, body: { slug, name, cell, dry_run: dryRun }, principal, now }, reply) => {
      const archive = await requireArchive(platformSql, archive_id)
      const made = { slug, name, cell: cell ?? (await cells.forNewMerchant()) }
      const work = await requestSandbox(platformSql, { archive }, made, { adminId: principal.id, now, dryRun })
      return reply.code(dryRun ? 200 : 202).send(presentWork(work))
    },
  )
}
