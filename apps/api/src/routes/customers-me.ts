import { eraseCustomer } from '@souk/core/accounts/erase-customer.ts'
import { exportCustomer } from '@souk/core/accounts/export-customer.ts'
import { assertPassword, BUYER, changePassword, requestEmailChange } from '@souk/core/customers/accounts.ts'
import { updateCustomer } from '@souk/core/customers/change-customers.ts'
import { getCustomer } from '@souk/core/customers/customer.ts'
import { endSession, endSessions, type Session, sessionsOf } from '@souk/core/customers/sessions.ts'
import { listCustomerOrders, readCustomerOrder } from '@souk/core/orders/list-customer-orders.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { SignedInCustomer } from '../gates/principal.ts'
import type { Deps } from '../server.ts'
import {
  ACCEPTED,
  acceptedSchema,
  deviceSchema,
  emailChangeSchema,
  exportSchema,
  ownErasureSchema,
  passwordChangeSchema,
  presentDevice,
  presentProfile,
  profileChangesSchema,
  profileSchema,
} from '../wire/account.ts'
import { idSchema } from '../wire/id.ts'
import { orderSchema, orderSummarySchema, presentOrder, presentOrderSummary } from '../wire/order.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { customerAddressRoutes } from './customer-addresses.ts'
import { SignInLimits } from './sign-in.ts'

type MeDeps = Pick<Deps, 'principals' | 'tokenKeys'>

const config = (summary: string) => ({ gate: 'store', customer: 'required', summary }) as const
const ERASED_BY_THEMSELVES = 'by the customer'

/** What signed-in customers see and change of themselves. */
export function customersMeRoutes(fastify: FastifyInstance, deps: MeDeps): void {
  profileRoutes(fastify)
  passwordRoutes(fastify, deps)
  sessionListRoutes(fastify, deps)
  customerAddressRoutes(fastify)
  orderHistoryRoutes(fastify, deps)
}

function profileRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get('/v1/customers/me', { config: config('Who is signed in'), schema: { response: { 200: profileSchema } } }, async (request) => {
    const { id } = signedIn(request)
    return presentProfile(await request.inMerchant.read((tx) => getCustomer(tx, id)))
  })

  app.patch(
    '/v1/customers/me',
    { config: config('Change name and language'), schema: { body: profileChangesSchema, response: { 200: profileSchema } } },
    async (request) => {
      const { id } = signedIn(request)
      const by = { actor: BUYER, now: request.now }
      return presentProfile(await request.inMerchant((tx) => updateCustomer(tx, id, request.body, by)))
    },
  )

  app.get(
    '/v1/customers/me/export',
    { config: config('All that the shop knows of the customer'), schema: { response: { 200: exportSchema } } },
    async (request) => (await exportCustomer(request.inMerchant, signedIn(request).id, request.now)) as z.output<typeof exportSchema>,
  )
}

function passwordRoutes(fastify: FastifyInstance, { principals }: MeDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const limits = new SignInLimits()
  const guessing = <T>(request: FastifyRequest, work: () => Promise<T>) => {
    const account = `${request.inMerchant.merchant.id}|${signedIn(request).id}`
    return limits.attempt({ account, address: request.ip, now: request.now }, work)
  }

  app.post(
    '/v1/customers/me/password',
    { config: config('Change the password; all other sessions end'), schema: { body: passwordChangeSchema, response: { 204: z.null() } } },
    async (request, reply) => {
      const { id: customerId, sessionId } = signedIn(request)
      const { body, now } = request
      const given = { customerId, sessionId, password: body.password, newPassword: body.new_password, now }
      await guessing(request, () => changePassword(request.inMerchant, given))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/customers/me/email',
    {
      config: config('Ask to move to another address: it is mailed a token'),
      schema: { body: emailChangeSchema, response: { 202: acceptedSchema } },
    },
    async (request, reply) => {
      const given = { customerId: signedIn(request).id, ...request.body, now: request.now }
      await guessing(request, () => requestEmailChange(request.inMerchant, given))
      return reply.code(202).send(ACCEPTED)
    },
  )

  app.post(
    '/v1/customers/me/erasure',
    { config: config('Be forgotten; this cannot be undone'), schema: { body: ownErasureSchema, response: { 204: z.null() } } },
    async (request, reply) => {
      const { id, sessionId } = signedIn(request)
      const { inMerchant, body, now } = request
      await guessing(request, () => assertPassword(inMerchant, id, body.password))
      await inMerchant((tx) =>
        eraseCustomer(tx, id, { reason: ERASED_BY_THEMSELVES, force: false, forfeit: body.forfeit_store_credit, actor: BUYER, now }),
      )
      principals.forgetSession(inMerchant.merchant.id, sessionId)
      return reply.code(204).send(null)
    },
  )
}

function sessionListRoutes(fastify: FastifyInstance, { principals }: MeDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/customers/me/sessions',
    { config: config('Where the customer is signed in'), schema: { response: { 200: z.strictObject({ data: z.array(deviceSchema) }) } } },
    async (request) => {
      const { id: customerId, sessionId } = signedIn(request)
      const [rows] = await request.inMerchant.readOnce((tx) => [sessionsOf(tx, { customerId, now: request.now })])
      return { data: (rows as unknown as Session[]).map((session) => presentDevice(session, sessionId)) }
    },
  )

  app.delete(
    '/v1/customers/me/sessions',
    { config: config('Sign out everywhere'), schema: { response: { 204: z.null() } } },
    async (request, reply) => {
      const { id: customerId, sessionId } = signedIn(request)
      const { inMerchant, now } = request
      await inMerchant((tx) => endSessions(tx, { customerId, reason: 'signed_out', now }))
      principals.forgetSession(inMerchant.merchant.id, sessionId)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/v1/customers/me/sessions/:session_id',
    {
      config: config('Sign out one device'),
      schema: { params: z.strictObject({ session_id: idSchema }), response: { 204: z.null() } },
    },
    async (request, reply) => {
      const { inMerchant, now, params } = request
      await inMerchant((tx) => endSession(tx, { customerId: signedIn(request).id, sessionId: params.session_id, now }))
      principals.forgetSession(inMerchant.merchant.id, params.session_id)
      return reply.code(204).send(null)
    },
  )
}

function orderHistoryRoutes(fastify: FastifyInstance, { tokenKeys }: MeDeps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/customers/me/orders',
    {
      config: config('The customer’s orders, the newest first'),
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(orderSummarySchema) } },
    },
    async (request) => {
      const page = { customerId: signedIn(request).id, ...request.query }
      const { orders, nextCursor } = await request.inMerchant.read((tx) => listCustomerOrders(tx, tokenKeys, page))
      return { data: orders.map(presentOrderSummary), next_cursor: nextCursor }
    },
  )

  app.get(
    '/v1/customers/me/orders/:own_order_id',
    {
      config: config('One of the customer’s orders'),
      schema: { params: z.strictObject({ own_order_id: idSchema }), response: { 200: orderSchema } },
    },
    async (request) => {
      const asked = { customerId: signedIn(request).id, orderId: request.params.own_order_id }
      return presentOrder(await request.inMerchant.read((tx) => readCustomerOrder(tx, asked)))
    },
  )
}

function signedIn(request: Pick<FastifyRequest, 'customer'>): SignedInCustomer {
  return request.customer!
}
