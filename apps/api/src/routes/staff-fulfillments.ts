import { cancelFulfillment } from '@souk/core/fulfillment/cancel-fulfillment.ts'
import { fulfillmentsOf, loadFulfillment } from '@souk/core/fulfillment/fulfillment.ts'
import { claimAndOpen, type Opened, openFulfillment } from '@souk/core/fulfillment/open-fulfillments.ts'
import { packFulfillment, pickFulfillment } from '@souk/core/fulfillment/pick-fulfillment.ts'
import { loadFulfillmentSettings, updateFulfillmentSettings } from '@souk/core/fulfillment/settings.ts'
import { changeTracking, deliverFulfillment, shipFulfillment } from '@souk/core/fulfillment/ship-fulfillment.ts'
import { splitFulfillment } from '@souk/core/fulfillment/split-fulfillment.ts'
import { assignCourier, assignFulfillment, takeFulfillment } from '@souk/core/fulfillment/take-fulfillment.ts'
import { holdOrder, readOrderState } from '@souk/core/orders/hold-order.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { answerOnce } from '../answer-once.ts'
import {
  assignmentSchema,
  buyersFulfillmentSchema,
  fulfillmentSchema,
  fulfillmentSettingsSchema,
  newFulfillmentSchema,
  openedSchema,
  pickSchema,
  presentBuyersFulfillment,
  presentFulfillment,
  presentFulfillmentSettings,
  settingsChangeSchema,
  splitLinesSchema,
  trackingSchema,
} from '../wire/fulfillment.ts'
import { idSchema } from '../wire/id.ts'

const orderParams = z.strictObject({ order_id: idSchema })
const params = z.strictObject({ fulfillment_id: idSchema })
const oneFulfillment = { params, response: { 200: fulfillmentSchema } }

/** Goods on their way out of the house: opened, picked, packed, handed over, delivered. */
export function staffFulfillmentRoutes(fastify: FastifyInstance): void {
  orderFulfillmentRoutes(fastify)
  stepRoutes(fastify)
  assignmentRoutes(fastify)
  settingsRoutes(fastify)
}

function orderFulfillmentRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/orders/:order_id/fulfillments',
    {
      config: { gate: 'store', capability: 'order', summary: 'How the goods of an order come, and where they are' },
      schema: { params: orderParams, response: { 200: z.strictObject({ data: z.array(buyersFulfillmentSchema) }) } },
    },
    async ({ inMerchant, params: { order_id } }) => {
      const fulfillments = await inMerchant.read(async (tx) => {
        const { id } = await readOrderState(tx, order_id)
        return fulfillmentsOf(tx, id)
      })
      return { data: fulfillments.filter(({ status }) => status !== 'cancelled').map(presentBuyersFulfillment) }
    },
  )

  app.get(
    '/v1/admin/orders/:order_id/fulfillments',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'List the fulfillments of an order' },
      schema: { params: orderParams, response: { 200: z.strictObject({ data: z.array(fulfillmentSchema) }) } },
    },
    async ({ inMerchant, params: { order_id } }) => {
      const fulfillments = await inMerchant.read(async (tx) => {
        const { id } = await readOrderState(tx, order_id)
        return fulfillmentsOf(tx, id)
      })
      return { data: fulfillments.map(presentFulfillment) }
    },
  )

  app.post(
    '/v1/admin/orders/:order_id/fulfillments',
    {
      config: {
        gate: 'staff',
        scopes: ['fulfillment:write'],
        idempotency: 'accepted',
        summary: 'Put goods of an order on the list of what to pick: chosen ones, or all that are open',
      },
      schema: {
        params: orderParams,
        body: z.strictObject({ only: newFulfillmentSchema.optional() }),
        response: { 201: openedSchema },
      },
    },
    async ({ params: { order_id }, body: { only }, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 201, async (tx) => {
        const held = await holdOrder(tx, order_id)
        const by = { actor, now }
        if (!only) return presentOpened(await claimAndOpen(tx, held, by))
        const lines = only.lines.map((line) => ({ lineId: line.line_id, quantity: BigInt(line.quantity) }))
        const opened = await openFulfillment(tx, held, { locationId: only.location_id, lines }, by)
        return presentOpened({ fulfillments: [opened], unallocated: [] })
      }),
  )

  app.get(
    '/v1/admin/fulfillments/:fulfillment_id',
    { config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'Read a fulfillment' }, schema: oneFulfillment },
    async ({ inMerchant, params: { fulfillment_id } }) =>
      presentFulfillment(await inMerchant.read((tx) => loadFulfillment(tx, fulfillment_id))),
  )
}

function stepRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const config = (summary: string) => ({
    gate: 'staff' as const,
    scopes: ['fulfillment:write'] as const,
    idempotency: 'accepted' as const,
    summary,
  })

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/pick',
    {
      config: config('Write down what was found; what is missing is taken off the stock'),
      schema: { ...oneFulfillment, body: pickSchema },
    },
    async ({ params: { fulfillment_id: id }, body, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) => {
        const found = body.lines.map((line) => ({ lineId: line.line_id, quantity: BigInt(line.quantity) }))
        return presentFulfillment(await pickFulfillment(tx, id, found, { actor, now }))
      }),
  )

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/pack',
    { config: config('Pack what was picked; of what nobody picked, all was found'), schema: oneFulfillment },
    async ({ params: { fulfillment_id: id }, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) => presentFulfillment(await packFulfillment(tx, id, { actor, now }))),
  )

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/ship',
    { config: config('It leaves the house, with a carrier of your own'), schema: { ...oneFulfillment, body: trackingSchema } },
    async ({ params: { fulfillment_id: id }, body, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) =>
        presentFulfillment(await shipFulfillment(tx, id, readTracking(body), { actor, now })),
      ),
  )

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/deliver',
    { config: config('It has arrived'), schema: oneFulfillment },
    async ({ params: { fulfillment_id: id }, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) =>
        presentFulfillment(await deliverFulfillment(tx, id, { actor, now })),
      ),
  )

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/cancel',
    { config: config('Take it apart before it leaves; its goods stay the order’s'), schema: oneFulfillment },
    async ({ params: { fulfillment_id: id }, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 200, async (tx) =>
        presentFulfillment(await cancelFulfillment(tx, id, { actor, now })),
      ),
  )

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/split',
    {
      config: config('Put a part of it into a fulfillment of its own, and answer that one'),
      schema: { params: oneFulfillment.params, body: z.strictObject({ lines: splitLinesSchema }), response: { 201: fulfillmentSchema } },
    },
    async ({ params: { fulfillment_id: id }, body, principal: { actor }, now, inMerchant, idempotency }, reply) =>
      answerOnce({ inMerchant, idempotency }, reply, 201, async (tx) => {
        const lines = body.lines.map((line) => ({ lineId: line.line_id, quantity: BigInt(line.quantity) }))
        return presentFulfillment(await splitFulfillment(tx, id, lines, { actor, now }))
      }),
  )

  app.patch(
    '/v1/admin/fulfillments/:fulfillment_id',
    {
      config: { gate: 'staff', scopes: ['fulfillment:write'], summary: 'Correct what the buyer is told of how it comes' },
      schema: { ...oneFulfillment, body: trackingSchema },
    },
    async ({ inMerchant, params: { fulfillment_id: id }, body }) =>
      presentFulfillment(await inMerchant((tx) => changeTracking(tx, id, readTracking(body)))),
  )
}

function assignmentRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const config = (summary: string) => ({ gate: 'staff' as const, scopes: ['fulfillment:write'] as const, summary })

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/take',
    { config: config('Take it to pick or to pack: of two who take it one has it'), schema: oneFulfillment },
    async ({ inMerchant, params: { fulfillment_id: id }, principal: { actor }, now }) =>
      presentFulfillment(await inMerchant((tx) => takeFulfillment(tx, id, { actor, now }))),
  )

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/assign',
    { config: config('Say who picks or packs it'), schema: { ...oneFulfillment, body: assignmentSchema } },
    async ({ inMerchant, params: { fulfillment_id: id }, body, principal: { actor }, now }) =>
      presentFulfillment(await inMerchant((tx) => assignFulfillment(tx, id, body.staff_id, { actor, now }))),
  )

  app.post(
    '/v1/admin/fulfillments/:fulfillment_id/courier',
    { config: config('Say who of the staff brings it'), schema: { ...oneFulfillment, body: assignmentSchema } },
    async ({ inMerchant, params: { fulfillment_id: id }, body, principal: { actor }, now }) =>
      presentFulfillment(await inMerchant((tx) => assignCourier(tx, id, body.staff_id, { actor, now }))),
  )
}

function settingsRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/fulfillment-settings',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'Read how goods are sent' },
      schema: { response: { 200: fulfillmentSettingsSchema } },
    },
    async ({ inMerchant }) => presentFulfillmentSettings(await inMerchant.read((tx) => loadFulfillmentSettings(tx))),
  )

  app.patch(
    '/v1/admin/fulfillment-settings',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Change how goods are sent' },
      schema: { body: settingsChangeSchema, response: { 200: fulfillmentSettingsSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now }) => {
      const { opens_on: opensOn, return_window_days: returnWindowDays, fulfils_unsent: fulfilsUnsent, reason = '' } = body
      const changes = { opensOn, returnWindowDays, fulfilsUnsent }
      return presentFulfillmentSettings(await inMerchant((tx) => updateFulfillmentSettings(tx, changes, { actor, now, reason })))
    },
  )
}

function readTracking({ carrier, tracking_number: trackingNumber, tracking_url: trackingUrl }: z.output<typeof trackingSchema>) {
  return { carrier, trackingNumber, trackingUrl }
}

function presentOpened({ fulfillments, unallocated }: Opened): z.input<typeof openedSchema> {
  return {
    data: fulfillments.map(presentFulfillment),
    unallocated: unallocated.map(({ lineId, quantity }) => ({ line_id: lineId, quantity: Number(quantity) })),
  }
}
