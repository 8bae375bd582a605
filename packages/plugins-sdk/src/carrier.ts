import type { CarrierRequestV1, CarrierResponseV1 } from './contracts/carrier-request.ts'
import type { ParseLabelOutputV1 } from './contracts/fulfillment.ts'
import type { Manifest } from './manifest.ts'

// What the worker does with a plugin's request, as far as it is pure: may it be sent, what does it look like with the
// secrets in it, what of the answer does the plugin see, and where is the label.

const PLACEHOLDER = /\{\{\s*secrets\.([a-z][a-z0-9_]{0,49})\s*\}\}/g
const HOST_WRITES = [
  'host',
  'content-length',
  'connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'cookie',
  'user-agent',
  'forwarded',
]
const RESPONSE_HEADERS = /^(content-type|location|retry-after|x-[a-z0-9-]+)$/
const RESPONSE_HEADERS_MAX = 30
const RESPONSE_HEADER_CHARACTERS_MAX = 500

interface RequestComplaint {
  pointer: string
  message: string
}

/** Why a request may not be sent: its host, method, path, headers or secrets go beyond the manifest. None: it may. */
export function* requestComplaints(manifest: Pick<Manifest, 'hosts' | 'secrets'>, request: CarrierRequestV1): Generator<RequestComplaint> {
  const allowed = manifest.hosts?.find(({ host }) => host === request.host)
  if (allowed === undefined) yield { pointer: '/host', message: `${request.host} is not among the manifest’s hosts` }
  else if (!allowed.methods.includes(request.method)) {
    yield { pointer: '/method', message: `the manifest does not allow ${request.method} at ${request.host}` }
  }
  if (/(^|\/)(\.|%2e){1,2}(\/|$)/i.test(request.path)) yield { pointer: '/path', message: 'climbs with ".."' }
  if (/%(0[0-9a-f]|1[0-9a-f]|7f|2f|5c)/i.test(request.path)) yield { pointer: '/path', message: 'hides a control character or a slash' }
  for (const name of Object.keys(request.headers ?? {})) {
    if (HOST_WRITES.includes(name.toLowerCase()) || /^(proxy|sec)-/i.test(name)) {
      yield { pointer: `/headers/${name}`, message: 'is written by the host alone' }
    }
  }
  if (request.body !== null && request.method === 'GET') yield { pointer: '/body', message: 'GET has no body' }
  for (const { pointer, text } of textsOf(request)) {
    for (const [, name = ''] of text.matchAll(PLACEHOLDER)) {
      const secret = manifest.secrets !== undefined && Object.hasOwn(manifest.secrets, name) ? manifest.secrets[name] : undefined
      if (secret === undefined) yield { pointer, message: `${name} is no secret of the manifest` }
      else if (!secret.hosts.includes(request.host)) yield { pointer, message: `${name} may not be sent to ${request.host}` }
    }
    if (/\{\{/.test(text.replaceAll(PLACEHOLDER, ''))) yield { pointer, message: 'holds {{ that names no secret' }
  }
}

/**
 * The request as it goes over the wire. Inside a JSON body a secret is escaped as JSON text; a form body's is percent-encoded; in a header
 * it must be printable. Throws a RangeError for a secret that is not there or does not fit: the message never holds its value.
 */
export function fillSecrets(
  request: CarrierRequestV1,
  secrets: Record<string, string>,
): { url: string; method: string; headers: Record<string, string>; body: string | null } {
  const read = (name: string): string => {
    const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined
    if (value === undefined) throw new RangeError(`the secret ${name} is not set`)
    return value
  }
  const fill = (text: string, write: (value: string, name: string) => string) =>
    text.replaceAll(PLACEHOLDER, (_whole, name: string) => write(read(name), name))
  const printable = (value: string, name: string) => {
    if (!/^[\x20-\x7e]*$/.test(value)) throw new RangeError(`the secret ${name} does not fit into a header`)
    return value
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers ?? {}).map(([name, text]) => [name.toLowerCase(), fill(text, printable)]),
  )
  // Joined as text: resolved as a reference, the path "//evil.example" would be another host.
  const url = new URL(`https://${request.host}${request.path}`)
  for (const [name, text] of Object.entries(request.query ?? {}))
    url.searchParams.set(
      name,
      fill(text, (value) => value),
    )
  return {
    url: url.href,
    method: request.method,
    headers,
    body: request.body === null ? null : fill(request.body, encoderFor(headers['content-type'])),
  }
}

/** What the parse hook sees of an answer. `document` keeps the bytes from it: they stay with the host. */
export function responseForPlugin(
  response: { status: number; headers: Record<string, string>; body: Uint8Array },
  accepts: CarrierRequestV1['accepts'],
): CarrierResponseV1 {
  const headers = Object.entries(response.headers)
    .map(([name, value]) => [name.toLowerCase(), value.slice(0, RESPONSE_HEADER_CHARACTERS_MAX)] as const)
    .filter(([name]) => RESPONSE_HEADERS.test(name))
    .slice(0, RESPONSE_HEADERS_MAX)
  const isDocument = accepts === 'document' && response.status >= 200 && response.status < 300
  return {
    status: response.status,
    headers: Object.fromEntries(headers),
    body: isDocument || response.status === 0 ? null : new TextDecoder().decode(response.body),
    body_bytes: response.body.byteLength,
  }
}

/** The label's bytes, out of the answer that the host kept. Undefined when it is not where the plugin says. */
export function labelOf(answer: Extract<ParseLabelOutputV1, { outcome: 'ready' }>, body: Uint8Array): Uint8Array | undefined {
  if ('document' in answer.from) return body.byteLength === 0 ? undefined : body
  const found = valueAt(body, answer.from.base64_at)
  if (typeof found !== 'string' || found === '' || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(found)) return undefined
  return Uint8Array.from(atob(found.replaceAll(/\s/g, '')), (character) => character.charCodeAt(0))
}

function valueAt(body: Uint8Array, pointer: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(body))
  } catch {
    return undefined
  }
  for (const step of pointer.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

function encoderFor(contentType = ''): (value: string) => string {
  if (contentType.includes('json')) return (value) => JSON.stringify(value).slice(1, -1)
  if (contentType.includes('x-www-form-urlencoded')) return encodeURIComponent
  if (contentType.includes('xml')) return (value) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
  return (value) => value
}

function* textsOf(request: CarrierRequestV1): Generator<{ pointer: string; text: string }> {
  for (const [name, text] of Object.entries(request.query ?? {})) yield { pointer: `/query/${name}`, text }
  for (const [name, text] of Object.entries(request.headers ?? {})) yield { pointer: `/headers/${name}`, text }
  if (request.body !== null) yield { pointer: '/body', text: request.body }
}
