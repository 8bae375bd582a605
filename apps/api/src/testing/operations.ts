/** One method of one path, as the API's own description has it. */
export interface Operation {
  /** `POST /v1/carts`. */
  key: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  audience: Audience
  credential: Credential | undefined
  pathParameters: string[]
  queryParameters: { name: string; required: boolean }[]
  takesIdempotencyKey: boolean
  takesCursor: boolean
  /** Names of the fields of its body that hold an id, wherever they are in it. */
  idsInBody: string[]
}

const AUDIENCES = ['storefront', 'staff', 'platform', 'process'] as const
export type Audience = (typeof AUDIENCES)[number]

const CREDENTIALS = { access_token: 'access', customer_token: 'customer', cart_token: 'cart', order_token: 'order' } as const
export type Credential = (typeof CREDENTIALS)[keyof typeof CREDENTIALS]

interface Parameter {
  in: string
  name: string
  required?: boolean
}

interface Schema {
  $ref?: string
  format?: string
  pattern?: string
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
  allOf?: Schema[]
  oneOf?: Schema[]
}

interface Described {
  tags?: string[]
  security?: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema?: Schema }> }
}

export interface Description {
  paths: Record<string, Record<string, Described>>
  components?: { schemas?: Record<string, Schema> }
}

/** Every operation of an OpenAPI document. What it cannot make sense of it refuses, rather than leave it out. */
export function readOperations(document: Description): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => readOperation(`${method.toUpperCase()} ${path}`, described, document)),
  )
}

function readOperation(key: string, described: Described, document: Description): Operation {
  const [method, path] = key.split(' ') as [Operation['method'], string]
  const parameters = described.parameters ?? []
  const headers = parameters.filter((parameter) => parameter.in === 'header').map(({ name }) => name)
  const unknown = headers.filter((name) => name !== 'Idempotency-Key')
  if (unknown.length > 0) throw new Error(`${key} takes the header ${unknown.join(', ')}: say in operations.ts what it is for.`)
  const queryParameters = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, required = false }) => ({ name, required }))
  const schemas = Object.values(described.requestBody?.content ?? {}).map(({ schema }) => schema)
  return {
    key,
    method,
    path,
    audience: audienceOf(key, described.tags ?? []),
    credential: credentialOf(key, described.security ?? []),
    pathParameters: [...path.matchAll(/\{([a-z_]+)\}/g)].map(([, name]) => name!),
    queryParameters,
    takesIdempotencyKey: headers.includes('Idempotency-Key'),
    takesCursor: queryParameters.some(({ name }) => name === 'cursor'),
    idsInBody: [...new Set(schemas.flatMap((schema) => (schema ? idsIn(schema, document) : [])))],
  }
}

function audienceOf(key: string, tags: string[]): Audience {
  const audience = AUDIENCES.find((candidate) => tags.includes(candidate))
  if (!audience) throw new Error(`${key} is tagged ${tags.join(', ')}: say in operations.ts who that is for.`)
  return audience
}

function credentialOf(key: string, security: Record<string, string[]>[]): Credential | undefined {
  const schemes = security.flatMap((alternative) => Object.keys(alternative))
  const [scheme] = schemes
  if (scheme === undefined) return undefined
  const credential = CREDENTIALS[scheme as keyof typeof CREDENTIALS]
  if (!credential || schemes.length > 1) throw new Error(`${key} takes ${schemes.join(', ')}: say in operations.ts how that is sent.`)
  return credential
}

/** Named like ids of ours, but given out by others. */
const NO_IDS = ['vat_id', 'vat_ids']

/** Properties that are ids by their form or by their name. */
function idsIn(schema: Schema, document: Description): string[] {
  const resolved = schema.$ref ? document.components!.schemas![schema.$ref.split('/').at(-1)!]! : schema
  const own = Object.entries(resolved.properties ?? {}).flatMap(([name, property]) => {
    if (NO_IDS.includes(name)) return []
    const isId = property.format === 'uuid' || property.pattern?.startsWith('^[0-9a-f]{8}-') || name === 'id' || /_ids?$/.test(name)
    return isId ? [name] : idsIn(property, document)
  })
  const inner = [resolved.items, ...(resolved.anyOf ?? []), ...(resolved.allOf ?? []), ...(resolved.oneOf ?? [])]
  return [...own, ...inner.flatMap((part) => (part ? idsIn(part, document) : []))]
}
