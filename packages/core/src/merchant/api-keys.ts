import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, isNull, lt } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import type { Scope } from './scopes.ts'
import { apiKeys } from './tables.ts'

const SECRET_BYTES = 32
const TOKEN = /^souk_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/
const NO_HASH = createHash('sha256').update('nobody').digest()

/** A key as its owner may see it: never the secret, nor its hash. */
export interface ApiKey {
  id: string
  name: string
  scopes: Scope[]
  createdBy: string | null
  createdAt: Date
  expiresAt: Date | null
  revokedAt: Date | null
}

export interface NewApiKey {
  name: string
  scopes: Scope[]
  expiresAt: Date | null
  now: Date
}

/** Whoever makes a key: it can be given nothing that its maker may not do. */
export interface Grantor {
  actor: Actor
  scopes: ReadonlySet<string>
}

const shown = {
  id: apiKeys.id,
  name: apiKeys.name,
  scopes: apiKeys.scopes,
  createdBy: apiKeys.createdBy,
  createdAt: apiKeys.createdAt,
  expiresAt: apiKeys.expiresAt,
  revokedAt: apiKeys.revokedAt,
}

/** Makes a key. `token` is what its holder sends; it cannot be read again. */
export async function createApiKey(tx: Tx, grantor: Grantor, given: NewApiKey): Promise<{ key: ApiKey; token: string }> {
  const missing = given.scopes.filter((scope) => !grantor.scopes.has(scope))
  if (missing.length > 0) {
    throw new Refusal('insufficient_scope', {
      detail: 'A key cannot be given a scope that its maker does not have.',
      extra: { missing_scopes: missing },
    })
  }
  const id = newId(given.now)
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const [key] = await tx
    .insert(apiKeys)
    .values({
      merchantId: tx.merchantId,
      id,
      name: given.name,
      secretHash: hashSecret(secret).toString('base64url'),
      scopes: given.scopes,
      createdBy: grantor.actor.kind === 'staff' ? grantor.actor.id : null,
      createdAt: given.now,
      expiresAt: given.expiresAt,
    })
    .returning(shown)
  await recordEvent(tx, {
    type: 'api_key.created',
    aggregateType: 'api_key',
    aggregateId: id,
    data: { name: given.name, scopes: given.scopes },
    actor: grantor.actor,
    now: given.now,
  })
  return { key: key as ApiKey, token: `souk_${id.replaceAll('-', '')}_${secret}` }
}

/** One page of the merchant's keys, newest first, revoked ones included. Refuses `invalid_cursor`. */
export async function listApiKeys(tx: Tx, keys: TokenKeys, page: { limit: number; cursor?: string | undefined }) {
  const scope = { merchantId: tx.merchantId, query: 'api_keys' }
  const [before] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const rows = await tx
    .select(shown)
    .from(apiKeys)
    .where(and(mine(tx, apiKeys), before === undefined ? undefined : lt(apiKeys.id, before)))
    .orderBy(desc(apiKeys.id))
    .limit(page.limit + 1)
  const shownKeys = rows.slice(0, page.limit) as ApiKey[]
  return { keys: shownKeys, nextCursor: rows.length > page.limit ? sealCursor(keys, scope, [shownKeys.at(-1)!.id]) : null }
}

/** Ends a key for good. Repeating it changes nothing. */
export async function revokeApiKey(tx: Tx, given: { id: string; actor: Actor; now: Date }): Promise<void> {
  const revoked = await tx
    .update(apiKeys)
    .set({ revokedAt: given.now })
    .where(and(mine(tx, apiKeys), eq(apiKeys.id, given.id), isNull(apiKeys.revokedAt)))
    .returning({ id: apiKeys.id })
  if (revoked.length === 0) {
    await findApiKey(tx, given.id)
    return
  }
  await recordEvent(tx, {
    type: 'api_key.revoked',
    aggregateType: 'api_key',
    aggregateId: given.id,
    data: {},
    actor: given.actor,
    now: given.now,
  })
}

/** The key's id and the hash of its secret, or undefined for a token that is no API key. */
export function readApiKeyToken(token: string): { id: string; secretHash: Buffer } | undefined {
  const match = TOKEN.exec(token)
  return match ? { id: match.slice(1, 6).join('-'), secretHash: hashSecret(match[6]!) } : undefined
}

export type StoredApiKey = Pick<ApiKey, 'id' | 'scopes' | 'expiresAt' | 'revokedAt'> & { secretHash: string }

/** What is stored of a key, for `mayUse`. */
export async function loadApiKey(inMerchant: InMerchant, id: string): Promise<StoredApiKey | undefined> {
  const [rows] = await inMerchant.readOnce((tx) => [
    tx.sql`
      select id, scopes, expires_at as "expiresAt", revoked_at as "revokedAt", secret_hash as "secretHash"
      from api_key where merchant_id = ${tx.merchantId} and id = ${id}`,
  ])
  return rows?.[0] as StoredApiKey | undefined
}

/** True when the secret is the key's and the key is neither revoked nor expired. Constant time, whether there is a key or not. */
export function mayUse(stored: StoredApiKey | undefined, secretHash: Buffer, now: Date): boolean {
  const expected = stored ? Buffer.from(stored.secretHash, 'base64url') : NO_HASH
  const matches = expected.length === secretHash.length && timingSafeEqual(expected, secretHash)
  return matches && stored !== undefined && stored.revokedAt === null && (stored.expiresAt === null || stored.expiresAt > now)
}

async function findApiKey(tx: Tx, id: string): Promise<void> {
  const rows = await tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(mine(tx, apiKeys), eq(apiKeys.id, id)))
  if (rows.length === 0) throw new Refusal('not_found', { detail: 'There is no such API key.' })
}

function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
