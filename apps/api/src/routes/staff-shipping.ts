import { once } from '@souk/core/idempotency/idempotency.ts'
import { assertCurrency } from '@souk/core/merchant/settings.ts'
import { importTable } from '@souk/core/shipping/import-methods.ts'
import { createMethod, deleteMethod, getMethod, listMethods, moveMethod, updateMethod } from '@souk/core/shipping/shipping-methods.ts'
import { createZone, deleteZone, getZone, listZones, updateZone } from '@souk/core/shipping/shipping-zones.ts'
import { tryShipping } from '@souk/core/shipping/try-shipping.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { idSchema } from '../wire/id.ts'
import {
  methodChangesSchema,
  moneyInMethod,
  moveSchema,
  newMethodSchema,
  newZoneSchema,
  presentMethod,
  presentTableImport,
  presentZone,
  readMethodChanges,
  readNewMethod,
  shippingMethodSchema,
  shippingZoneSchema,
  tableFileSchema,
  tableImportSchema,
  zoneChangesSchema,
} from '../wire/shipping.ts'
import { presentShippingTrial, readShippingTrial, shippingTrialSchema, triedShippingSchema } from '../wire/shipping-trial.ts'

const zoneParams = z.strictObject({ zone_id: idSchema })
const methodParams = z.strictObject({ method_id: idSchema })
const listed = <Item extends z.ZodType>(item: Item) => z.strictObject({ data: z.array(item) })

/** Shipping: zones, methods, and what would be offered. */
export function staffShippingRoutes(fastify: FastifyInstance): void {
  zoneRoutes(fastify)
  methodRoutes(fastify)
  methodChangeRoutes(fastify)
  trialRoutes(fastify)
}

function zoneRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/shipping-zones',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'List the shipping zones' },
      schema: { response: { 200: listed(shippingZoneSchema) } },
    },
    async ({ inMerchant }) => ({ data: (await inMerchant.read(listZones)).map(presentZone) }),
  )

  app.post(
    '/v1/admin/shipping-zones',
    {
      config: { gate: 'staff', scopes: ['settings:write'], idempotency: 'accepted', summary: 'Make a shipping zone' },
      schema: { body: newZoneSchema, response: { 201: shippingZoneSchema } },
    },
    async ({ inMerchant, body: { reason, ...zone }, principal: { actor }, now, idempotency }, reply) => {
      const make = async (tx: Parameters<typeof createZone>[0]) =>
        JSON.stringify(presentZone(await createZone(tx, zone, { actor, now, reason })))
      const answer = await inMerchant((tx) => once(tx, idempotency, async () => ({ statusCode: 201, body: await make(tx) })))
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/shipping-zones/:zone_id',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'Read a shipping zone' },
      schema: { params: zoneParams, response: { 200: shippingZoneSchema } },
    },
    async ({ inMerchant, params: { zone_id } }) => presentZone(await inMerchant.read((tx) => getZone(tx, zone_id))),
  )

  app.patch(
    '/v1/admin/shipping-zones/:zone_id',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Change a shipping zone; its places are replaced whole' },
      schema: { params: zoneParams, body: zoneChangesSchema, response: { 200: shippingZoneSchema } },
    },
    async ({ inMerchant, params: { zone_id }, body: { reason, ...changes }, principal: { actor }, now }) =>
      presentZone(await inMerchant((tx) => updateZone(tx, zone_id, changes, { actor, now, reason }))),
  )

  app.delete(
    '/v1/admin/shipping-zones/:zone_id',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Delete a shipping zone that no method is offered in' },
      schema: { params: zoneParams, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { zone_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteZone(tx, zone_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )
}

function methodRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/shipping-methods',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'List the shipping methods in the order in which buyers see them' },
      schema: { response: { 200: listed(shippingMethodSchema) } },
    },
    async ({ inMerchant }) => ({ data: (await inMerchant.read(listMethods)).map(presentMethod) }),
  )

  app.post(
    '/v1/admin/shipping-methods',
    {
      config: { gate: 'staff', scopes: ['settings:write'], idempotency: 'accepted', summary: 'Make a shipping method' },
      schema: { body: newMethodSchema, response: { 201: shippingMethodSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const make = async (tx: Parameters<typeof createMethod>[0]) => {
        await assertCurrency(tx, moneyInMethod(body))
        return JSON.stringify(presentMethod(await createMethod(tx, readNewMethod(body), { actor, now, reason: body.reason })))
      }
      const answer = await inMerchant((tx) => once(tx, idempotency, async () => ({ statusCode: 201, body: await make(tx) })))
      return sendStored(reply, answer)
    },
  )

  app.post(
    '/v1/admin/shipping-methods/imports',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Make a method of a table of rates; a second time it writes nothing' },
      schema: { body: tableFileSchema, response: { 200: tableImportSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now }) => {
      const { content, code, name, weight_unit: weightUnit, reason } = body
      return presentTableImport(await inMerchant((tx) => importTable(tx, { content, code, name, weightUnit }, { actor, now, reason })))
    },
  )

  app.get(
    '/v1/admin/shipping-methods/:method_id',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'Read a shipping method' },
      schema: { params: methodParams, response: { 200: shippingMethodSchema } },
    },
    async ({ inMerchant, params: { method_id } }) => presentMethod(await inMerchant.read((tx) => getMethod(tx, method_id))),
  )
}

function methodChangeRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.patch(
    '/v1/admin/shipping-methods/:method_id',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Change a shipping method' },
      schema: { params: methodParams, body: methodChangesSchema, response: { 200: shippingMethodSchema } },
    },
    async ({ inMerchant, params: { method_id }, body, principal: { actor }, now }) =>
      presentMethod(
        await inMerchant(async (tx) => {
          await assertCurrency(tx, moneyInMethod(body))
          return updateMethod(tx, method_id, readMethodChanges(body), { actor, now, reason: body.reason })
        }),
      ),
  )

  app.post(
    '/v1/admin/shipping-methods/:method_id/move',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Move a shipping method to another place in the order' },
      schema: { params: methodParams, body: moveSchema, response: { 200: listed(shippingMethodSchema) } },
    },
    async ({ inMerchant, params: { method_id }, body: { position, reason }, principal: { actor }, now }) => ({
      data: (await inMerchant((tx) => moveMethod(tx, method_id, position, { actor, now, reason }))).map(presentMethod),
    }),
  )

  app.delete(
    '/v1/admin/shipping-methods/:method_id',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Delete a shipping method' },
      schema: { params: methodParams, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { method_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteMethod(tx, method_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )
}

function trialRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/shipping/rates',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'Try: what shipping would be offered at which price, and why' },
      schema: { body: shippingTrialSchema, response: { 200: triedShippingSchema } },
    },
    async ({ inMerchant, body, now }) =>
      presentShippingTrial(
        await inMerchant.read(async (tx) => {
          await assertCurrency(tx, [{ pointer: '/subtotal', currency: body.subtotal.currency }])
          return tryShipping(tx, readShippingTrial(body, now))
        }),
      ),
  )
}
