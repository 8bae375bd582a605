import { PLAN_NAME, planLimits } from '@souk/platform/plans/limits.ts'
import { type Plan, Plans } from '@souk/platform/plans/plans.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { timeSchema } from '../wire/time.ts'

const planName = z.string().regex(PLAN_NAME)
const plan = z
  .object({ name: planName, limits: planLimits, merchant_count: z.int(), updated_at: timeSchema })
  .meta({ id: 'Plan', description: 'What each of its merchants may use at once. What it does not name is not limited by it.' })
const ofPlan = z.strictObject({ plan_name: planName })
const ofMerchant = z.strictObject({ merchant_id: idSchema })

/** The platform's plans, and which of its merchants has which. */
export function platformPlanRoutes(fastify: FastifyInstance, { platformSql, quotas }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const plans = new Plans(platformSql)

  app.get(
    '/v1/plans',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: 'List plans' },
      schema: { response: { 200: z.object({ data: z.array(plan) }) } },
    },
    async () => ({ data: (await plans.list()).map(present) }),
  )

  app.put(
    '/v1/plans/:plan_name',
    {
      config: { gate: 'platform', scopes: ['plans:write'], summary: 'Make a plan, or give it other limits for all who have it' },
      schema: { params: ofPlan, body: z.strictObject({ limits: planLimits }), response: { 200: plan } },
    },
    async ({ params, body, principal, now }) => {
      const put = await plans.put(params.plan_name, body.limits, { adminId: principal.id, now })
      await quotas.plans.refresh()
      return present(put)
    },
  )

  app.delete(
    '/v1/plans/:plan_name',
    {
      config: { gate: 'platform', scopes: ['plans:write'], summary: 'Remove a plan that no merchant has' },
      schema: { params: ofPlan, response: { 204: z.null() } },
    },
    async ({ params, principal, now }, reply) => {
      await plans.remove(params.plan_name, { adminId: principal.id, now })
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/v1/merchants/:merchant_id/plan',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: "A merchant's plan" },
      schema: { params: ofMerchant, response: { 200: plan } },
    },
    async ({ params }) => present(await plans.ofMerchant(params.merchant_id)),
  )

  app.put(
    '/v1/merchants/:merchant_id/plan',
    {
      config: { gate: 'platform', scopes: ['plans:write'], summary: 'Give a merchant a plan' },
      schema: { params: ofMerchant, body: z.strictObject({ plan: planName }), response: { 200: plan } },
    },
    async ({ params, body, principal, now }) => {
      const assigned = await plans.assign(params.merchant_id, body.plan, { adminId: principal.id, now })
      await quotas.plans.refresh(params.merchant_id)
      return present(assigned)
    },
  )
}

function present({ name, limits, merchantCount, updatedAt }: Plan): z.output<typeof plan> {
  return { name, limits, merchant_count: merchantCount, updated_at: updatedAt.toISOString() }
}
