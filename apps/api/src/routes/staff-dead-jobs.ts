import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { type DeadJob, listDeadJobs, retryDeadJob } from '@souk/core/jobs/dead-jobs.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { timeSchema } from '../wire/time.ts'

const params = z.strictObject({ job_id: idSchema })
const deadJobSchema = z
  .strictObject({
    id: idSchema,
    task: z.string(),
    payload: z.record(z.string(), z.unknown()),
    attempts: z.int(),
    last_error: z.string(),
    enqueued_at: timeSchema,
    died_at: timeSchema,
  })
  .meta({ id: 'DeadJob' })

/** Jobs of the merchant that failed for good, kept until somebody looks. */
export function staffDeadJobRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/dead-jobs',
    {
      config: { gate: 'staff', scopes: ['jobs:read'], summary: 'List jobs that were given up' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(deadJobSchema) } },
    },
    async ({ inMerchant, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: 'dead-jobs' }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      // A full page may be the last one: then the next is empty.
      const jobs = await inMerchant.read((tx) => listDeadJobs(tx, { limit, ...(before !== undefined && { before }) }))
      const next = jobs.length === limit ? sealCursor(keys, scope, [jobs.at(-1)!.id]) : null
      return { data: jobs.map(presentDeadJob), next_cursor: next }
    },
  )

  app.post(
    '/v1/admin/dead-jobs/:job_id/retry',
    {
      config: { gate: 'staff', scopes: ['jobs:write'], summary: 'Give a job all its attempts again' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { job_id } }, reply) => {
      await inMerchant((tx) => retryDeadJob(tx, job_id))
      return reply.code(204).send(null)
    },
  )
}

function presentDeadJob(job: DeadJob): z.output<typeof deadJobSchema> {
  return {
    id: job.id,
    task: job.task,
    payload: job.payload,
    attempts: job.attempts,
    last_error: job.lastError,
    enqueued_at: job.enqueuedAt.toISOString(),
    died_at: job.diedAt.toISOString(),
  }
}
