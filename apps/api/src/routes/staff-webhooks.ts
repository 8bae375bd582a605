import { SecretBox } from '@souk/core/secret-box.ts'
import {
  createEndpoint,
  deleteEndpoint,
  headerNames,
  requireUrl,
  rotateSecret,
  testEndpoint,
  updateEndpoint,
  type WebhookDeps,
} from '@souk/core/webhooks/change-endpoints.ts'
import { listEndpoints, readEndpoint, type WebhookEndpoint } from '@souk/core/webhooks/endpoints.ts'
import { WEBHOOK_SECRETS_PURPOSE } from '@souk/core/webhooks/secrets.ts'
import { receiverUrlFault } from '@souk/public-net/receiver-url.ts'
import type { InMerchant, Router } from '@souk/tenant-router/router.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import {
  endpointChangesSchema,
  endpointSchema,
  endpointsSchema,
  endpointWithSecretSchema,
  newEndpointSchema,
  presentEndpoint,
  reasonBody,
} from '../wire/webhook.ts'

const params = z.strictObject({ endpoint_id: idSchema })
const READ = { gate: 'staff', scopes: ['webhooks:read'] } as const
const WRITE = { gate: 'staff', scopes: ['webhooks:write'] } as const

/** Where a merchant is told of what happens in its shop. */
export function staffWebhookRoutes(fastify: FastifyInstance, { router, baseDomain, tokenKeys, quotas }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const deps: WebhookDeps = {
    box: new SecretBox(tokenKeys, WEBHOOK_SECRETS_PURPOSE),
    urlFault: (url) => faultOf(url, router, baseDomain),
  }
  const present = (inMerchant: InMerchant, endpoint: WebhookEndpoint) =>
    presentEndpoint(endpoint, headerNames(deps, inMerchant.merchant.id, endpoint))

  app.get(
    '/v1/admin/webhook-endpoints',
    { config: { ...READ, summary: 'List webhook endpoints' }, schema: { response: { 200: endpointsSchema } } },
    async ({ inMerchant }) => {
      const endpoints = await inMerchant.read(listEndpoints)
      return { data: endpoints.map((endpoint) => present(inMerchant, endpoint)) }
    },
  )

  app.post(
    '/v1/admin/webhook-endpoints',
    {
      config: { ...WRITE, summary: 'Add a webhook endpoint; its secret is shown this once' },
      schema: { body: newEndpointSchema, response: { 201: endpointWithSecretSchema } },
    },
    async ({ inMerchant, principal: { actor }, body, now }, reply) => {
      const { events: eventTypes, payload_version: payloadVersion, reason, ...given } = body
      const url = await requireUrl(deps, inMerchant.merchant, given.url)
      const endpointsMax = quotas.plans.limitsOf(inMerchant.merchant.id).webhooks?.endpoints
      const { endpoint, secret } = await inMerchant((tx) =>
        createEndpoint(tx, deps, { ...given, url, eventTypes, payloadVersion, endpointsMax }, { actor, now, reason }),
      )
      return reply.code(201).send({ ...present(inMerchant, endpoint), secret })
    },
  )

  app.get(
    '/v1/admin/webhook-endpoints/:endpoint_id',
    { config: { ...READ, summary: 'Read a webhook endpoint' }, schema: { params, response: { 200: endpointSchema } } },
    async ({ inMerchant, params: { endpoint_id } }) => present(inMerchant, await inMerchant.read((tx) => readEndpoint(tx, endpoint_id))),
  )

  app.patch(
    '/v1/admin/webhook-endpoints/:endpoint_id',
    {
      config: {
        ...WRITE,
        summary: 'Change a webhook endpoint: other events and another payload version count for what happens from now on',
      },
      schema: { params, body: endpointChangesSchema, response: { 200: endpointSchema } },
    },
    async ({ inMerchant, principal: { actor }, params: { endpoint_id }, body, now }) => {
      const { events: eventTypes, payload_version: payloadVersion, reason, ...changes } = body
      const url = changes.url === undefined ? undefined : await requireUrl(deps, inMerchant.merchant, changes.url)
      const changed = { ...changes, url, eventTypes, payloadVersion }
      return present(inMerchant, await inMerchant((tx) => updateEndpoint(tx, deps, endpoint_id, changed, { actor, now, reason })))
    },
  )

  app.delete(
    '/v1/admin/webhook-endpoints/:endpoint_id',
    {
      config: { ...WRITE, summary: 'Delete a webhook endpoint; what it was not told of yet it never will be' },
      schema: { params, response: { 204: z.null() } },
    },
    async ({ inMerchant, principal: { actor }, params: { endpoint_id }, now }, reply) => {
      await inMerchant((tx) => deleteEndpoint(tx, endpoint_id, { actor, now, reason: '' }))
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/v1/admin/webhook-endpoints/:endpoint_id/rotate-secret',
    {
      config: { ...WRITE, summary: 'Give it a new secret, shown this once; the old one signs beside it for a day' },
      schema: { params, body: reasonBody, response: { 200: endpointWithSecretSchema } },
    },
    async ({ inMerchant, principal: { actor }, params: { endpoint_id }, body: { reason }, now }) => {
      const { endpoint, secret } = await inMerchant((tx) => rotateSecret(tx, deps, endpoint_id, { actor, now, reason }))
      return { ...present(inMerchant, endpoint), secret }
    },
  )

  app.post(
    '/v1/admin/webhook-endpoints/:endpoint_id/test',
    {
      config: { ...WRITE, summary: 'Send it a `webhook.test` event; what comes of it is in its deliveries' },
      schema: { params, response: { 202: endpointSchema } },
    },
    async ({ inMerchant, principal: { actor }, params: { endpoint_id }, now }, reply) => {
      await inMerchant((tx) => testEndpoint(tx, endpoint_id, { actor, now }))
      return reply.code(202).send(present(inMerchant, await inMerchant.read((tx) => readEndpoint(tx, endpoint_id))))
    },
  )
}

/** Any name that this platform answers to would be a loop. */
async function faultOf(url: string, router: Router, baseDomain: string): Promise<string | undefined> {
  const isOwn = (host: string) => host === baseDomain || host.endsWith(`.${baseDomain}`)
  const fault = receiverUrlFault(url, isOwn)
  if (fault !== undefined) return fault
  const known = await router.directory.byHost(new URL(url).hostname)
  return known ? 'This is a host of this platform itself.' : undefined
}
