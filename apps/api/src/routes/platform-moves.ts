import { openCursor, sealCursor } from '@souk/core/capability.ts'
import { type MoveStep, Moves } from '@souk/platform/moves.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { cellNameSchema } from '../wire/cell.ts'
import { idSchema } from '../wire/id.ts'
import { moveSchema, presentMove } from '../wire/move.ts'
import { pageOf, pageQuery } from '../wire/page.ts'

const params = z.strictObject({ move_id: idSchema })
const dryRun = z.boolean().default(false).meta({ description: 'Only say whether it would be granted' })

const STEPS: { path: string; step: MoveStep; summary: string }[] = [
  { path: 'cancel', step: 'cancel', summary: 'End a move that has not switched yet: the merchant stays where it is' },
  { path: 'rollback', step: 'roll_back', summary: 'Take a move back: the merchant returns to its old home, without being copied' },
  { path: 'finish', step: 'finish', summary: 'Give up the way back: the old home is removed now' },
]

/** Merchants move between cells: asked for, followed and taken back. */
export function platformMoveRoutes(fastify: FastifyInstance, { cells, platformSql, tokenKeys }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const moves = new Moves(platformSql)

  app.post(
    '/v1/moves',
    {
      config: { gate: 'platform', scopes: ['moves:write'], summary: 'Ask for a move: it begins when a mover is free' },
      schema: {
        body: z.strictObject({ merchant_id: idSchema, to_cell: cellNameSchema, dry_run: dryRun }),
        response: { 200: moveSchema, 202: moveSchema },
      },
    },
    async ({ body, principal, now }, reply) => {
      const wish = { merchantId: body.merchant_id, toCell: body.to_cell }
      const move = await moves.request(wish, { adminId: principal.id, now }, body.dry_run)
      return reply.code(body.dry_run ? 200 : 202).send(presentMove(move))
    },
  )

  app.get(
    '/v1/moves',
    {
      config: { gate: 'platform', scopes: ['moves:read'], summary: 'List moves, the newest first' },
      schema: {
        querystring: z.strictObject({
          ...pageQuery,
          merchant_id: idSchema.optional(),
          cell: cellNameSchema.optional(),
          unfinished: z.enum(['true', 'false']).optional(),
        }),
        response: { 200: pageOf(moveSchema) },
      },
    },
    async ({ query: { limit, cursor, merchant_id: merchantId, cell, unfinished } }) => {
      const scope = { merchantId: 'platform', query: `moves|${merchantId ?? ''}|${cell ?? ''}|${unfinished ?? ''}` }
      const [after] = cursor === undefined ? [] : openCursor(tokenKeys, scope, cursor)
      const rows = await moves.list({
        limit: limit + 1,
        unfinished: unfinished === 'true',
        ...(merchantId !== undefined && { merchantId }),
        ...(cell !== undefined && { cell }),
        ...(after !== undefined && { after }),
      })
      const shown = rows.slice(0, limit)
      const next = rows.length > limit ? sealCursor(tokenKeys, scope, [shown.at(-1)!.id]) : null
      return { data: shown.map(presentMove), next_cursor: next }
    },
  )

  app.get(
    '/v1/moves/:move_id',
    { config: { gate: 'platform', scopes: ['moves:read'], summary: 'A move' }, schema: { params, response: { 200: moveSchema } } },
    async ({ params: { move_id } }) => presentMove(await moves.find(move_id)),
  )

  for (const { path, step, summary } of STEPS) {
    app.post(
      `/v1/moves/:move_id/${path}`,
      {
        config: { gate: 'platform', scopes: ['moves:write'], summary },
        schema: { params, body: z.strictObject({ dry_run: dryRun }), response: { 200: moveSchema } },
      },
      async ({ params: { move_id }, body, principal, now }) =>
        presentMove(await moves.step(move_id, step, { adminId: principal.id, now }, body.dry_run)),
    )
  }

  app.post(
    '/v1/moves/:move_id/abandon',
    {
      config: {
        gate: 'platform',
        scopes: ['moves:write'],
        summary: 'Say that a cell which is not the home is gone for good: the move ends without it',
      },
      schema: { params, body: z.strictObject({ cell: cellNameSchema, dry_run: dryRun }), response: { 200: moveSchema } },
    },
    async ({ params: { move_id }, body, principal, now }) =>
      presentMove(await moves.abandon(move_id, body.cell, cells, { adminId: principal.id, now }, body.dry_run)),
  )
}
