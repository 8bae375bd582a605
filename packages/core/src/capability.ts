import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { Refusal } from './refusal.ts'

/** Secrets of at least 32 bytes. The first one signs; all verify, so that a key can be changed without a break. */
export interface TokenKeys {
  keys: { kid: string; secret: Buffer }[]
}

/**
 * The token that lets a buyer without an account see one cart or one order: an HMAC-SHA256 of what it opens. Nothing is
 * stored; whoever holds it may act. Prefix = key id, so that an old key can be recognised.
 */
export function capabilityToken(keys: TokenKeys, merchantId: string, kind: 'cart' | 'order', id: string): string {
  const key = keys.keys[0]
  if (!key) throw new Error('no token key is configured')
  return `${key.kid}.${mac(key.secret, `${kind}|${merchantId}|${id}`)}`
}

/** True when `token` opens exactly this cart or order of this merchant. Constant time in the secret part. */
export function opens(keys: TokenKeys, token: string, merchantId: string, kind: 'cart' | 'order', id: string): boolean {
  return verifies(keys, token, `${kind}|${merchantId}|${id}`)
}

/**
 * An opaque cursor: where a list goes on, bound to the merchant and to the query it belongs to, so that it is of no use
 * elsewhere. `position` is whatever the list's keyset needs.
 */
export function sealCursor(keys: TokenKeys, scope: { merchantId: string; query: string }, position: readonly string[]): string {
  const key = keys.keys[0]
  if (!key) throw new Error('no token key is configured')
  const payload = Buffer.from(JSON.stringify(position)).toString('base64url')
  return `${payload}.${key.kid}.${mac(key.secret, `cursor|${scope.merchantId}|${scope.query}|${payload}`)}`
}

/** The position a cursor holds. Throws `invalid_cursor` for one that was edited, or made for another merchant or query. */
export function openCursor(keys: TokenKeys, scope: { merchantId: string; query: string }, cursor: string): string[] {
  const [payload = '', ...token] = cursor.split('.')
  if (!verifies(keys, token.join('.'), `cursor|${scope.merchantId}|${scope.query}|${payload}`)) throw new Refusal('invalid_cursor')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as string[]
}

function verifies(keys: TokenKeys, token: string, message: string): boolean {
  const [kid, signature = ''] = token.split('.')
  const key = keys.keys.find((candidate) => candidate.kid === kid)
  if (!key) return false
  const expected = Buffer.from(mac(key.secret, message))
  const given = Buffer.from(signature)
  return expected.length === given.length && timingSafeEqual(expected, given)
}

// Made once per secret: for every HMAC anew it costs as much as the HMAC.
const keyObjects = new WeakMap<Buffer, KeyObject>()

function keyOf(secret: Buffer): KeyObject {
  let key = keyObjects.get(secret)
  if (!key) {
    key = createSecretKey(secret)
    keyObjects.set(secret, key)
  }
  return key
}

function mac(secret: Buffer, message: string): string {
  return createHmac('sha256', keyOf(secret)).update(message).digest('base64url')
}
