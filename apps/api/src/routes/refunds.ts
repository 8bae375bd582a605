import { once } from '@souk/core/idempotency/idempotency.ts'
import { readOrderState } from '@souk/core/orders/hold-order.ts'
import { type Refund, refundById, refundsOf } from '@souk/core/refunds/refund.ts'
import { previewRefund, refundOrder } from '@souk/core/refunds/refund-order.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import {
  buyersRefundSchema,
  newRefundSchema,
  presentBuyersRefund,
  presentPreview,
  presentRefund,
  readRefund,
  refundPreviewSchema,
  refundSchema,
  refundWishSchema,
} from '../wire/refund.ts'

const orderParams = z.strictObject({ order_id: idSchema })
const refundParams = z.strictObject({ order_id: idSchema, refund_id: idSchema })

/** Money that goes back: staff give it, and the buyer sees it. */
export function refundRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/orders/:order_id/refunds',
    {
      config: { gate: 'store', capability: 'order', summary: 'What of an order was given back' },
      schema: { params: orderParams, response: { 200: z.strictObject({ data: z.array(buyersRefundSchema) }) } },
    },
    async ({ inMerchant, params: { order_id } }) => ({ data: (await listRefunds(inMerchant, order_id)).map(presentBuyersRefund) }),
  )

  app.post(
    '/v1/admin/orders/:order_id/refunds',
    {
      config: {
        gate: 'staff',
        scopes: ['refunds:write'],
        idempotency: 'required',
        summary: 'Give money of an order back: by lines, shipping or amount, to its payments or to store credit',
      },
      schema: { params: orderParams, body: newRefundSchema, response: { 201: refundSchema } },
    },
    async ({ inMerchant, params: { order_id }, body, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const refund = await refundOrder(tx, { ...readRefund(order_id, body), reason: body.reason, actor, now })
          return { statusCode: 201, body: JSON.stringify(presentRefund(refund)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.post(
    '/v1/admin/orders/:order_id/refunds/preview',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'What a refund would come to; nothing is written' },
      schema: { params: orderParams, body: refundWishSchema, response: { 200: refundPreviewSchema } },
    },
    async ({ inMerchant, params: { order_id }, body }) =>
      presentPreview(await inMerchant.read((tx) => previewRefund(tx, readRefund(order_id, body)))),
  )

  app.get(
    '/v1/admin/orders/:order_id/refunds',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'The refunds of an order' },
      schema: { params: orderParams, response: { 200: z.strictObject({ data: z.array(refundSchema) }) } },
    },
    async ({ inMerchant, params: { order_id } }) => ({ data: (await listRefunds(inMerchant, order_id)).map(presentRefund) }),
  )

  app.get(
    '/v1/admin/orders/:order_id/refunds/:refund_id',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'Read a refund, and what became of it' },
      schema: { params: refundParams, response: { 200: refundSchema } },
    },
    async ({ inMerchant, params: { order_id, refund_id } }) =>
      presentRefund(await inMerchant.read((tx) => refundById(tx, refund_id, order_id))),
  )
}

/** Refuses `not_found` for an order that is not there, instead of showing that it has no refunds. */
async function listRefunds(inMerchant: InMerchant, orderId: string): Promise<Refund[]> {
  return inMerchant.read(async (tx) => {
    await readOrderState(tx, orderId)
    return refundsOf(tx, orderId)
  })
}
