import { openCursor, sealCursor } from '@souk/core/capability.ts'
import { budgetQuery, type PluginBudget, planBudget, setBudget, toBudget } from '@souk/core/plugins/budget.ts'
import { Refusal } from '@souk/core/refusal.ts'
import { PluginBlocks, type StoredBlock } from '@souk/platform/plugin-blocks.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { pluginNameSchema } from '../wire/plugin.ts'
import { proseSchema } from '../wire/text.ts'
import { timeSchema } from '../wire/time.ts'

const REASON_BYTES_MAX = 1_000
const BUDGET_MAX = 1_000_000_000_000
const CURSOR_SCOPE = { merchantId: 'platform', query: 'plugin-blocks' }

const newBlock = z
  .strictObject({
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable()
      .default(null),
    plugin: pluginNameSchema.nullable().default(null),
    merchant_id: idSchema.nullable().default(null),
    reason: proseSchema(REASON_BYTES_MAX).min(1),
  })
  .refine((block) => block.digest !== null || block.plugin !== null || block.merchant_id !== null)
const block = z
  .object({
    id: idSchema,
    digest: z.string().nullable(),
    plugin: z.string().nullable(),
    merchant_id: idSchema.nullable(),
    reason: z.string(),
    blocked_at: timeSchema,
    lifted_at: timeSchema.nullable(),
  })
  .meta({ id: 'PluginBlock' })
const budget = z.strictObject({ calls_per_day: z.int().min(0).max(BUDGET_MAX), cpu_ms_per_day: z.int().min(0).max(BUDGET_MAX) })
const ofMerchant = z.strictObject({ merchant_id: idSchema })

/** The platform's hand on plugins: what runs nowhere any more, and what each merchant's plugins may cost. */
export function platformPluginRoutes(fastify: FastifyInstance, deps: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const blocks = new PluginBlocks(deps.platformSql)

  app.post(
    '/v1/plugin-blocks',
    {
      config: {
        gate: 'platform',
        scopes: ['plugins:write'],
        summary: 'Stop a bundle, a plugin or the plugins of a merchant, everywhere and at once',
      },
      schema: { body: newBlock, response: { 201: block } },
    },
    async ({ body, principal, now }, reply) => {
      const { digest, plugin, merchant_id: merchantId, reason } = body
      const added = await blocks.add({ digest, plugin, merchantId, reason }, { adminId: principal.id, now })
      return reply.code(201).send(presentBlock(added))
    },
  )

  app.get(
    '/v1/plugin-blocks',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'List what was stopped, the newest first' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(block) } },
    },
    async ({ query: { limit, cursor } }) => {
      const [before] = cursor === undefined ? [] : openCursor(deps.tokenKeys, CURSOR_SCOPE, cursor)
      const rows = await blocks.list({ before, limit: limit + 1 })
      const shown = rows.slice(0, limit)
      const next = rows.length > limit ? sealCursor(deps.tokenKeys, CURSOR_SCOPE, [shown.at(-1)!.id]) : null
      return { data: shown.map(presentBlock), next_cursor: next }
    },
  )

  app.post(
    '/v1/plugin-blocks/:block_id/lift',
    {
      config: { gate: 'platform', scopes: ['plugins:write'], summary: 'Let it run again' },
      schema: { params: z.strictObject({ block_id: idSchema }), response: { 200: block } },
    },
    async ({ params, principal, now }) => presentBlock(await blocks.lift(params.block_id, { adminId: principal.id, now })),
  )

  budgetRoutes(fastify, deps)
}

function budgetRoutes(fastify: FastifyInstance, { router, quotas }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const inMerchant = async (merchantId: string): Promise<InMerchant> => {
    const merchant = await router.directory.byId(merchantId)
    if (!merchant) throw new Refusal('not_found', { detail: 'There is no such merchant.' })
    return router.inMerchant(merchant)
  }

  app.get(
    '/v1/merchants/:merchant_id/plugin-budget',
    {
      config: {
        gate: 'platform',
        scopes: ['merchants:read'],
        summary: "What a merchant's plugins may cost a day: its own budget, or its plan's",
      },
      schema: { params: ofMerchant, response: { 200: budget } },
    },
    async ({ params }) => {
      const [rows] = await (await inMerchant(params.merchant_id)).readOnce((tx) => [budgetQuery(tx)])
      return presentBudget(toBudget(rows, planBudget(quotas.plans.limitsOf(params.merchant_id).plugins)))
    },
  )

  app.put(
    '/v1/merchants/:merchant_id/plugin-budget',
    {
      config: {
        gate: 'platform',
        scopes: ['plugins:write'],
        summary: "Set what a merchant's plugins may cost a day, whatever its plan says",
      },
      schema: { params: ofMerchant, body: budget, response: { 200: budget } },
    },
    async ({ params, body, now }) => {
      const given = { callsPerDay: BigInt(body.calls_per_day), cpuMsPerDay: BigInt(body.cpu_ms_per_day) }
      await (await inMerchant(params.merchant_id))((tx) => setBudget(tx, given, now))
      return presentBudget(given)
    },
  )
}

function presentBlock(stored: StoredBlock): z.output<typeof block> {
  return {
    id: stored.id,
    digest: stored.digest,
    plugin: stored.plugin,
    merchant_id: stored.merchantId,
    reason: stored.reason,
    blocked_at: stored.blockedAt.toISOString(),
    lifted_at: stored.liftedAt?.toISOString() ?? null,
  }
}

function presentBudget({ callsPerDay, cpuMsPerDay }: PluginBudget): z.output<typeof budget> {
  return { calls_per_day: Number(callsPerDay), cpu_ms_per_day: Number(cpuMsPerDay) }
}
