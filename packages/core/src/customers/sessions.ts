import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { verifyPassword } from '../merchant/passwords.ts'
import { normalizeEmail } from '../merchant/staff.ts'
import { Refusal } from '../refusal.ts'
import { SESSION_DAYS_MAX, SESSION_IDLE_DAYS, SESSIONS_PER_CUSTOMER_MAX } from './account-limits.ts'

const QUERY = 'customer_session'
const DAY_MS = 86_400_000

type EndReason = 'signed_out' | 'token_reused' | 'password_changed'

/** A sign-in, and the token by which it goes on. */
export interface SignedIn {
  customerId: string
  sessionId: string
  refreshToken: string
  /** When the refresh token ends. */
  expiresAt: Date
}

export interface Session {
  id: string
  /** What the storefront called it; '' if nothing. */
  device: string
  createdAt: Date
  refreshedAt: Date
  expiresAt: Date
}

interface Row {
  id: string
  customerId: string
  generation: bigint
  expiresAt: Date
}

/**
 * Signs a customer in. An unknown address, a wrong password and an address that was not verified yet get the same
 * `invalid_credentials`, after the same work. The password is checked with no transaction open.
 */
export async function signInCustomer(
  inMerchant: InMerchant,
  keys: TokenKeys,
  given: { email: string; password: string; device: string; now: Date },
): Promise<SignedIn> {
  const email = normalizeEmail(given.email)
  const [rows] = await inMerchant.readOnce((tx) => [
    tx.sql`
      select c.id, a.password_hash as hash from customer c
        join customer_account a on a.merchant_id = ${tx.merchantId} and a.customer_id = c.id
      where c.merchant_id = ${tx.merchantId} and c.email = ${email}`,
  ])
  const found = rows?.[0] as { id: string; hash: string } | undefined
  if (!(await verifyPassword(given.password, found?.hash)) || !found) throw noSuchAccount()
  return inMerchant((tx) => openSession(tx, keys, { customerId: found.id, passwordHash: found.hash, device: given.device, now: given.now }))
}

/** Opens a session of an account that still has the password it was checked with. */
export async function openSession(
  tx: Tx,
  keys: TokenKeys,
  given: { customerId: string; passwordHash: string; device: string; now: Date },
): Promise<SignedIn> {
  const { customerId, now } = given
  const [row] = await tx.sql<Row[]>`
    insert into customer_session (merchant_id, id, customer_id, device, created_at, refreshed_at, expires_at)
    select ${tx.merchantId}::uuid, ${newId(now)}::uuid, customer_id, ${given.device}, ${now}::timestamptz, ${now}::timestamptz,
      ${new Date(now.getTime() + SESSION_IDLE_DAYS * DAY_MS)}::timestamptz
    from customer_account
    where merchant_id = ${tx.merchantId} and customer_id = ${customerId} and password_hash = ${given.passwordHash}
    returning id, customer_id as "customerId", generation, expires_at as "expiresAt"`
  if (!row) throw noSuchAccount()
  await tx.sql`
    update customer_session set ended_at = ${now}, end_reason = 'signed_out'
    where merchant_id = ${tx.merchantId} and ended_at is null and id in (
      select id from customer_session where merchant_id = ${tx.merchantId} and customer_id = ${customerId} and ended_at is null
      order by refreshed_at desc, id desc offset ${SESSIONS_PER_CUSTOMER_MAX})`
  return signedIn(keys, tx.merchantId, row)
}

/**
 * The next refresh token for one that is given back. Each is good once: whoever comes with one that was used before shows that two
 * hold it, and the session ends for both. Of several who come at once one is first, and the others end it. Refuses
 * `invalid_token` for what is no token of ours and `token_revoked` for a session that is over.
 */
export async function refreshSession(
  inMerchant: InMerchant,
  keys: TokenKeys,
  given: { refreshToken: string; now: Date },
): Promise<SignedIn> {
  const { id, generation } = readRefreshToken(keys, inMerchant.merchant.id, given.refreshToken)
  const row = await inMerchant((tx) => rotate(tx, { id, generation, now: given.now }))
  if (!row) throw new Refusal('token_revoked', { detail: 'The session is over: sign in again.' })
  return signedIn(keys, inMerchant.merchant.id, row)
}

