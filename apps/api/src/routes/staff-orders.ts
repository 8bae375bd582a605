import { CANCEL_REASON_BYTES_MAX, cancelOrder } from '@souk/core/checkout/cancel-order.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { type Recalculation, recalculateOrder } from '@souk/core/orders/recalculate-order.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { explanationSchema, presentExplanation } from '../wire/explanation.ts'
import { idSchema } from '../wire/id.ts'
import { moneySchema, presentMoney } from '../wire/money.ts'
import { orderSchema, presentOrder } from '../wire/order.ts'
import { proseSchema } from '../wire/text.ts'

const params = z.strictObject({ order_id: idSchema })
const versionQuery = z.strictObject({ version: z.enum(['then', 'now']).default('then') })

const differencesSchema = z.strictObject({
  subtotal: moneySchema,
  discount: moneySchema,
  shipping: moneySchema,
  tax: moneySchema,
  total: moneySchema,
})
const recalculationSchema = explanationSchema.extend({
  version: z.enum(['then', 'now']),
  same: z.boolean().meta({ description: 'Whether the total is the one that was charged.' }),
  charged: differencesSchema.meta({ description: 'What the order came to when it was placed.' }),
  differences: differencesSchema.meta({ description: 'Computed again, less what was charged.' }),
})

/** What staff ask of an order, and do to it. */
export function staffOrderRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/orders/:order_id/cancel',
    {
      config: {
        gate: 'staff',
        scopes: ['orders:write'],
        idempotency: 'accepted',
        summary: 'Cancel an order that is neither paid nor fulfilled: stock, coupons and payment are given back',
      },
      schema: {
        params,
        body: z.strictObject({ reason: proseSchema(CANCEL_REASON_BYTES_MAX).default('') }),
        response: { 200: orderSchema },
      },
    },
    async ({ inMerchant, params: { order_id: orderId }, body: { reason }, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const order = await cancelOrder(tx, { orderId, reason, actor, now })
          return { statusCode: 200, body: JSON.stringify(presentOrder(order)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/orders/:order_id/explanation',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'Why an order cost what it cost, promotion by promotion' },
      schema: { params, response: { 200: explanationSchema } },
    },
    async ({ inMerchant, params: { order_id }, now }) =>
      present(await inMerchant.read((tx) => recalculateOrder(tx, order_id, 'then', now))),
  )

  app.get(
    '/v1/admin/orders/:order_id/recalculation',
    {
      config: {
        gate: 'staff',
        scopes: ['orders:read'],
        summary: 'Compute an order’s price again, under the pricing of then or of now',
      },
      schema: { params, querystring: versionQuery, response: { 200: recalculationSchema } },
    },
    async ({ inMerchant, params: { order_id }, query: { version }, now }) => {
      const again = await inMerchant.read((tx) => recalculateOrder(tx, order_id, version, now))
      const { charged, currency } = again
      const { subtotal, discount, shipping, tax, total } = again.priced.totals
      return {
        ...present(again),
        version,
        same: total === charged.total,
        charged: amounts(charged, currency),
        differences: amounts(
          {
            subtotal: subtotal - charged.subtotal,
            discount: discount - charged.discount,
            shipping: shipping - charged.shipping,
            tax: tax - charged.tax,
            total: total - charged.total,
          },
          currency,
        ),
      }
    },
  )
}

function present({ priced, currency, pricingVersion, pricingInput: { asOf } }: Recalculation): z.input<typeof explanationSchema> {
  return presentExplanation(priced, { currency, pricingVersion, asOf })
}

function amounts(of: Recalculation['charged'], currency: string): z.input<typeof differencesSchema> {
  return {
    subtotal: presentMoney(of.subtotal, currency),
    discount: presentMoney(of.discount, currency),
    shipping: presentMoney(of.shipping, currency),
    tax: presentMoney(of.tax, currency),
    total: presentMoney(of.total, currency),
  }
}
