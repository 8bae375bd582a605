import { createHash } from 'node:crypto'
import type { IdempotentRequest } from '@souk/core/idempotency/idempotency.ts'
import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'

const KEY_LENGTH_MAX = 255
// An RFC 8941 string ("..", with \" and \\ escaped), or the bare characters most clients send.
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/
const BARE = /^[\x21\x23-\x7e]+$/

/** Reads the Idempotency-Key and what it stands for: the same key with another request is not the same request. */
export function idempotencyGate(mode: 'required' | 'accepted', route: string) {
  return async (request: FastifyRequest): Promise<void> => {
    const header = request.headers['idempotency-key']
    if (header === undefined) {
      if (mode === 'required') throw new Problem('idempotency_key_missing')
      return
    }
    request.idempotency = { route, key: readKey(String(header)), fingerprint: fingerprintOf(request) } satisfies IdempotentRequest
  }
}

/** The key without its quotes. Refuses `idempotency_key_invalid`. */
export function readKey(header: string): string {
  const key = BARE.test(header) ? header : QUOTED.exec(header)?.[1]?.replace(/\\(.)/g, '$1')
  if (key === undefined || key.length === 0 || key.length > KEY_LENGTH_MAX) throw new Problem('idempotency_key_invalid')
  return key
}

/** Method, path, caller and body; the order of the body's keys does not matter. */
function fingerprintOf(request: FastifyRequest): string {
  const caller = request.principal ? `${request.principal.kind}:${request.principal.id}` : ''
  return createHash('sha256')
    .update(`${request.method}\n${request.raw.url}\n${caller}\n`)
    .update(canonicalJson(request.body))
    .digest('base64url')
}

/** JSON with the keys of every object in code unit order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
