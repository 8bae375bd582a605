import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { dryRunById, listDifferences, listDryRuns } from '@souk/core/dry-runs/dry-run.ts'
import { dryRunOnCarts, dryRunOnOrders } from '@souk/core/dry-runs/start-dry-run.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { settingsQuery, toSettings } from '@souk/core/merchant/settings.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import {
  differenceSchema,
  dryRunSchema,
  dryRunWithDifferencesSchema,
  newDryRunSchema,
  ORDERS_DEFAULT,
  presentDifference,
  presentDryRun,
} from '../wire/dry-run.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'

const DIFFERENCES_SHOWN = 20

const ofPromotion = z.strictObject({ promotion_id: idSchema })
const params = z.strictObject({ dry_run_id: idSchema })

/** What a version of a promotion would change, before any buyer gets it. */
export function staffDryRunRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  startRoute(fastify)
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/promotions/:promotion_id/dry-runs',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'List the dry runs of a promotion, the newest first' },
      schema: { params: ofPromotion, querystring: z.strictObject(pageQuery), response: { 200: pageOf(dryRunSchema) } },
    },
    async ({ inMerchant, params: { promotion_id }, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `dry-runs|${promotion_id}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      return inMerchant.read(async (tx) => {
        const { dryRuns, next } = await listDryRuns(tx, promotion_id, { limit, before })
        const currency = await currencyOf(tx)
        return { data: dryRuns.map((run) => presentDryRun(run, currency)), next_cursor: next && sealCursor(keys, scope, [next]) }
      })
    },
  )

  app.get(
    '/v1/admin/dry-runs/:dry_run_id',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'How a dry run is going, with the greatest differences' },
      schema: { params, response: { 200: dryRunWithDifferencesSchema } },
    },
    async ({ inMerchant, params: { dry_run_id } }) =>
      inMerchant.read(async (tx) => {
        const run = await dryRunById(tx, dry_run_id)
        const { differences } = await listDifferences(tx, dry_run_id, { limit: DIFFERENCES_SHOWN })
        const currency = await currencyOf(tx)
        return { ...presentDryRun(run, currency), differences: differences.map((each) => presentDifference(each, currency)) }
      }),
  )

  app.get(
    '/v1/admin/dry-runs/:dry_run_id/differences',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'List what would have changed, the greatest difference first' },
      schema: { params, querystring: z.strictObject(pageQuery), response: { 200: pageOf(differenceSchema) } },
    },
    async ({ inMerchant, params: { dry_run_id }, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `dry-run-differences|${dry_run_id}` }
      const after = cursor === undefined ? undefined : (openCursor(keys, scope, cursor) as [string, string])
      return inMerchant.read(async (tx) => {
        const { differences, next } = await listDifferences(tx, dry_run_id, { limit, after })
        const currency = await currencyOf(tx)
        return { data: differences.map((each) => presentDifference(each, currency)), next_cursor: next && sealCursor(keys, scope, next) }
      })
    },
  )
}

function startRoute(fastify: FastifyInstance): void {
  fastify.withTypeProvider<ZodTypeProvider>().post(
    '/v1/admin/promotions/:promotion_id/dry-runs',
    {
      config: {
        gate: 'staff',
        scopes: ['promotions:write'],
        idempotency: 'accepted',
        summary: 'Try a version on the last orders, or on carts, as if it were in force for all buyers',
      },
      schema: { params: ofPromotion, body: newDryRunSchema, response: { 201: dryRunSchema, 202: dryRunSchema } },
    },
    async (request, reply) => {
      const { body, principal, now, idempotency, params } = request
      const given = { promotionId: params.promotion_id, version: body.version, actor: principal.actor, now }
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const run =
            body.cart_ids === undefined
              ? await dryRunOnOrders(tx, { ...given, orders: body.orders ?? ORDERS_DEFAULT })
              : await dryRunOnCarts(tx, { ...given, cartIds: body.cart_ids })
          return { statusCode: run.status === 'done' ? 201 : 202, body: JSON.stringify(presentDryRun(run, await currencyOf(tx))) }
        }),
      )
      return sendStored(reply, answer)
    },
  )
}

async function currencyOf(tx: Tx): Promise<string> {
  return toSettings(await settingsQuery(tx)).currency
}
