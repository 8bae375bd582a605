import { openCursor, sealCursor, type TokenKeys } from '@souk/core/capability.ts'
import { listTransfers, loadTransfer } from '@souk/core/stock/transfer.ts'
import { cancelTransfer, receiveTransfer, sendTransfer } from '@souk/core/stock/transfer-stock.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { answerOnce } from '../answer-once.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import {
  arrivalsSchema,
  newTransferSchema,
  presentTransfer,
  toArrivals,
  toTransfer,
  transferSchema,
  transferStatusSchema,
} from '../wire/transfer.ts'

const oneTransfer = { params: z.strictObject({ transfer_id: idSchema }), response: { 200: transferSchema } }

/** Goods on their way from one location to another. */
export function staffTransferRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const changing = (summary: string) => ({
    config: { gate: 'staff' as const, scopes: ['stock:write'] as const, idempotency: 'required' as const, summary },
  })

  app.post(
    '/v1/admin/stock-transfers',
    { ...changing('Send goods to another location'), schema: { body: newTransferSchema, response: { 201: transferSchema } } },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 201, async (tx) =>
        presentTransfer(await sendTransfer(tx, toTransfer(body), { actor, now })),
      ),
  )

  app.get(
    '/v1/admin/stock-transfers',
    {
      config: { gate: 'staff', scopes: ['stock:read'], summary: 'List transfers, the newest first' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, transfer_status: transferStatusSchema.optional() }),
        response: { 200: pageOf(transferSchema) },
      },
    },
    async ({ inMerchant, query: { limit, cursor, transfer_status: status } }) => {
      const scope = { merchantId: inMerchant.merchant.id, query: `stock transfers|${status ?? ''}` }
      const [before] = cursor === undefined ? [] : openCursor(keys, scope, cursor)
      const transfers = await inMerchant.read((tx) => listTransfers(tx, { limit: limit + 1, before, status }))
      const page = transfers.slice(0, limit)
      const next = transfers.length > limit ? sealCursor(keys, scope, [page.at(-1)!.id]) : null
      return { data: page.map(presentTransfer), next_cursor: next }
    },
  )

  app.get(
    '/v1/admin/stock-transfers/:transfer_id',
    { config: { gate: 'staff', scopes: ['stock:read'], summary: 'Read a transfer' }, schema: oneTransfer },
    async ({ inMerchant, params: { transfer_id: id } }) => presentTransfer(await inMerchant.read((tx) => loadTransfer(tx, id))),
  )

  app.post(
    '/v1/admin/stock-transfers/:transfer_id/receive',
    { ...changing('Write down what arrived, or never will'), schema: { ...oneTransfer, body: arrivalsSchema } },
    async ({ inMerchant, params: { transfer_id: id }, body, principal: { actor }, now, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) =>
        presentTransfer(await receiveTransfer(tx, id, toArrivals(body), { actor, now })),
      ),
  )

  app.post(
    '/v1/admin/stock-transfers/:transfer_id/cancel',
    { ...changing('Call back what is in transit: it is where it came from again'), schema: oneTransfer },
    async ({ inMerchant, params: { transfer_id: id }, principal: { actor }, now, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) => presentTransfer(await cancelTransfer(tx, id, { actor, now }))),
  )
}
