import { payOrder } from '@souk/core/checkout/pay-order.ts'
import { orderQueries, toOrder } from '@souk/core/orders/order.ts'
import { offeredProviders } from '@souk/core/payments/accounts.ts'
import { receiveCallback } from '@souk/core/payments/callbacks.ts'
import { noPayment } from '@souk/core/payments/payment.ts'
import { listSavedMethods, removeSavedMethod } from '@souk/core/payments/saved-methods.ts'
import { settlePayment } from '@souk/core/payments/settle-payment.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { answerPaidOrder } from '../payment-answer.ts'
import { receiveText } from '../request-body.ts'
import type { Deps } from '../server.ts'
import { sendStored, withToken } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { orderSchema, placedOrderSchema, presentOrder } from '../wire/order.ts'
import { paymentWishSchema, presentSavedMethod, providerSchema, readWish, savedMethodSchema } from '../wire/payment.ts'

type PaymentRouteDeps = Pick<Deps, 'payments' | 'tokenKeys'>

const BUYER = { kind: 'buyer' } as const
const orderParams = z.strictObject({ order_id: idSchema })
const paymentParams = z.strictObject({ order_id: idSchema, payment_id: idSchema })
const methodParams = z.strictObject({ payment_method_id: idSchema })

/** What buyers do about payments after the checkout, and what providers tell us. */
export function paymentRoutes(fastify: FastifyInstance, deps: PaymentRouteDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/payment-providers',
    {
      config: { gate: 'store', summary: 'The payment providers a checkout may name' },
      schema: { response: { 200: z.strictObject({ data: z.array(z.strictObject({ provider: z.string() })) }) } },
    },
    async ({ inMerchant }) => ({ data: (await inMerchant.read((tx) => offeredProviders(tx))).map((provider) => ({ provider })) }),
  )

  app.post(
    '/v1/orders/:order_id/payments',
    {
      config: {
        gate: 'store',
        capability: 'order',
        idempotency: 'required',
        summary: 'Try again to pay an order whose payment was declined',
      },
      schema: {
        params: orderParams,
        body: z.strictObject({ payment: paymentWishSchema }),
        response: { 201: placedOrderSchema, 202: placedOrderSchema },
      },
    },
    async ({ inMerchant, params: { order_id: orderId }, body, idempotency, now }, reply) => {
      if (!idempotency) throw new Problem('idempotency_key_missing')
      const by = { actor: BUYER, now }
      const wish = readWish(body.payment)
      const shop = { inMerchant, payments: deps.payments }
      const answer = await payOrder(shop, { orderId, wish, idempotency, answer: answerPaidOrder, by })
      return sendStored(reply, withToken(answer, deps.tokenKeys, inMerchant.merchant.id, 'order'))
    },
  )

  app.post(
    '/v1/orders/:order_id/payments/:payment_id/refresh',
    {
      config: { gate: 'store', capability: 'order', summary: 'Ask the provider now what became of a payment' },
      schema: { params: paymentParams, response: { 200: orderSchema } },
    },
    async ({ inMerchant, params: { order_id: orderId, payment_id: paymentId }, now }) => {
      const read = async () => toOrder(await inMerchant.readOnce((tx) => orderQueries(tx, orderId)))
      if (!(await read()).payments.some(({ id }) => id === paymentId)) throw noPayment()
      await settlePayment(inMerchant, deps.payments, { paymentId }, { actor: BUYER, now })
      return presentOrder(await read())
    },
  )

  savedMethodRoutes(fastify)
  void fastify.register(async (scope) => callbackRoute(scope, deps))
}

function savedMethodRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/customers/me/payment-methods',
    {
      config: { gate: 'store', customer: 'required', summary: 'What the customer may pay with again' },
      schema: { response: { 200: z.strictObject({ data: z.array(savedMethodSchema) }) } },
    },
    async ({ inMerchant, customer }) => ({
      data: (await inMerchant.read((tx) => listSavedMethods(tx, customer!.id))).map(presentSavedMethod),
    }),
  )

  app.delete(
    '/v1/customers/me/payment-methods/:payment_method_id',
    {
      config: { gate: 'store', customer: 'required', summary: 'Forget a payment method' },
      schema: { params: methodParams, response: { 204: z.null() } },
    },
    async ({ inMerchant, customer, params: { payment_method_id: methodId } }, reply) => {
      await inMerchant((tx) => removeSavedMethod(tx, { customerId: customer!.id, methodId }))
      return reply.code(204).send(null)
    },
  )
}

const CALLBACK_BYTES_MAX = 256 * 1024

/** What a provider signs are bytes: here a body is not read as anything, whatever its type says. */
function callbackRoute(scope: FastifyInstance, deps: PaymentRouteDeps): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (request: FastifyRequest, payload: NodeJS.ReadableStream) =>
    receiveText(payload, CALLBACK_BYTES_MAX, request.headers['content-length']),
  )
  scope.withTypeProvider<ZodTypeProvider>().post(
    '/v1/callbacks/payments/:provider',
    {
      config: { gate: 'store', bodyType: '*/*', summary: 'For payment providers: say that something has happened' },
      schema: { params: z.strictObject({ provider: providerSchema }), response: { 200: z.strictObject({ received: z.literal(true) }) } },
    },
    async ({ inMerchant, params: { provider }, headers, body, now }) => {
      const rawBody = typeof body === 'string' ? body : ''
      await receiveCallback(inMerchant, deps.payments, { provider, headers: singleHeaders(headers), rawBody }, now)
      return { received: true as const }
    },
  )
}

function singleHeaders(headers: FastifyRequest['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])))
}
