import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { Gate } from './gates/route-config.ts'
import { PROBLEM_TYPE_BASE } from './problems.ts'

export const REFERENCE_PREFIX = '/docs'

type Config = NonNullable<RouteOptions['config']>

const zodOptions = { zodToJsonConfig: { unrepresentable: 'any' as const } }
const PROBLEM_STATUSES: Record<Gate, number[]> = {
  public: [400, 503],
  store: [400, 404, 421, 429, 503],
  staff: [400, 401, 403, 404, 421, 429, 503],
  platform: [400, 401, 403, 404, 421, 503],
  'platform-public': [400, 404, 421, 429, 503],
}
const TITLES: Record<number, string> = {
  400: 'The request is malformed',
  401: 'The credentials are missing or not good',
  402: 'The payment was declined',
  403: 'The principal may not do this',
  404: 'There is no such thing',
  409: 'The state of things does not allow it',
  413: 'The body is too large',
  415: 'The body is of another media type',
  421: 'No merchant is served at this host',
  422: 'A value is out of range, or the key was used for another request',
  429: 'Too many requests',
  503: 'Try again later',
}

const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string', format: 'uri', description: `${PROBLEM_TYPE_BASE} and a slug that is listed in docs/problems.md` },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'code'],
        properties: { pointer: { type: 'string' }, code: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
}

/** Describes every route from the schemas that check it, at /openapi.json, with a readable reference beside it. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.1',
      info: { title: 'Souk', version: '1', description: INTRODUCTION },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          access_token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT or API key' },
          customer_token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT of a signed-in customer' },
          cart_token: { type: 'apiKey', in: 'header', name: 'Cart-Token' },
          order_token: { type: 'apiKey', in: 'header', name: 'Order-Token' },
        },
        schemas: { Problem: problemSchema as never },
      },
    },
    transform: (document) => {
      const described = createJsonSchemaTransform(zodOptions)(document as never) as { schema: Record<string, unknown>; url: string }
      if (document.url.startsWith(REFERENCE_PREFIX)) return { schema: { ...described.schema, hide: true }, url: document.url }
      return { schema: completed(described.schema, document.route), url: described.url }
    },
    transformObject: (document) => withoutUnused(createJsonSchemaTransformObject(zodOptions)(document as never) as Described) as never,
  })
  await app.register(swaggerUi, { routePrefix: REFERENCE_PREFIX, staticCSP: true })
}

const INTRODUCTION = `Money is \`{ "amount": <minor units>, "currency": "EUR" }\`. Times are RFC 3339 in UTC. Lists take \`limit\` and \`cursor\`.
The host decides the merchant: \`{slug}.{base domain}\` or the merchant's own domain; clients that cannot use subdomains call the
host \`api.{base domain}\` with \`X-Merchant-Id\`. Every refusal is a problem document.`

/** Adds what the route's config says: tag, credentials, headers, and the problems it may answer. */
function completed(schema: Record<string, unknown>, route: RouteOptions): Record<string, unknown> {
  const config = (route.config ?? {}) as Config
  const gate = config.gate ?? 'public'
  return {
    ...schema,
    summary: config.summary,
    operationId: operationId(route),
    tags: [tagOf(gate, route.url)],
    security: securityOf(config),
    ...(config.idempotency && { headers: withIdempotencyKey(config.idempotency) }),
    // Read as a stream, and therefore without a schema of its own.
    ...(config.bodyType && { consumes: [config.bodyType], body: { type: 'string', format: 'binary' } }),
    response: { ...described(schema.response as Record<string, unknown>), ...problems(config, route) },
  }
}

function described(responses: Record<string, unknown> = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, schema]) => [
      status,
      { description: status === '204' ? 'Done' : 'Success', ...(schema as object) },
    ]),
  )
}

function problems(config: Config, route: RouteOptions): Record<string, unknown> {
  const statuses = new Set(PROBLEM_STATUSES[config.gate ?? 'public'])
  if (route.schema?.body || config.bodyType) for (const status of [409, 413, 415, 422]) statuses.add(status)
  if (config.idempotency) for (const status of [409, 422]) statuses.add(status)
  if (/\/(checkout|orders\/:order_id\/payments)$/.test(route.url)) statuses.add(402)
  if (config.capability || config.customer) statuses.add(401)
  if (/\/(sessions|password)$/.test(route.url)) for (const status of [401, 429]) statuses.add(status)
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries([...statuses].map((status) => [status, { description: TITLES[status], content }]))
}

function securityOf(config: Config): Record<string, string[]>[] {
  if (config.customer === 'required') return [{ customer_token: [] }]
  if (config.capability) return [{ [`${config.capability}_token`]: [] }]
  return config.gate === 'staff' || config.gate === 'platform' ? [{ access_token: [...(config.scopes ?? [])] }] : []
}

function withIdempotencyKey(mode: 'required' | 'accepted') {
  return {
    type: 'object',
    properties: {
      'Idempotency-Key': {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description: 'The same request with the same key has one effect and one answer.',
      },
    },
    ...(mode === 'required' && { required: ['Idempotency-Key'] }),
  }
}

function tagOf(gate: Gate, url: string): string {
  if (gate === 'platform' || gate === 'platform-public') return 'platform'
  if (url.startsWith('/v1/admin')) return 'staff'
  return gate === 'store' ? 'storefront' : 'process'
}

/** What a route is called by clients that are generated, and by crash points. */
export function operationId(route: Pick<RouteOptions, 'method' | 'url'>): string {
  return `${String(route.method).toLowerCase()}${route.url.replaceAll(/[/:.-]+(\w)/g, (_all, letter: string) => letter.toUpperCase())}`
}

interface Described {
  components?: { schemas?: Record<string, unknown> }
}

/** The registry of schemas names each one as an input and as an output; only those that something points at are listed. */
function withoutUnused(document: Described): Described {
  const schemas = document.components?.schemas ?? {}
  const used = new Set<string>()
  const visit = (text: string) => {
    for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name!)) continue
      used.add(name!)
      visit(JSON.stringify(schemas[name!] ?? null))
    }
  }
  visit(JSON.stringify({ ...document, components: undefined }))
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)))
  return { ...document, components: { ...document.components, schemas: kept } }
}
