import type { TokenKeys } from '@souk/core/capability.ts'
import { listEvents } from '@souk/core/events/list-events.ts'
import { TAG_LENGTH_MAX } from '@souk/core/orders/annotate-order.ts'
import { listOrders } from '@souk/core/orders/list-orders.ts'
import { type Order, orderQueries, toOrder } from '@souk/core/orders/order.ts'
import { orderAt } from '@souk/core/orders/order-at.ts'
import { FULFILLMENT_STATUSES, ORDER_STATUSES, PAYMENT_STATUSES } from '@souk/core/orders/order-state.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { eventSchema, presentEvent } from '../wire/event.ts'
import { idSchema } from '../wire/id.ts'
import { orderSchema, orderSummarySchema, presentOrder, presentOrderSummary } from '../wire/order.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { textSchema } from '../wire/text.ts'
import { givenTimeSchema } from '../wire/time.ts'

const orderParams = z.strictObject({ order_id: idSchema })
const orderFilters = {
  status: z.enum(ORDER_STATUSES).optional(),
  payment_status: z.enum(PAYMENT_STATUSES).optional(),
  fulfillment_status: z.enum(FULFILLMENT_STATUSES).optional(),
  tag: textSchema(TAG_LENGTH_MAX).optional(),
  customer_id: idSchema.optional(),
}
const atQuery = z.strictObject({
  at: givenTimeSchema.optional().meta({ description: 'A moment, with its offset: the order as it was then.', format: 'date-time' }),
})
const eventsAfter = {
  after: z
    .string()
    .regex(/^\d{1,18}$/, 'invalid_cursor')
    .default('0')
    .transform(BigInt),
  limit: pageQuery.limit,
}

/** Orders for the buyer who holds an order's token, and for the merchant's staff. */
export function orderRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/orders/:order_id',
    {
      config: { gate: 'store', capability: 'order', summary: 'See an order and its status' },
      schema: { params: orderParams, response: { 200: orderSchema } },
    },
    async (request) => presentOrder(await readOrder(request.inMerchant, request.params.order_id)),
  )

  app.get(
    '/v1/admin/orders',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'List orders, the newest first' },
      schema: { querystring: z.strictObject({ ...orderFilters, ...pageQuery }), response: { 200: pageOf(orderSummarySchema) } },
    },
    async (request) => {
      const { limit, cursor, ...filters } = request.query
      const { status, payment_status: paymentStatus, fulfillment_status: fulfillmentStatus, tag, customer_id: customerId } = filters
      const wanted = { status, paymentStatus, fulfillmentStatus, tag, customerId }
      const { orders, nextCursor } = await request.inMerchant.read((tx) => listOrders(tx, keys, { limit, cursor }, wanted))
      return { data: orders.map(presentOrderSummary), next_cursor: nextCursor }
    },
  )

  app.get(
    '/v1/admin/orders/:order_id',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'Read an order, as it is or as it was' },
      schema: { params: orderParams, querystring: atQuery, response: { 200: orderSchema } },
    },
    async ({ inMerchant, params: { order_id: orderId }, query: { at } }) =>
      presentOrder(
        at === undefined ? await readOrder(inMerchant, orderId) : await inMerchant.read((tx) => orderAt(tx, orderId, new Date(at))),
      ),
  )

  app.get(
    '/v1/admin/orders/:order_id/events',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'What happened to an order' },
      schema: {
        params: orderParams,
        querystring: z.strictObject(eventsAfter),
        response: { 200: z.strictObject({ data: z.array(eventSchema) }) },
      },
    },
    async (request) => {
      const order = await readOrder(request.inMerchant, request.params.order_id)
      const events = await request.inMerchant.read((tx) => listEvents(tx, { ...request.query, aggregateId: order.id }))
      return { data: events.map(presentEvent) }
    },
  )

  app.get(
    '/v1/admin/events',
    {
      config: { gate: 'staff', scopes: ['events:read'], summary: 'What happened in the shop, in order' },
      schema: { querystring: z.strictObject(eventsAfter), response: { 200: z.strictObject({ data: z.array(eventSchema) }) } },
    },
    async (request) => {
      const events = await request.inMerchant.read((tx) => listEvents(tx, request.query))
      return { data: events.map(presentEvent) }
    },
  )
}

async function readOrder(inMerchant: InMerchant, orderId: string): Promise<Order> {
  return toOrder(await inMerchant.readOnce((tx) => orderQueries(tx, orderId)))
}