/** A session that stands, newest first, for the list of devices. */
export function sessionsOf(tx: Pick<Tx, 'merchantId' | 'sql'>, given: { customerId: string; now: Date }): Query {
  return tx.sql`
    select id, device, created_at as "createdAt", refreshed_at as "refreshedAt", expires_at as "expiresAt" from customer_session
    where merchant_id = ${tx.merchantId} and customer_id = ${given.customerId} and ended_at is null and expires_at > ${given.now}::timestamptz
    order by id desc`
}

/** Ends one session of a customer. Refuses `not_found` when it is not theirs, or is over. */
export async function endSession(tx: Tx, given: { customerId: string; sessionId: string; now: Date }): Promise<void> {
  const ended = await tx.sql`
    update customer_session set ended_at = ${given.now}, end_reason = 'signed_out'
    where merchant_id = ${tx.merchantId} and id = ${given.sessionId} and customer_id = ${given.customerId} and ended_at is null
    returning id`
  if (ended.length === 0) throw new Refusal('not_found', { detail: 'There is no such session.' })
}

/** Ends all sessions of a customer, or all but one. */
export async function endSessions(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  given: { customerId: string; reason: EndReason; except?: string; now: Date },
): Promise<void> {
  const { except = null } = given
  await tx.sql`
    update customer_session set ended_at = ${given.now}, end_reason = ${given.reason}
    where merchant_id = ${tx.merchantId} and customer_id = ${given.customerId} and ended_at is null and id is distinct from ${except}::uuid`
}

/** Whose session it is, and until when it stands: what a process may remember of it for a short time. */
export async function findSession(
  inMerchant: InMerchant,
  sessionId: string,
): Promise<{ customerId: string; endedAt: Date | null } | undefined> {
  const [rows] = await inMerchant.readOnce((tx) => [
    tx.sql`
      select customer_id as "customerId", ended_at as "endedAt" from customer_session
      where merchant_id = ${tx.merchantId} and id = ${sessionId}`,
  ])
  return rows?.[0] as { customerId: string; endedAt: Date | null } | undefined
}

/** Undefined when the session is over, or is over from now on. Its end must be committed, so it is no refusal yet. */
async function rotate(tx: Tx, given: { id: string; generation: bigint; now: Date }): Promise<Row | undefined> {
  const { id, generation, now } = given
  const idleUntil = new Date(now.getTime() + SESSION_IDLE_DAYS * DAY_MS)
  const [row] = await tx.sql<Row[]>`
    update customer_session set generation = generation + 1, refreshed_at = ${now},
      expires_at = least(${idleUntil}::timestamptz, created_at + make_interval(days => ${SESSION_DAYS_MAX}::int))
    where merchant_id = ${tx.merchantId} and id = ${id} and generation = ${generation} and ended_at is null and expires_at > ${now}::timestamptz
    returning id, customer_id as "customerId", generation, expires_at as "expiresAt"`
  if (row) return row
  const [reused] = await tx.sql<{ customerId: string }[]>`
    update customer_session set ended_at = ${now}, end_reason = 'token_reused'
    where merchant_id = ${tx.merchantId} and id = ${id} and generation > ${generation} and ended_at is null
    returning customer_id as "customerId"`
  if (reused) await recordReuse(tx, reused.customerId, { sessionId: id, now })
  return undefined
}

function recordReuse(tx: Tx, customerId: string, { sessionId, now }: { sessionId: string; now: Date }): Query {
  const data = { customer_id: customerId, session_id: sessionId }
  const event = { type: 'customer.refresh_token_reused', aggregateType: 'customer', aggregateId: customerId, data }
  return recordEvent(tx, { ...event, actor: { kind: 'buyer' }, now })
}

function signedIn(keys: TokenKeys, merchantId: string, row: Row): SignedIn {
  const refreshToken = sealCursor(keys, { merchantId, query: QUERY }, [row.id, row.generation.toString()])
  return { customerId: row.customerId, sessionId: row.id, refreshToken, expiresAt: row.expiresAt }
}

function readRefreshToken(keys: TokenKeys, merchantId: string, token: string): { id: string; generation: bigint } {
  try {
    const [id, generation] = openCursor(keys, { merchantId, query: QUERY }, token)
    return { id: id!, generation: BigInt(generation!) }
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal('invalid_token', { detail: 'This is no refresh token of this shop.' })
    throw error
  }
}

function noSuchAccount(): Refusal {
  const detail = 'There is no account with this e-mail address and password, or the address was not confirmed yet.'
  return new Refusal('invalid_credentials', { detail })
}
