import type { Readable } from 'node:stream'
import { openCursor, sealCursor } from '@souk/core/capability.ts'
import { importById, listImports, listProblems } from '@souk/core/imports/list-imports.ts'
import { FILE_BYTES_MAX } from '@souk/core/imports/upload.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import type { Quotas } from '../quotas/quotas.ts'
import { receiveImport } from '../receive-import.ts'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { importSchema, presentImport, presentRowProblem, rowProblemSchema } from '../wire/import.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { textSchema } from '../wire/text.ts'

const FILE_NAME_GRAPHEMES_MAX = 255
const UPLOAD_TIMEOUT_MS = 300_000
const CSV_TYPE = /^text\/csv([ \t]*;[ \t]*charset="?utf-8"?)?$/i

const params = z.strictObject({ import_id: idSchema })
const uploadQuery = z.strictObject({
  file_name: textSchema(FILE_NAME_GRAPHEMES_MAX),
  stock: z
    .enum(['keep', 'set'])
    .default('keep')
    .meta({ description: 'Whether quantities in the file become the stock of variants that exist.' }),
})

/** Imports of product files: taken in here, done by the worker. */
export function staffImportRoutes(fastify: FastifyInstance, { tokenKeys: keys, quotas }: Pick<Deps, 'tokenKeys' | 'quotas'>): void {
  fastify.register(async (scope) => uploadRoute(scope, quotas))
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/imports',
    {
      config: { gate: 'staff', scopes: ['catalog:read'], summary: 'List imports, the newest first' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(importSchema) } },
    },
    async ({ inMerchant, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: 'imports' }
      const [after] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { imports, next } = await inMerchant.read((tx) => listImports(tx, { limit, after }))
      return { data: imports.map(presentImport), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.get(
    '/v1/admin/imports/:import_id',
    {
      config: { gate: 'staff', scopes: ['catalog:read'], summary: 'How an import is going' },
      schema: { params, response: { 200: importSchema } },
    },
    async ({ inMerchant, params: { import_id } }) => presentImport(await inMerchant.read((tx) => importById(tx, import_id))),
  )

  app.get(
    '/v1/admin/imports/:import_id/problems',
    {
      config: { gate: 'staff', scopes: ['catalog:read'], summary: 'What was wrong with the file, by line' },
      schema: { params, querystring: z.strictObject(pageQuery), response: { 200: pageOf(rowProblemSchema) } },
    },
    async ({ inMerchant, params: { import_id }, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `import-problems|${import_id}` }
      const after = cursor === undefined ? undefined : (openCursor(keys, scope, cursor) as [string, string])
      const { problems, next } = await inMerchant.read((tx) => listProblems(tx, import_id, { limit, after }))
      return { data: problems.map(presentRowProblem), next_cursor: next && sealCursor(keys, scope, next) }
    },
  )
}

/** The one route whose body is not JSON: it has a scope of its own, in which CSV is all that is read, as a stream. */
function uploadRoute(scope: FastifyInstance, quotas: Quotas): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('text/csv', async (request: FastifyRequest, payload: Readable) => {
    if (!CSV_TYPE.test(request.headers['content-type'] ?? '')) throw new Problem('unsupported_media_type')
    if (Number(request.headers['content-length'] ?? 0) > FILE_BYTES_MAX) throw new Problem('body_too_large')
    return payload
  })

  scope.withTypeProvider<ZodTypeProvider>().post(
    '/v1/admin/imports',
    {
      config: {
        gate: 'staff',
        scopes: ['catalog:write'],
        addsRows: true,
        bodyType: 'text/csv',
        summary: "Upload a product file in Shopify's CSV format",
      },
      schema: { querystring: uploadQuery, response: { 202: importSchema } },
      handlerTimeout: UPLOAD_TIMEOUT_MS,
    },
    async (request, reply) => {
      if (!request.body) throw new Problem('unsupported_media_type')
      const { query, now } = request
      try {
        const begun = await receiveImport(request.inMerchant, request.body as Readable, {
          fileName: query.file_name,
          stockMode: query.stock,
          limits: quotas.plans.limitsOf(request.inMerchant.merchant.id).imports,
          now,
        })
        return reply.code(202).send(presentImport(begun))
      } catch (error) {
        // Answered before the file's end: the rest of it is not read.
        if (!request.raw.complete) reply.header('connection', 'close')
        throw error
      }
    },
  )
}
