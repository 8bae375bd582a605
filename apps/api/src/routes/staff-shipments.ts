import { cancelShipment, requestShipment } from '@souk/core/fulfillment/request-shipment.ts'
import { loadLabel, loadShipment, type Shipment, shipmentsQuery } from '@souk/core/fulfillment/shipment.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import { enqueue } from '@souk/core/jobs.ts'
import { orderQueries, toOrder } from '@souk/core/orders/order.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import { newShipmentSchema, presentShipment, shipmentSchema } from '../wire/shipment.ts'

const orderParams = z.strictObject({ order_id: idSchema })
const params = z.strictObject({ shipment_id: idSchema })

/** Shipments by carrier plugins: asked for here, made by the worker. */
export function staffShipmentRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/orders/:order_id/shipments',
    {
      config: {
        gate: 'staff',
        scopes: ['fulfillment:write'],
        idempotency: 'required',
        summary: 'Send goods by a carrier plugin; label and tracking number follow',
      },
      schema: { params: orderParams, body: newShipmentSchema, response: { 202: shipmentSchema } },
    },
    async ({ inMerchant, params: { order_id }, body, principal, now, idempotency }, reply) => {
      const { install_id: installId, fulfillment_id: fulfillmentId, method, sender, parcels } = body
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const shipment = await requestShipment(
            tx,
            { orderId: order_id, installId, fulfillmentId, method, sender, parcels },
            { actor: principal.actor, now },
          )
          return { statusCode: 202, body: JSON.stringify(presentShipment(shipment)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/orders/:order_id/shipments',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: "List an order's shipments" },
      schema: { params: orderParams, response: { 200: z.strictObject({ data: z.array(shipmentSchema) }) } },
    },
    async ({ inMerchant, params: { order_id } }) => {
      const [shipments, ...order] = await inMerchant.readOnce((tx) => [
        shipmentsQuery(tx, { orderId: order_id }),
        ...orderQueries(tx, order_id),
      ])
      toOrder(order)
      return { data: (shipments as unknown as Shipment[]).map(presentShipment) }
    },
  )

  app.get(
    '/v1/admin/shipments/:shipment_id',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'Read a shipment' },
      schema: { params, response: { 200: shipmentSchema } },
    },
    async ({ inMerchant, params: { shipment_id } }) => presentShipment(await inMerchant.read((tx) => loadShipment(tx, shipment_id))),
  )

  app.get(
    '/v1/admin/shipments/:shipment_id/label',
    {
      config: { gate: 'staff', scopes: ['fulfillment:read'], summary: 'The label to print, as the carrier gave it' },
      schema: { params, response: { 200: z.any().meta({ description: 'A file' }) } },
    },
    async ({ inMerchant, params: { shipment_id } }, reply) => {
      const label = await inMerchant.read((tx) => loadLabel(tx, shipment_id))
      // A carrier's bytes are a file to keep, never a page of ours.
      return reply
        .header('content-type', label.type)
        .header('content-disposition', `attachment; filename="label-${shipment_id}"`)
        .header('x-content-type-options', 'nosniff')
        .send(label.bytes)
    },
  )

  changeRoutes(fastify)
}

function changeRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/shipments/:shipment_id/cancel',
    {
      config: { gate: 'staff', scopes: ['fulfillment:write'], summary: 'Call a shipment off, with the carrier too' },
      schema: { params, response: { 202: shipmentSchema } },
    },
    async ({ inMerchant, params: { shipment_id }, principal, now }, reply) => {
      const shipment = await inMerchant((tx) => cancelShipment(tx, shipment_id, { actor: principal.actor, now }))
      return reply.code(202).send(presentShipment(shipment))
    },
  )

  app.post(
    '/v1/admin/shipments/:shipment_id/track',
    {
      config: { gate: 'staff', scopes: ['fulfillment:write'], summary: 'Ask the carrier where it is, now' },
      schema: { params, response: { 202: shipmentSchema } },
    },
    async ({ inMerchant, params: { shipment_id } }, reply) => {
      const shipment = await inMerchant(async (tx) => {
        const found = await loadShipment(tx, shipment_id)
        await enqueue(tx, 'track_shipment', { shipmentId: shipment_id }, { key: shipment_id })
        return found
      })
      return reply.code(202).send(presentShipment(shipment))
    },
  )
}
