import { createGroup, deleteGroup, getGroup, joinGroup, leaveGroup, listGroups, renameGroup } from '@souk/core/customers/groups.ts'
import { GROUP_NAME_GRAPHEMES_MAX } from '@souk/core/customers/limits.ts'
import { once } from '@souk/core/idempotency/idempotency.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { sendStored } from '../stored-answer.ts'
import { customerSchema, groupSchema, presentCustomer } from '../wire/customer.ts'
import { givenHandleSchema, idSchema } from '../wire/id.ts'
import { textSchema } from '../wire/text.ts'

const params = z.strictObject({ group_id: idSchema })
const memberParams = z.strictObject({ group_id: idSchema, customer_id: idSchema })
const name = textSchema(GROUP_NAME_GRAPHEMES_MAX)

/** Groups of customers, which rules name by their handles. */
export function staffCustomerGroupRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/customer-groups',
    {
      config: { gate: 'staff', scopes: ['customers:read'], summary: 'List the groups of customers' },
      schema: { response: { 200: z.strictObject({ data: z.array(groupSchema) }) } },
    },
    async ({ inMerchant }) => ({ data: await inMerchant.read(listGroups) }),
  )

  app.post(
    '/v1/admin/customer-groups',
    {
      config: { gate: 'staff', scopes: ['customers:write'], addsRows: true, idempotency: 'accepted', summary: 'Make a group of customers' },
      schema: { body: z.strictObject({ name, handle: givenHandleSchema.optional() }), response: { 201: groupSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now, idempotency }, reply) => {
      const answer = await inMerchant((tx) =>
        once(tx, idempotency, async () => ({ statusCode: 201, body: JSON.stringify(await createGroup(tx, body, { actor, now })) })),
      )
      return sendStored(reply, answer)
    },
  )

  app.get(
    '/v1/admin/customer-groups/:group_id',
    {
      config: { gate: 'staff', scopes: ['customers:read'], summary: 'Read a group' },
      schema: { params, response: { 200: groupSchema } },
    },
    async ({ inMerchant, params: { group_id } }) => inMerchant.read((tx) => getGroup(tx, group_id)),
  )

  app.patch(
    '/v1/admin/customer-groups/:group_id',
    {
      config: { gate: 'staff', scopes: ['customers:write'], summary: 'Give a group another name' },
      schema: { params, body: z.strictObject({ name }), response: { 200: groupSchema } },
    },
    async ({ inMerchant, params: { group_id }, body, principal: { actor }, now }) =>
      inMerchant((tx) => renameGroup(tx, group_id, body.name, { actor, now })),
  )

  app.delete(
    '/v1/admin/customer-groups/:group_id',
    {
      config: { gate: 'staff', scopes: ['customers:write'], summary: 'Delete a group; its customers stay' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { group_id }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteGroup(tx, group_id, { actor, now }))
      return reply.code(204).send(null)
    },
  )

  memberRoutes(fastify)
}

function memberRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/customer-groups/:group_id/members',
    {
      config: { gate: 'staff', scopes: ['customers:write'], addsRows: true, summary: 'Take a customer into a group' },
      schema: { params, body: z.strictObject({ customer_id: idSchema }), response: { 200: customerSchema } },
    },
    async ({ inMerchant, params: { group_id: groupId }, body: { customer_id: customerId }, principal: { actor }, now }) =>
      presentCustomer(await inMerchant((tx) => joinGroup(tx, { groupId, customerId }, { actor, now }))),
  )

  app.delete(
    '/v1/admin/customer-groups/:group_id/members/:customer_id',
    {
      config: { gate: 'staff', scopes: ['customers:write'], summary: 'Take a customer out of a group' },
      schema: { params: memberParams, response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { group_id: groupId, customer_id: customerId }, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => leaveGroup(tx, { groupId, customerId }, { actor, now }))
      return reply.code(204).send(null)
    },
  )
}
