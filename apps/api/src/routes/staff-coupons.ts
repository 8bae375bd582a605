import { Readable } from 'node:stream'
import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { settingsQuery, toSettings } from '@souk/core/merchant/settings.ts'
import { batchById, codesOf, couponById, listBatches, listCoupons } from '@souk/core/promotions/coupon.ts'
import { disableBatch, openBatch } from '@souk/core/promotions/generate-coupons.ts'
import { createCoupon, disableCoupon } from '@souk/core/promotions/save-coupon.ts'
import { couponUsage } from '@souk/core/promotions/usage-figures.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import {
  batchSchema,
  CSV_HEADER,
  couponSchema,
  csvLine,
  disableSchema,
  newBatchSchema,
  newCouponSchema,
  presentBatch,
  presentCoupon,
  presentUsedCoupon,
  readBatch,
  readCoupon,
  usedCouponSchema,
} from '../wire/coupon.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'

const EXPORT_TIMEOUT_MS = 300_000
const EXPORT_PAGE_CODES = 1_000
const CODE_CHARACTERS_MAX = 256

const couponParams = z.strictObject({ coupon_id: idSchema })
const batchParams = z.strictObject({ batch_id: idSchema })
const couponQuery = z.strictObject({
  ...pageQuery,
  promotion_id: idSchema.optional(),
  batch_id: idSchema.optional(),
  code: z.string().min(1).max(CODE_CHARACTERS_MAX).optional().meta({ description: 'In any spelling.' }),
})

/** Codes that bring a promotion: single ones, and batches that a job makes. */
export function staffCouponRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  couponRoutes(fastify, keys)
  batchRoutes(fastify, keys)
  exportRoute(fastify)
}

function couponRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/coupons',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'List coupons, the newest first; of a promotion, a batch or a code' },
      schema: { querystring: couponQuery, response: { 200: pageOf(couponSchema) } },
    },
    async ({ inMerchant, query: { limit, cursor, promotion_id, batch_id, code } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `coupons|${JSON.stringify([promotion_id, batch_id, code])}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const filter = { promotionId: promotion_id, batchId: batch_id, code }
      const { coupons, next } = await inMerchant.read((tx) => listCoupons(tx, filter, { limit, before }))
      return { data: coupons.map(presentCoupon), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.post(
    '/v1/admin/coupons',
    {
      config: {
        gate: 'staff',
        scopes: ['promotions:write'],
        addsRows: true,
        idempotency: 'accepted',
        summary: 'Add a code that brings a promotion',
      },
      schema: { body: newCouponSchema, response: { 201: couponSchema } },
    },
    async (request, reply) => {
      const { body, principal, now, idempotency } = request
      const change = { actor: principal.actor, now, reason: body.reason }
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const coupon = await createCoupon(tx, readCoupon(body), change)
          return { statusCode: 201, body: JSON.stringify(presentCoupon(coupon)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/coupons/:coupon_id',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'Read a coupon, and how often it was used' },
      schema: { params: couponParams, response: { 200: usedCouponSchema } },
    },
    async ({ inMerchant, params: { coupon_id } }) =>
      inMerchant.read(async (tx) => {
        const [coupon, usage] = [await couponById(tx, coupon_id), await couponUsage(tx, coupon_id)]
        return presentUsedCoupon(coupon, usage, toSettings(await settingsQuery(tx)).currency)
      }),
  )

  app.post(
    '/v1/admin/coupons/:coupon_id/disable',
    {
      config: { gate: 'staff', scopes: ['promotions:write'], summary: 'Take a code out of use from the next quote on' },
      schema: { params: couponParams, body: disableSchema, response: { 200: couponSchema } },
    },
    async ({ inMerchant, params: { coupon_id }, body: { reason }, principal: { actor }, now }) =>
      presentCoupon(await inMerchant((tx) => disableCoupon(tx, coupon_id, { actor, now, reason }))),
  )
}

function batchRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/coupon-batches',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'List batches of codes, the newest first; of a promotion if asked' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, promotion_id: idSchema.optional() }),
        response: { 200: pageOf(batchSchema) },
      },
    },
    async ({ inMerchant, query: { limit, cursor, promotion_id } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `coupon-batches|${promotion_id ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const { batches, next } = await inMerchant.read((tx) => listBatches(tx, { promotionId: promotion_id }, { limit, before }))
      return { data: batches.map(presentBatch), next_cursor: next && sealCursor(keys, scope, [next]) }
    },
  )

  app.post(
    '/v1/admin/coupon-batches',
    {
      config: {
        gate: 'staff',
        scopes: ['promotions:write'],
        addsRows: true,
        idempotency: 'accepted',
        summary: 'Ask for up to 100,000 codes that nobody can guess; a job makes them',
      },
      schema: { body: newBatchSchema, response: { 202: batchSchema } },
    },
    async (request, reply) => {
      const { body, principal, now, idempotency } = request
      const change = { actor: principal.actor, now, reason: body.reason }
      const answer = await request.inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const batch = await openBatch(tx, readBatch(body), change)
          return { statusCode: 202, body: JSON.stringify(presentBatch(batch)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/coupon-batches/:batch_id',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'How a batch of codes is going' },
      schema: { params: batchParams, response: { 200: batchSchema } },
    },
    async ({ inMerchant, params: { batch_id } }) => presentBatch(await inMerchant.read((tx) => batchById(tx, batch_id))),
  )

  app.post(
    '/v1/admin/coupon-batches/:batch_id/disable',
    {
      config: { gate: 'staff', scopes: ['promotions:write'], summary: 'Take all codes of a batch out of use from the next quote on' },
      schema: { params: batchParams, body: disableSchema, response: { 200: batchSchema } },
    },
    async ({ inMerchant, params: { batch_id }, body: { reason }, principal: { actor }, now }) =>
      presentBatch(await inMerchant((tx) => disableBatch(tx, batch_id, { actor, now, reason }))),
  )
}

function exportRoute(fastify: FastifyInstance): void {
  fastify.withTypeProvider<ZodTypeProvider>().get(
    '/v1/admin/coupon-batches/:batch_id/codes',
    {
      config: { gate: 'staff', scopes: ['promotions:read'], summary: 'The codes of a batch that are there, as a CSV file' },
      schema: {
        params: batchParams,
        response: { 200: z.any().meta({ description: 'text/csv: code, uses_max, uses_per_customer, starts_at, expires_at, disabled_at' }) },
      },
      handlerTimeout: EXPORT_TIMEOUT_MS,
    },
    async ({ inMerchant, params: { batch_id } }, reply) => {
      await inMerchant.read((tx) => batchById(tx, batch_id))
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="codes-${batch_id}.csv"`)
        .send(Readable.from(csvOf(inMerchant, batch_id))) as never
    },
  )
}

/** The file, page by page: each is read when the one before has been sent, and none is kept. */
async function* csvOf(inMerchant: InMerchant, batchId: string): AsyncGenerator<string> {
  yield CSV_HEADER
  for (let after: string | undefined; ; ) {
    const page = await inMerchant.read((tx) => codesOf(tx, batchId, { limit: EXPORT_PAGE_CODES, after }))
    if (page.length > 0) yield page.map(csvLine).join('')
    after = page.at(-1)?.id
    if (page.length < EXPORT_PAGE_CODES) return
  }
}
