import { Moves } from '@souk/platform/moves.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { cellNameSchema, cellSchema, presentCell } from '../wire/cell.ts'
import { idSchema } from '../wire/id.ts'
import { moveSchema, presentMove } from '../wire/move.ts'

const params = z.strictObject({ cell: cellNameSchema })
const dryRun = z.boolean().default(false).meta({ description: 'Only say what would come of it' })
const drained = z
  .object({
    merchant_id: idSchema,
    merchant_slug: z.string(),
    to_cell: z.string().nullable(),
    move: moveSchema.nullable(),
    refusal: z.string().nullable(),
  })
  .meta({ id: 'DrainedMerchant' })

/** The platform's cells: looked at, registered, emptied and taken out of service. */
export function platformCellRoutes(fastify: FastifyInstance, { cells, platformSql }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const moves = new Moves(platformSql)

  app.get(
    '/v1/cells',
    {
      config: { gate: 'platform', scopes: ['cells:read'], summary: 'List cells' },
      schema: { response: { 200: z.object({ data: z.array(cellSchema) }) } },
    },
    async () => ({ data: (await cells.list()).map(presentCell) }),
  )

  app.post(
    '/v1/cells',
    {
      config: { gate: 'platform', scopes: ['cells:write'], summary: 'Check a database and register it as a cell' },
      schema: {
        body: z.strictObject({ name: cellNameSchema, kind: z.enum(['shared', 'dedicated']), dry_run: dryRun }),
        response: { 200: cellSchema, 201: cellSchema },
      },
    },
    async ({ body, principal, now }, reply) => {
      const made = await cells.register({ name: body.name, kind: body.kind }, { adminId: principal.id, now }, body.dry_run)
      return reply.code(body.dry_run ? 200 : 201).send(presentCell(made))
    },
  )

  app.get(
    '/v1/cells/:cell',
    { config: { gate: 'platform', scopes: ['cells:read'], summary: 'A cell' }, schema: { params, response: { 200: cellSchema } } },
    async ({ params: { cell } }) => presentCell(await cells.find(cell)),
  )

  app.post(
    '/v1/cells/:cell/checks',
    {
      config: { gate: 'platform', scopes: ['cells:read'], summary: 'Look at a cell again' },
      schema: { params, response: { 200: cellSchema } },
    },
    async ({ params: { cell }, principal, now }) => presentCell(await cells.check(cell, { adminId: principal.id, now })),
  )

  app.patch(
    '/v1/cells/:cell',
    {
      config: { gate: 'platform', scopes: ['cells:write'], summary: 'Open a cell, close it to new merchants, or retire it for good' },
      schema: {
        params,
        body: z.strictObject({ status: z.enum(['open', 'draining', 'retired']), dry_run: dryRun }),
        response: { 200: cellSchema },
      },
    },
    async ({ params: { cell }, body, principal, now }) =>
      presentCell(await cells.setStatus(cell, body.status, { adminId: principal.id, now }, body.dry_run)),
  )

  app.post(
    '/v1/cells/:cell/drain',
    {
      config: {
        gate: 'platform',
        scopes: ['cells:write', 'moves:write'],
        summary: 'Close a cell to new merchants and ask for the moves that empty it, at most 100 at once',
      },
      schema: {
        params,
        body: z.strictObject({ to_cell: cellNameSchema.optional(), dry_run: dryRun }),
        response: { 200: z.object({ cell: cellSchema, merchants: z.array(drained) }) },
      },
    },
    async ({ params, body, principal, now }) => {
      const by = { adminId: principal.id, now }
      await cells.assertTakes(body.to_cell, params.cell)
      const cell = await cells.setStatus(params.cell, 'draining', by, body.dry_run)
      const targets = cells.reachable
      const outcomes = await moves.drain(params.cell, { toCell: body.to_cell, targets }, by, body.dry_run)
      return {
        cell: presentCell(cell),
        merchants: outcomes.map(({ merchantId, slug, toCell, move, refusal }) => ({
          merchant_id: merchantId,
          merchant_slug: slug,
          to_cell: toCell,
          move: move && presentMove(move),
          refusal,
        })),
      }
    },
  )
}
