import { componentsOf, setComponents } from '@souk/core/stock/bundles.ts'
import { changeLocation, createLocation, listLocations } from '@souk/core/stock/locations.ts'
import { changeReservationSettings, reservationSettings } from '@souk/core/stock/reservation-settings.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idSchema } from '../wire/id.ts'
import {
  bundleSchema,
  locationChangesSchema,
  locationSchema,
  newLocationSchema,
  presentBundle,
  presentLocation,
  presentReservationSettings,
  reservationChangesSchema,
  reservationSettingsSchema,
  toComponents,
} from '../wire/location.ts'

/** Where goods are, for how long they are kept for buyers, and which are put together of others. */
export function staffLocationRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/locations',
    {
      config: { gate: 'staff', scopes: ['stock:read'], summary: 'List the locations, those that serve first before the others' },
      schema: { response: { 200: z.strictObject({ data: z.array(locationSchema) }) } },
    },
    async ({ inMerchant }) => ({ data: (await inMerchant.read((tx) => listLocations(tx))).map(presentLocation) }),
  )

  app.post(
    '/v1/admin/locations',
    {
      config: { gate: 'staff', scopes: ['stock:write'], addsRows: true, summary: 'Open a location' },
      schema: { body: newLocationSchema, response: { 201: locationSchema } },
    },
    async ({ inMerchant, principal: { actor }, body, now }, reply) =>
      reply.code(201).send(presentLocation(await inMerchant((tx) => createLocation(tx, body, { actor, now })))),
  )

  app.patch(
    '/v1/admin/locations/:location_id',
    {
      config: { gate: 'staff', scopes: ['stock:write'], summary: 'Change a location, or sell nothing of it for a while' },
      schema: { params: z.strictObject({ location_id: idSchema }), body: locationChangesSchema, response: { 200: locationSchema } },
    },
    async ({ inMerchant, principal: { actor }, params: { location_id }, body, now }) =>
      presentLocation(await inMerchant((tx) => changeLocation(tx, location_id, body, { actor, now }))),
  )

  app.get(
    '/v1/admin/reservation-settings',
    {
      config: { gate: 'staff', scopes: ['settings:read'], summary: 'For how long goods are kept for buyers' },
      schema: { response: { 200: reservationSettingsSchema } },
    },
    async ({ inMerchant }) => presentReservationSettings(await inMerchant.read((tx) => reservationSettings(tx))),
  )

  app.patch(
    '/v1/admin/reservation-settings',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Say for how long goods are kept for buyers' },
      schema: { body: reservationChangesSchema, response: { 200: reservationSettingsSchema } },
    },
    async ({ inMerchant, principal: { actor }, body, now }) => {
      const changes = { reserveInCart: body.reserve_in_cart, cartMinutes: body.cart_minutes, paymentMinutes: body.payment_minutes }
      return presentReservationSettings(await inMerchant((tx) => changeReservationSettings(tx, changes, { actor, now })))
    },
  )

  app.get(
    '/v1/admin/bundles/:bundle_id',
    {
      config: {
        gate: 'staff',
        scopes: ['stock:read'],
        summary: 'What a variant is put together of, by its id; nothing if it is no bundle',
      },
      schema: { params: z.strictObject({ bundle_id: idSchema }), response: { 200: bundleSchema } },
    },
    async ({ inMerchant, params: { bundle_id } }) => presentBundle(await inMerchant.read((tx) => componentsOf(tx, bundle_id))),
  )

  app.put(
    '/v1/admin/bundles/:bundle_id',
    {
      config: { gate: 'staff', scopes: ['stock:write'], summary: 'Make a variant a bundle of others, or none any more' },
      schema: { params: z.strictObject({ bundle_id: idSchema }), body: bundleSchema, response: { 200: bundleSchema } },
    },
    async ({ inMerchant, principal: { actor }, params: { bundle_id }, body, now }) =>
      presentBundle(await inMerchant((tx) => setComponents(tx, bundle_id, toComponents(body), { actor, now }))),
  )
}
