import { openCursor, sealCursor } from '@souk/core/capability.ts'
import { advise } from '@souk/platform/plans/advise.ts'
import { Usage, type UsageDay } from '@souk/platform/plans/usage.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { daySchema } from '../wire/time.ts'

const CURSOR_SCOPE = { merchantId: 'platform', query: 'usage' }
const DAYS_SHOWN = 30
const DAYS_ADVISED = 7
const DAY_MS = 86_400_000

const usageDay = z
  .object({
    merchant_id: idSchema,
    day: z.string(),
    requests: z.int(),
    refused: z.int(),
    database_ms: z.int(),
    jobs: z.int(),
    job_ms: z.int(),
    plugin_cpu_ms: z.int(),
    rows_stored: z.int().nullable(),
  })
  .meta({ id: 'UsageDay' })
const advice = z
  .object({
    merchant_id: idSchema,
    slug: z.string(),
    from_cell: z.string(),
    to_cell: z.string().nullable(),
    reason: z.enum(['cell_draining', 'outgrown', 'uneven']),
    rows_stored: z.int().nullable().meta({ description: 'What a move would copy, as last counted' }),
    share_of_cell: z.number(),
  })
  .meta({ id: 'MoveAdvice' })

/** What merchants use of the platform, and who should live elsewhere because of it. */
export function platformUsageRoutes(fastify: FastifyInstance, { platformSql, tokenKeys }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const usage = new Usage(platformSql)

  app.get(
    '/v1/usage',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'What merchants used, by day, the newest first' },
      schema: {
        querystring: z.strictObject({
          ...pageQuery,
          since_day: daySchema.optional(),
          until_day: daySchema.optional(),
          merchant_id: idSchema.optional(),
        }),
        response: { 200: pageOf(usageDay) },
      },
    },
    async ({ query, now }) => {
      const { limit, cursor, since_day, until_day, merchant_id: merchantId } = query
      const [day, after] = cursor === undefined ? [] : openCursor(tokenKeys, CURSOR_SCOPE, cursor)
      const rows = await usage.list({
        since: since_day ?? dayOf(new Date(now.getTime() - DAYS_SHOWN * DAY_MS)),
        until: until_day ?? dayOf(now),
        merchantId,
        after: day === undefined ? undefined : { day, merchantId: after! },
        limit: limit + 1,
      })
      const shown = rows.slice(0, limit)
      const last = shown.at(-1)
      const next = rows.length > limit && last ? sealCursor(tokenKeys, CURSOR_SCOPE, [last.day, last.merchantId]) : null
      return { data: shown.map(present), next_cursor: next }
    },
  )

  app.get(
    '/v1/advice',
    {
      config: {
        gate: 'platform',
        scopes: ['merchants:read'],
        summary: 'Which merchants to move where, and why, by what they used in the last week',
      },
      schema: { response: { 200: z.object({ data: z.array(advice) }) } },
    },
    async ({ now }) => ({
      data: advise({ ...(await usage.load(DAYS_ADVISED, now)), days: DAYS_ADVISED }).map((move) => ({
        merchant_id: move.merchantId,
        slug: move.slug,
        from_cell: move.fromCell,
        to_cell: move.toCell,
        reason: move.reason,
        rows_stored: move.rowsStored,
        share_of_cell: move.shareOfCell,
      })),
    }),
  )
}

function present(row: UsageDay): z.output<typeof usageDay> {
  return {
    merchant_id: row.merchantId,
    day: row.day,
    requests: Number(row.requests),
    refused: Number(row.refused),
    database_ms: Number(row.databaseMs),
    jobs: Number(row.jobs),
    job_ms: Number(row.jobMs),
    plugin_cpu_ms: Number(row.pluginCpuMs),
    rows_stored: row.rowsStored === null ? null : Number(row.rowsStored),
  }
}

function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}
