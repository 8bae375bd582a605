import type { IncomingMessage } from 'node:http'
import { Problem } from './errors.ts'

// Headers that decide something: two of them could decide two things.
const SINGLE_HEADERS = new Set([
  'host',
  'authorization',
  'idempotency-key',
  'content-type',
  'content-length',
  'content-encoding',
  'x-merchant-id',
  'cart-token',
  'order-token',
])
const METHOD_OVERRIDES = new Set(['x-http-method-override', 'x-http-method', 'x-method-override'])
const HOST = /^(?<name>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::(?<port>\d{1,5}))?$/i
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)/i

/** What every request has to be, whatever its route. Answers the host's name, lower case and without port. */
export function checkRequest(raw: IncomingMessage): string {
  checkHeaders(raw.rawHeaders)
  const host = HOST.exec(raw.headers.host ?? '')
  if (!host) throw new Problem('bad_host')
  const name = host.groups!.name!.toLowerCase()
  checkTarget(raw.url ?? '', raw.headers.host!)
  return name
}

function checkHeaders(raw: string[]): void {
  const seen = new Set<string>()
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase()
    if (METHOD_OVERRIDES.has(name)) throw new Problem('method_not_allowed', { detail: 'A method cannot be overridden.' })
    if (!SINGLE_HEADERS.has(name)) continue
    if (seen.has(name)) throw new Problem(codeOfDouble(name))
    seen.add(name)
  }
}

function codeOfDouble(name: string) {
  if (name === 'host') return 'bad_host'
  return name === 'idempotency-key' ? 'idempotency_key_invalid' : 'bad_request'
}

function checkTarget(url: string, host: string): void {
  if (!url.startsWith('/')) {
    const absolute = ABSOLUTE_FORM.exec(url)
    if (absolute?.[1]?.toLowerCase() !== host.toLowerCase()) throw new Problem(absolute ? 'bad_host' : 'bad_url')
  }
  if (!url.includes('%')) return
  try {
    decodeURIComponent(url.slice(url.indexOf('?') + 1))
  } catch {
    throw new Problem('bad_url')
  }
}
