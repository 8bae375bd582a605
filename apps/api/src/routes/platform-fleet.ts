import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { timeSchema } from '../wire/time.ts'

const worker = z
  .object({ cell: z.string(), pool_id: z.string(), process: z.string(), started_at: timeSchema, beat_at: timeSchema })
  .meta({ id: 'Worker' })

/** What the platform runs on beside its cells: worker processes. */
export function platformFleetRoutes(fastify: FastifyInstance, { cells }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  app.get(
    '/v1/workers',
    {
      config: { gate: 'platform', scopes: ['cells:read'], summary: 'List worker processes' },
      schema: { response: { 200: z.object({ data: z.array(worker) }) } },
    },
    async () => ({
      data: (await cells.runners()).map((runner) => ({
        cell: runner.cell,
        pool_id: runner.poolId,
        process: runner.process,
        started_at: runner.startedAt.toISOString(),
        beat_at: runner.beatAt.toISOString(),
      })),
    }),
  )
}
