import { eraseCustomer } from '@souk/core/accounts/erase-customer.ts'
import { exportCustomer } from '@souk/core/accounts/export-customer.ts'
import { AUDIT_REASON_BYTES_MAX } from '@souk/core/audit/record-audit.ts'
import type { TokenKeys } from '@souk/core/capability.ts'
import { createCustomer, deleteCustomer, updateCustomer } from '@souk/core/customers/change-customers.ts'
import { getCustomer } from '@souk/core/customers/customer.ts'
import { customerToken } from '@souk/core/customers/customer-token.ts'
import { CUSTOMER_TOKEN_SECONDS, CUSTOMER_TOKEN_SECONDS_MAX } from '@souk/core/customers/limits.ts'
import { listCustomers } from '@souk/core/customers/list-customers.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { exportSchema } from '../wire/account.ts'
import {
  customerChangesSchema,
  customerSchema,
  newCustomerSchema,
  presentCustomer,
  readCustomerChanges,
  readNewCustomer,
} from '../wire/customer.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { emailSchema, proseSchema } from '../wire/text.ts'
import { timeSchema } from '../wire/time.ts'

const params = z.strictObject({ customer_id: idSchema })
const erasureSchema = z.strictObject({
  reason: proseSchema(AUDIT_REASON_BYTES_MAX),
  force: z
    .boolean()
    .default(false)
    .meta({ description: 'Also while orders are under way: they lose the addresses they would go to; and store credit is given up.' }),
})
const newToken = z.strictObject({
  expires_in: z
    .number()
    .int('quantity_out_of_range')
    .min(60, 'quantity_out_of_range')
    .max(CUSTOMER_TOKEN_SECONDS_MAX, 'quantity_out_of_range')
    .default(CUSTOMER_TOKEN_SECONDS)
    .meta({ description: 'Seconds.' }),
})
const tokenSchema = z.strictObject({
  customer_token: z.string().meta({ description: 'Passed by the storefront as `customer_token` when it opens or changes a cart.' }),
  expires_at: timeSchema,
})

/** Whom the merchant knows. */
export function staffCustomerRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/customers',
    {
      config: { gate: 'staff', scopes: ['customers:read'], summary: 'List customers, the newest first' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, email: emailSchema.optional(), group_id: idSchema.optional() }),
        response: { 200: pageOf(customerSchema) },
      },
    },
    async ({ inMerchant, query: { group_id: groupId, ...page } }) => {
      const { customers, nextCursor } = await inMerchant.read((tx) => listCustomers(tx, keys, { ...page, groupId }))
      return { data: customers.map(presentCustomer), next_cursor: nextCursor }
    },
  )

  app.post(
    '/v1/admin/customers',
    {
      config: { gate: 'staff', scopes: ['customers:write'], addsRows: true, idempotency: 'accepted', summary: 'Write down a customer' },
      schema: { body: newCustomerSchema, response: { 201: customerSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => {
          const customer = await createCustomer(tx, readNewCustomer(body), { actor, now })
          return { statusCode: 201, body: JSON.stringify(presentCustomer(customer)) }
        }),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/customers/:customer_id',
    {
      config: { gate: 'staff', scopes: ['customers:read'], summary: 'Read a customer' },
      schema: { params, response: { 200: customerSchema } },
    },
    async ({ inMerchant, params: { customer_id } }) => presentCustomer(await inMerchant.read((tx) => getCustomer(tx, customer_id))),
  )

  app.patch(
    '/v1/admin/customers/:customer_id',
    {
      config: { gate: 'staff', scopes: ['customers:write'], summary: 'Change a customer' },
      schema: { params, body: customerChangesSchema, response: { 200: customerSchema } },
    },
    async ({ inMerchant, params: { customer_id }, body, principal: { actor }, now }) =>
      presentCustomer(await inMerchant((tx) => updateCustomer(tx, customer_id, readCustomerChanges(body), { actor, now }))),
  )

  app.delete(
    '/v1/admin/customers/:customer_id',
    {
      config: { gate: 'staff', scopes: ['customers:write'], summary: 'Forget a customer; the orders stay' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { customer_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteCustomer(tx, customer_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )

  personRoutes(fastify)
  tokenRoute(fastify, keys)
}

/** What a person may ask of a merchant: to see everything, and to be forgotten. */
function personRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/customers/:customer_id/export',
    {
      config: { gate: 'staff', scopes: ['customers:read', 'orders:read'], summary: 'All that the shop knows of a customer' },
      schema: { params, response: { 200: exportSchema } },
    },
    async ({ inMerchant, params: { customer_id }, now }) =>
      (await exportCustomer(inMerchant, customer_id, now)) as z.output<typeof exportSchema>,
  )

  app.post(
    '/v1/admin/customers/:customer_id/erasure',
    {
      config: {
        gate: 'staff',
        scopes: ['customers:write', 'orders:write'],
        summary: 'Forget a person for good: contacts on orders go as well',
      },
      schema: { params, body: erasureSchema, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { customer_id }, body, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => eraseCustomer(tx, customer_id, { ...body, forfeit: body.force, actor, now }))
      return reply.code(204).send(null)
    },
  )
}

function tokenRoute(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/customers/:customer_id/tokens',
    {
      config: { gate: 'staff', scopes: ['customers:write'], summary: 'Make a token by which the storefront says whose a cart is' },
      schema: { params, body: newToken, response: { 201: tokenSchema } },
    },
    async ({ inMerchant, params: { customer_id }, body, now }, reply) => {
      const { id: customerId } = await inMerchant.read((tx) => getCustomer(tx, customer_id))
      const expiresAt = new Date(now.getTime() + body.expires_in * 1_000)
      const token = customerToken(keys, inMerchant.merchant.id, { customerId, expiresAt })
      return reply.code(201).send({ customer_token: token, expires_at: expiresAt.toISOString() })
    },
  )
}
