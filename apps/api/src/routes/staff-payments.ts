import type { TokenKeys } from '@souk/core/capability.ts'
import { payOrder } from '@souk/core/checkout/pay-order.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { PAYMENT_STATES } from '@souk/core/orders/order-payment.ts'
import { listAccounts, saveAccount } from '@souk/core/payments/accounts.ts'
import { type Changed, capturePayment, voidPayment } from '@souk/core/payments/change-payment.ts'
import { listDisputes } from '@souk/core/payments/disputes.ts'
import { listOperations, listPayments } from '@souk/core/payments/list-payments.ts'
import { loadPayment } from '@souk/core/payments/payment.ts'
import { resolveReview } from '@souk/core/payments/resolve-review.ts'
import { settleOperation } from '@souk/core/payments/settle-operation.ts'
import { settlePayment } from '@souk/core/payments/settle-payment.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../errors.ts'
import { answerPaidOrder } from '../payment-answer.ts'
import type { Deps } from '../server.ts'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { givenMoneySchema } from '../wire/money.ts'
import { orderSchema } from '../wire/order.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import {
  accountChangesSchema,
  accountSchema,
  disputeSchema,
  paymentSchema,
  paymentWithOperationsSchema,
  presentAccount,
  presentDispute,
  presentOperation,
  presentPayment,
  providerSchema,
  staffWishSchema,
} from '../wire/payment.ts'
import { proseSchema } from '../wire/text.ts'

type PaymentRouteDeps = Pick<Deps, 'payments' | 'tokenKeys'>

const REASON_BYTES_MAX = 1_000
const params = z.strictObject({ payment_id: idSchema })
const orderParams = z.strictObject({ order_id: idSchema })

/** What staff see of payments and do about them. */
export function staffPaymentRoutes(fastify: FastifyInstance, deps: PaymentRouteDeps): void {
  accountRoutes(fastify, deps)
  listRoutes(fastify, deps.tokenKeys)
  changeRoutes(fastify)
  askRoutes(fastify, deps)
}

function accountRoutes(fastify: FastifyInstance, deps: PaymentRouteDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/payment-accounts',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'The accounts with payment providers, without their secrets' },
      schema: { response: { 200: z.strictObject({ data: z.array(accountSchema) }) } },
    },
    async ({ inMerchant }) => ({ data: (await inMerchant.read((tx) => listAccounts(tx))).map(presentAccount) }),
  )

  app.patch(
    '/v1/admin/payment-accounts/:provider',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Open an account with a payment provider, or change it' },
      schema: { params: z.strictObject({ provider: providerSchema }), body: accountChangesSchema, response: { 200: accountSchema } },
    },
    async ({ inMerchant, params: { provider }, body, principal: { actor }, now }) => {
      const { api_base: apiBase, ...changes } = body
      return presentAccount(await inMerchant((tx) => saveAccount(tx, deps.payments, { provider, apiBase, ...changes }, { actor, now })))
    },
  )
}

const paymentQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(PAYMENT_STATES).optional(),
  provider: providerSchema.optional(),
  order_id: idSchema.optional(),
})

function listRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/payments',
    {
      config: { gate: 'staff', scopes: ['payments:read'], summary: 'List payments, the newest first' },
      schema: { querystring: paymentQuery, response: { 200: pageOf(paymentSchema) } },
    },
    async ({ inMerchant, query: { status, provider, order_id: orderId, ...page } }) => {
      const { payments, nextCursor } = await inMerchant.read((tx) => listPayments(tx, keys, { status, provider, orderId }, page))
      return { data: payments.map(presentPayment), next_cursor: nextCursor }
    },
  )

  app.get(
    '/v1/admin/payments/:payment_id',
    {
      config: { gate: 'staff', scopes: ['payments:read'], summary: 'Read a payment, and everything its provider was asked' },
      schema: { params, response: { 200: paymentWithOperationsSchema } },
    },
    async ({ inMerchant, params: { payment_id } }) => inMerchant.read((tx) => present(tx, payment_id)),
  )

  app.get(
    '/v1/admin/disputes',
    {
      config: { gate: 'staff', scopes: ['payments:read'], summary: 'Payments that buyers dispute, the newest first' },
      schema: {
        querystring: z.strictObject({ limit: pageQuery.limit, status: z.enum(['opened', 'won', 'lost']).optional() }),
        response: { 200: z.strictObject({ data: z.array(disputeSchema) }) },
      },
    },
    async ({ inMerchant, query: { limit, status } }) => ({
      data: (await inMerchant.read((tx) => listDisputes(tx, { status, limit }))).map(presentDispute),
    }),
  )
}

function changeRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const answered = { 200: paymentWithOperationsSchema, 202: paymentWithOperationsSchema }
  const config = (summary: string) => ({ gate: 'staff', scopes: ['payments:write'], idempotency: 'required', summary }) as const

  app.post(
    '/v1/admin/payments/:payment_id/capture',
    {
      config: config('Take money that is authorized, in whole or in part; or say that money by hand has come'),
      schema: {
        params,
        body: z.strictObject({
          amount: givenMoneySchema.optional().meta({ description: 'All that is left when it is not said.' }),
          final: z.boolean().default(false).meta({ description: 'No other capture will follow: the rest is let go.' }),
        }),
        response: answered,
      },
    },
    async ({ inMerchant, params: { payment_id: paymentId }, body, principal: { actor }, now, idempotency }, reply) => {
      const amount = body.amount && { amount: BigInt(body.amount.amount), currency: body.amount.currency }
      const wish = { paymentId, amount, final: body.final }
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => changed(tx, await capturePayment(tx, wish, { actor, now }))),
      )
      return sendStored(reply, answer)
    },
  )

  app.post(
    '/v1/admin/payments/:payment_id/void',
    { config: config('Let go of what is authorized and not captured'), schema: { params, response: answered } },
    async ({ inMerchant, params: { payment_id: paymentId }, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => changed(tx, await voidPayment(tx, { paymentId }, { actor, now }))),
      )
      return sendStored(reply, answer)
    },
  )

  app.post(
    '/v1/admin/payments/:payment_id/review',
    {
      config: config('Decide about a payment of which the provider says something else than it was asked for'),
      schema: {
        params,
        body: z.strictObject({ decision: z.enum(['accept', 'reject']), reason: proseSchema(REASON_BYTES_MAX).default('') }),
        response: answered,
      },
    },
    async ({ inMerchant, params: { payment_id: paymentId }, body, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const payment = await resolveReview(tx, { paymentId, ...body }, { actor, now })
          return changed(tx, { payment, operationId: undefined })
        }),
      )
      return sendStored(reply, answer)
    },
  )
}

function askRoutes(fastify: FastifyInstance, deps: PaymentRouteDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/payments/:payment_id/refresh',
    {
      config: { gate: 'staff', scopes: ['payments:write'], summary: 'Ask the provider now what became of a payment' },
      schema: { params, response: { 200: paymentWithOperationsSchema } },
    },
    async ({ inMerchant, params: { payment_id: paymentId }, principal: { actor }, now }) => {
      const by = { actor, now }
      await settlePayment(inMerchant, deps.payments, { paymentId }, by)
      const operations = await inMerchant.read((tx) => listOperations(tx, paymentId))
      const open = operations.filter(({ status, kind }) => status === 'pending' && kind !== 'authorize')
      for (const { id: operationId } of open) await settleOperation(inMerchant, deps.payments, { operationId }, by)
      return inMerchant.read((tx) => present(tx, paymentId))
    },
  )

  app.post(
    '/v1/admin/orders/:order_id/payments',
    {
      config: {
        gate: 'staff',
        scopes: ['payments:write'],
        idempotency: 'required',
        summary: 'Charge what is left to be paid of an order to a method its customer has kept',
      },
      schema: {
        params: orderParams,
        body: z.strictObject({ payment: staffWishSchema }),
        response: { 201: orderSchema, 202: orderSchema },
      },
    },
    async ({ inMerchant, params: { order_id: orderId }, body, principal: { actor }, now, idempotency }, reply) => {
      if (!idempotency) throw new Problem('idempotency_key_missing')
      const { provider, saved_method: savedMethodId } = body.payment
      const wish = { provider, savedMethodId, offSession: true }
      const shop = { inMerchant, payments: deps.payments }
      return sendStored(reply, await payOrder(shop, { orderId, wish, idempotency, answer: answerPaidOrder, by: { actor, now } }))
    },
  )
}

/** 200 for what is done, 202 while a provider is asked: the payment shows what comes of it. */
async function changed(tx: Tx, { payment, operationId }: Changed) {
  return { statusCode: operationId === undefined ? 200 : 202, body: JSON.stringify(await present(tx, payment.id)) }
}

async function present(tx: Tx, paymentId: string) {
  const [payment, operations] = await Promise.all([loadPayment(tx, paymentId), listOperations(tx, paymentId)])
  return { ...presentPayment(payment), operations: operations.map(presentOperation) }
}
