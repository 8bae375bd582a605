import { addAddress, changeAddress, listAddresses, removeAddress } from '@souk/core/customers/addresses.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  newSavedAddressSchema,
  presentSavedAddress,
  savedAddressChangesSchema,
  savedAddressesSchema,
  savedAddressSchema,
} from '../wire/account.ts'
import { idSchema } from '../wire/id.ts'

const config = (summary: string) => ({ gate: 'store', customer: 'required', summary }) as const
const params = z.strictObject({ address_id: idSchema })

/** The addresses that a customer has saved. */
export function customerAddressRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/customers/me/addresses',
    { config: config('The saved addresses'), schema: { response: { 200: savedAddressesSchema } } },
    async ({ inMerchant, customer }) => {
      const addresses = await inMerchant.read((tx) => listAddresses(tx, customer!.id))
      return { data: addresses.map(presentSavedAddress) }
    },
  )

  app.post(
    '/v1/customers/me/addresses',
    {
      config: config('Save an address; the first one is the default'),
      schema: { body: newSavedAddressSchema, response: { 201: savedAddressSchema } },
    },
    async ({ inMerchant, customer, body, now }, reply) => {
      const input = { address: body.address, defaultShipping: body.default_shipping, defaultBilling: body.default_billing, now }
      return reply.code(201).send(presentSavedAddress(await inMerchant((tx) => addAddress(tx, customer!.id, input))))
    },
  )

  app.patch(
    '/v1/customers/me/addresses/:address_id',
    { config: config('Change an address'), schema: { params, body: savedAddressChangesSchema, response: { 200: savedAddressSchema } } },
    async ({ inMerchant, customer, params: { address_id }, body, now }) => {
      const { address, default_shipping: defaultShipping, default_billing: defaultBilling } = body
      const changes = { ...(address && { address }), defaultShipping, defaultBilling, now }
      return presentSavedAddress(await inMerchant((tx) => changeAddress(tx, customer!.id, address_id, changes)))
    },
  )

  app.delete(
    '/v1/customers/me/addresses/:address_id',
    { config: config('Forget an address'), schema: { params, response: { 204: z.null() } } },
    async ({ inMerchant, customer, params: { address_id } }, reply) => {
      await inMerchant((tx) => removeAddress(tx, customer!.id, address_id))
      return reply.code(204).send(null)
    },
  )
}
