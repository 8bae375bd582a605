import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { assertCurrency, settingsQuery, toSettings } from '@souk/core/merchant/settings.ts'
import { listPromotions, listVersions, promotionById, versionOf } from '@souk/core/promotions/promotion.ts'
import { publishVersion, rollBack, turnOff } from '@souk/core/promotions/publish.ts'
import { addVersion, createPromotion } from '@souk/core/promotions/save-promotion.ts'
import { promotionUsage } from '@souk/core/promotions/usage-figures.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import {
  currenciesOf,
  newVersionSchema,
  presentPromotion,
  presentSaved,
  presentUsage,
  presentVersion,
  promotionSchema,
  publishSchema,
  readVersion,
  rollBackSchema,
  rolloutPpm,
  savedPromotionSchema,
  turnOffSchema,
  usageSchema,
  versionSchema,
} from '../wire/promotion.ts'

const params = z.strictObject({ promotion_id: idSchema })
const versionParams = params.extend({
  version_number: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'invalid_id')
    .transform(Number),
})

/** Promotions: their versions, and which of them is in force for whom. */
export function staffPromotionRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  writingRoutes(fastify)
  lifeRoutes(fastify)
  versionRoutes(fastify, keys)
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/promotions',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'List promotions, the newest first; of one state if asked' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, state: z.enum(['draft', 'live', 'off']).optional() }),
        response: { 200: pageOf(promotionSchema) },
      },
    },
    async ({ inMerchant, query: { limit, cursor, state } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `promotions|${state ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { promotions, next } = await inMerchant.read((tx) => listPromotions(tx, { state }, { limit, before }))
      return { data: promotions.map(presentPromotion), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.get(
    '/v1/admin/promotions/:promotion_id',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'Read a promotion with its latest version' },
      schema: { params, response: { 200: savedPromotionSchema } },
    },
    async ({ inMerchant, params: { promotion_id } }) =>
      inMerchant.read(async (tx) => {
        const promotion = await promotionById(tx, promotion_id)
        const version = await versionOf(tx, promotion_id, promotion.latestVersion)
        return presentSaved({ promotion, version }, await currencyOf(tx))
      }),
  )

  app.get(
    '/v1/admin/promotions/:promotion_id/usage',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'How often a promotion was used, and what that cost' },
      schema: { params, response: { 200: usageSchema } },
    },
    async ({ inMerchant, params: { promotion_id } }) => presentUsage(await inMerchant.read((tx) => promotionUsage(tx, promotion_id))),
  )
}

function versionRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/promotions/:promotion_id/versions',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'List the versions of a promotion, the newest first' },
      schema: { params, querystring: z.strictObject(pageQuery), response: { 200: pageOf(versionSchema) } },
    },
    async ({ inMerchant, params: { promotion_id }, query: { limit, cursor } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `promotion-versions|${promotion_id}` }
      const before = cursor === undefined ? undefined : Number(openCursor(keys, scope, cursor)[0])
      return inMerchant.read(async (tx) => {
        const { versions, next } = await listVersions(tx, promotion_id, { limit, before })
        const currency = await currencyOf(tx)
        const data = versions.map((version) => presentVersion(version, currency))
        return { data, next_cursor: next === null ? null : sealCursor(keys, scope, [String(next)]) }
      })
    },
  )

  app.get(
    '/v1/admin/promotions/:promotion_id/versions/:version_number',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'Read a version of a promotion' },
      schema: { params: versionParams, response: { 200: versionSchema } },
    },
    async ({ inMerchant, params: { promotion_id, version_number } }) =>
      inMerchant.read(async (tx) => presentVersion(await versionOf(tx, promotion_id, version_number), await currencyOf(tx))),
  )
}

function writingRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/promotions',
    {
      config: {
        gate: 'staff',
        scopes: ['promotions:write'],
        addsRows: true,
        idempotency: 'accepted',
        summary: 'Create a promotion: its first version, which no buyer gets yet',
      },
      schema: { body: newVersionSchema, response: { 201: savedPromotionSchema } },
    },
    async (request, reply) => {
      const { body, principal, now, idempotency } = request
      const change = { actor: principal.actor, now, reason: body.reason }
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => {
          await assertCurrency(tx, currenciesOf(body))
          const saved = await createPromotion(tx, readVersion(body), change)
          return { statusCode: 201, body: JSON.stringify(presentSaved(saved, await currencyOf(tx))) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.post(
    '/v1/admin/promotions/:promotion_id/versions',
    {
      config: {
        gate: 'staff',
        scopes: ['promotions:write'],
        addsRows: true,
        idempotency: 'accepted',
        summary: 'Add a version to a promotion; buyers keep what they have until it is published',
      },
      schema: { params, body: newVersionSchema, response: { 201: savedPromotionSchema } },
    },
    async (request, reply) => {
      const { body, principal, now, idempotency, params } = request
      const change = { actor: principal.actor, now, reason: body.reason }
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => {
          await promotionById(tx, params.promotion_id)
          await assertCurrency(tx, currenciesOf(body))
          const saved = await addVersion(tx, params.promotion_id, readVersion(body), change)
          return { statusCode: 201, body: JSON.stringify(presentSaved(saved, await currencyOf(tx))) }
        }),
      )
      return sendStored(reply, answer)
    },
  )
}

function lifeRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/promotions/:promotion_id/publish',
    {
      config: {
        gate: 'staff',
        scopes: ['promotions:write'],
        summary: 'Put a version in force from the next quote on, for all buyers or a part of them',
      },
      schema: { params, body: publishSchema, response: { 200: promotionSchema } },
    },
    async ({ inMerchant, params: { promotion_id }, body, principal: { actor }, now }) => {
      const { version, percent, skip_dry_run, reason } = body
      const publication = { promotionId: promotion_id, version, rolloutPpm: rolloutPpm(percent), withoutDryRun: skip_dry_run }
      return presentPromotion(await inMerchant((tx) => publishVersion(tx, { ...publication, actor, now, reason })))
    },
  )

  app.post(
    '/v1/admin/promotions/:promotion_id/turn-off',
    {
      config: { gate: 'staff', scopes: ['promotions:write'], summary: 'Take a promotion out of force from the next quote on' },
      schema: { params, body: turnOffSchema, response: { 200: promotionSchema } },
    },
    async ({ inMerchant, params: { promotion_id }, body: { reason }, principal: { actor }, now }) =>
      presentPromotion(await inMerchant((tx) => turnOff(tx, promotion_id, { actor, now, reason }))),
  )

  app.post(
    '/v1/admin/promotions/:promotion_id/roll-back',
    {
      config: { gate: 'staff', scopes: ['promotions:write'], summary: 'Give all buyers a version again that was in force before' },
      schema: { params, body: rollBackSchema, response: { 200: promotionSchema } },
    },
    async ({ inMerchant, params: { promotion_id }, body: { version, reason }, principal: { actor }, now }) =>
      presentPromotion(await inMerchant((tx) => rollBack(tx, promotion_id, version, { actor, now, reason }))),
  )
}

async function currencyOf(tx: Tx): Promise<string> {
  return toSettings(await settingsQuery(tx)).currency
}
