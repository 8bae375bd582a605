import { CHALLENGE_PREFIX, type Domain, Domains } from '@souk/platform/domains.ts'
import { Merchants } from '@souk/platform/merchants.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { timeSchema } from '../wire/time.ts'

const HOST_LENGTH_MAX = 253

const domain = z
  .object({
    host: z.string(),
    verified_at: timeSchema.nullable(),
    created_at: timeSchema,
    challenge: z.object({ type: z.literal('TXT'), name: z.string(), value: z.string() }),
  })
  .meta({ id: 'Domain' })
const host = z.string().max(HOST_LENGTH_MAX, 'host_not_allowed').toLowerCase()
const hostParameter = z
  .string()
  .max(HOST_LENGTH_MAX, 'invalid_id')
  .regex(/^[a-z0-9.-]+$/, 'invalid_id')
const ofMerchant = z.strictObject({ merchant_id: idSchema })
const ofDomain = z.strictObject({ merchant_id: idSchema, host: hostParameter })

/** A merchant's own host names. */
export function platformDomainRoutes(fastify: FastifyInstance, deps: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  const merchants = new Merchants(deps.platformSql)
  const domains = new Domains(deps.platformSql, deps.baseDomain, deps.resolveTxt)

  app.get(
    '/v1/merchants/:merchant_id/domains',
    {
      config: { gate: 'platform', scopes: ['merchants:read'], summary: "List a merchant's own domains" },
      schema: { params: ofMerchant, response: { 200: z.object({ data: z.array(domain) }) } },
    },
    async ({ params: { merchant_id } }) => {
      await merchants.find(merchant_id)
      return { data: (await domains.list(merchant_id)).map(presentDomain) }
    },
  )

  app.post(
    '/v1/merchants/:merchant_id/domains',
    {
      config: { gate: 'platform', scopes: ['merchants:write'], summary: 'Add a domain; it is served once its DNS record is verified' },
      schema: { params: ofMerchant, body: z.strictObject({ host }), response: { 201: domain } },
    },
    async ({ params: { merchant_id }, body, principal, now }, reply) => {
      await merchants.find(merchant_id)
      return reply.code(201).send(presentDomain(await domains.add(merchant_id, body.host, { adminId: principal.id, now })))
    },
  )

  app.post(
    '/v1/merchants/:merchant_id/domains/:host/verify',
    {
      config: { gate: 'platform', scopes: ['merchants:write'], summary: 'Look for the DNS record' },
      schema: { params: ofDomain, response: { 200: domain } },
    },
    async ({ params, principal, now }) =>
      presentDomain(await domains.verify(params.merchant_id, params.host, { adminId: principal.id, now })),
  )

  app.delete(
    '/v1/merchants/:merchant_id/domains/:host',
    {
      config: { gate: 'platform', scopes: ['merchants:write'], summary: 'Remove a domain' },
      schema: { params: ofDomain, response: { 204: z.null() } },
    },
    async ({ params, principal, now }, reply) => {
      await domains.remove(params.merchant_id, params.host, { adminId: principal.id, now })
      return reply.code(204).send(null)
    },
  )
}

function presentDomain(entry: Domain): z.output<typeof domain> {
  return {
    host: entry.host,
    verified_at: entry.verifiedAt?.toISOString() ?? null,
    created_at: entry.createdAt.toISOString(),
    challenge: { type: 'TXT', name: CHALLENGE_PREFIX + entry.host, value: entry.challenge },
  }
}
