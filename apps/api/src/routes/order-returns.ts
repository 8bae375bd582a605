import type { Actor } from '@souk/core/actor.ts'
import type { TokenKeys } from '@souk/core/capability.ts'
import { readOrderState } from '@souk/core/orders/hold-order.ts'
import { listReturns, loadReturn, noReturn, RETURN_STATUSES, returnsOf } from '@souk/core/returns/order-return.ts'
import { receiveReturn } from '@souk/core/returns/receive-return.ts'
import { cancelReturn, decideReturn, requestReturn } from '@souk/core/returns/request-return.ts'
import { exchangeReturn, refundReturn } from '@souk/core/returns/settle-return.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { answerOnce } from '../answer-once.ts'
import { idSchema } from '../wire/id.ts'
import {
  decisionSchema,
  exchangeSchema,
  newReturnSchema,
  presentReturn,
  receiptSchema,
  returnRefundSchema,
  returnSchema,
} from '../wire/order-return.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { readRefund } from '../wire/refund.ts'

const BUYER: Actor = { kind: 'buyer' }
const orderParams = z.strictObject({ order_id: idSchema })
const buyersParams = z.strictObject({ order_id: idSchema, return_id: idSchema })
const params = z.strictObject({ return_id: idSchema })
const listed = z.strictObject({ data: z.array(returnSchema) })

/** Goods that come back: asked for, decided, looked at, refunded or exchanged. */
export function orderReturnRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  buyersRoutes(fastify)
  staffRoutes(fastify, keys)
  stepRoutes(fastify)
  moneyRoutes(fastify)
}

function buyersRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/orders/:order_id/returns',
    {
      config: { gate: 'store', capability: 'order', idempotency: 'accepted', summary: 'Ask to return goods of an order' },
      schema: { params: orderParams, body: newReturnSchema, response: { 201: returnSchema } },
    },
    async ({ params: { order_id: orderId }, body, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 201, async (tx) =>
        presentReturn(await requestReturn(tx, { orderId, ...readReturn(body) }, { actor: BUYER, now })),
      ),
  )

  app.get(
    '/v1/orders/:order_id/returns',
    {
      config: { gate: 'store', capability: 'order', summary: 'The returns of an order' },
      schema: { params: orderParams, response: { 200: listed } },
    },
    async ({ inMerchant, params: { order_id } }) => ({ data: await returnsOfOrder(inMerchant, order_id) }),
  )

  app.post(
    '/v1/orders/:order_id/returns/:return_id/cancel',
    {
      config: { gate: 'store', capability: 'order', summary: 'Take back a request that nobody has answered' },
      schema: { params: buyersParams, response: { 200: returnSchema } },
    },
    async ({ inMerchant, params: { order_id, return_id: id }, now }) =>
      presentReturn(
        await inMerchant(async (tx) => {
          const { orderId } = await loadReturn(tx, id)
          if (orderId !== order_id) throw noReturn()
          return cancelReturn(tx, id, { actor: BUYER, now })
        }),
      ),
  )
}

function staffRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/returns',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'List returns, the newest first; of one status if asked' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, status: z.enum(RETURN_STATUSES).optional() }),
        response: { 200: pageOf(returnSchema) },
      },
    },
    async ({ inMerchant, query }) => {
      const { returns, nextCursor } = await inMerchant.read((tx) => listReturns(tx, keys, query))
      return { data: returns.map(presentReturn), next_cursor: nextCursor }
    },
  )

  app.get(
    '/v1/admin/orders/:order_id/returns',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'List the returns of an order' },
      schema: { params: orderParams, response: { 200: listed } },
    },
    async ({ inMerchant, params: { order_id } }) => ({ data: await returnsOfOrder(inMerchant, order_id) }),
  )

  app.post(
    '/v1/admin/orders/:order_id/returns',
    {
      config: { gate: 'staff', scopes: ['orders:write'], idempotency: 'accepted', summary: 'Announce goods that a buyer sends back' },
      schema: { params: orderParams, body: newReturnSchema, response: { 201: returnSchema } },
    },
    async ({ params: { order_id: orderId }, body, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 201, async (tx) =>
        presentReturn(await requestReturn(tx, { orderId, ...readReturn(body) }, { actor, now })),
      ),
  )

  app.get(
    '/v1/admin/returns/:return_id',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'Read a return' },
      schema: { params, response: { 200: returnSchema } },
    },
    async ({ inMerchant, params: { return_id } }) => presentReturn(await inMerchant.read((tx) => loadReturn(tx, return_id))),
  )
}

function stepRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  for (const [step, approved] of [
    ['approve', true],
    ['reject', false],
  ] as const) {
    app.post(
      `/v1/admin/returns/:return_id/${step}`,
      {
        config: { gate: 'staff', scopes: ['orders:write'], summary: `Say ${approved ? 'yes' : 'no'} to what a buyer asked for` },
        schema: { params, body: decisionSchema, response: { 200: returnSchema } },
      },
      async ({ inMerchant, params: { return_id: id }, body: { note = '' }, principal: { actor }, now }) =>
        presentReturn(await inMerchant((tx) => decideReturn(tx, id, { approved, note }, { actor, now }))),
    )
  }

  app.post(
    '/v1/admin/returns/:return_id/cancel',
    {
      config: { gate: 'staff', scopes: ['orders:write'], summary: 'The goods will not come' },
      schema: { params, response: { 200: returnSchema } },
    },
    async ({ inMerchant, params: { return_id: id }, principal: { actor }, now }) =>
      presentReturn(await inMerchant((tx) => cancelReturn(tx, id, { actor, now }))),
  )

  app.post(
    '/v1/admin/returns/:return_id/receive',
    {
      config: {
        gate: 'staff',
        scopes: ['fulfillment:write'],
        idempotency: 'accepted',
        summary: 'The goods are here: what was found of each, and what goes back into stock',
      },
      schema: { params, body: receiptSchema, response: { 200: returnSchema } },
    },
    async ({ params: { return_id: id }, body, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) =>
        presentReturn(await receiveReturn(tx, id, readReceipt(body), { actor, now })),
      ),
  )
}

function moneyRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/returns/:return_id/refund',
    {
      config: {
        gate: 'staff',
        scopes: ['refunds:write'],
        idempotency: 'required',
        summary: 'Give the money for received goods back; of an exchange what is left',
      },
      schema: { params, body: returnRefundSchema, response: { 201: returnSchema } },
    },
    async ({ params: { return_id: id }, body: { reason = '', ...wish }, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 201, async (tx) => {
        const { orderReturn } = await refundReturn(tx, id, { ...readRefund(id, { ...wish, lines: [] }), reason }, { actor, now })
        return presentReturn(orderReturn)
      }),
  )

  app.post(
    '/v1/admin/returns/:return_id/exchange',
    {
      config: {
        gate: 'staff',
        scopes: ['orders:write'],
        idempotency: 'required',
        summary: 'Draft other goods for the buyer, with what comes back set off against them',
      },
      schema: { params, body: exchangeSchema, response: { 201: returnSchema } },
    },
    async ({ params: { return_id: id }, body, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 201, async (tx) => {
        const lines = body.lines.map((line) => ({ variantId: line.variant_id, quantity: BigInt(line.quantity) }))
        const { orderReturn } = await exchangeReturn(tx, id, lines, { actor, now })
        return presentReturn(orderReturn)
      }),
  )
}

async function returnsOfOrder(inMerchant: InMerchant, orderId: string) {
  const returns = await inMerchant.read(async (tx) => {
    const { id } = await readOrderState(tx, orderId)
    return returnsOf(tx, id)
  })
  return returns.map(presentReturn)
}

function readReturn({ lines, note = '' }: z.output<typeof newReturnSchema>) {
  return { lines: lines.map(({ line_id, quantity, reason }) => ({ lineId: line_id, quantity: BigInt(quantity), reason })), note }
}

function readReceipt({ location_id, lines }: z.output<typeof receiptSchema>) {
  return {
    locationId: location_id,
    lines: lines.map(({ line_id, inspections }) => ({
      lineId: line_id,
      inspections: inspections.map(({ decision, quantity, condition = '' }) => ({ decision, quantity: BigInt(quantity), condition })),
    })),
  }
}
