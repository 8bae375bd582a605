import { type ApiKey, createApiKey, listApiKeys, revokeApiKey } from '@souk/core/merchant/api-keys.ts'
import { SCOPES } from '@souk/core/merchant/scopes.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { idSchema } from '../wire/id.ts'
import { pageOf, pageQuery } from '../wire/page.ts'
import { textSchema } from '../wire/text.ts'
import { givenTimeSchema, timeSchema } from '../wire/time.ts'

const NAME_LENGTH_MAX = 100

const scope = z.enum(SCOPES)
const apiKey = z
  .object({
    id: idSchema,
    name: z.string(),
    scopes: z.array(scope),
    created_by: idSchema.nullable(),
    created_at: timeSchema,
    expires_at: timeSchema.nullable(),
    revoked_at: timeSchema.nullable(),
  })
  .meta({ id: 'ApiKey' })
const newKey = z.strictObject({
  name: textSchema(NAME_LENGTH_MAX),
  scopes: z
    .array(scope)
    .min(1)
    .max(SCOPES.length)
    .refine((scopes) => new Set(scopes).size === scopes.length),
  expires_at: givenTimeSchema.nullable().default(null),
})
const params = z.strictObject({ key_id: idSchema })

/** The merchant's API keys. */
export function staffApiKeyRoutes(fastify: FastifyInstance, { principals, tokenKeys }: Deps): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()
  app.get(
    '/v1/admin/api-keys',
    {
      config: { gate: 'staff', scopes: ['keys:write'], summary: 'List API keys' },
      schema: { querystring: z.strictObject(pageQuery), response: { 200: pageOf(apiKey) } },
    },
    async ({ inMerchant, query }) => {
      const page = await inMerchant.read((tx) => listApiKeys(tx, tokenKeys, query))
      return { data: page.keys.map(presentKey), next_cursor: page.nextCursor }
    },
  )

  app.post(
    '/v1/admin/api-keys',
    {
      config: { gate: 'staff', scopes: ['keys:write'], summary: 'Make an API key; its secret is shown this once' },
      schema: { body: newKey, response: { 201: apiKey.extend({ secret: z.string() }) } },
    },
    async ({ inMerchant, principal, body, now }, reply) => {
      const { key, token } = await inMerchant((tx) =>
        createApiKey(tx, principal, {
          name: body.name,
          scopes: body.scopes,
          expiresAt: body.expires_at === null ? null : new Date(body.expires_at),
          now,
        }),
      )
      return reply.code(201).send({ ...presentKey(key), secret: token })
    },
  )

  app.delete(
    '/v1/admin/api-keys/:key_id',
    { config: { gate: 'staff', scopes: ['keys:write'], summary: 'Revoke an API key' }, schema: { params, response: { 204: z.null() } } },
    async ({ inMerchant, principal, params: { key_id }, now }, reply) => {
      await inMerchant((tx) => revokeApiKey(tx, { id: key_id, actor: principal.actor, now }))
      principals.forgetKey(inMerchant.merchant.id, key_id)
      return reply.code(204).send(null)
    },
  )
}

function presentKey(key: ApiKey): z.output<typeof apiKey> {
  return {
    id: key.id,
    name: key.name,
    scopes: key.scopes,
    created_by: key.createdBy,
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  }
}
