import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { and, lt } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { idempotencyKeys } from './tables.ts'

/** How long an answer is kept and replayed. The longest promise among payment providers is 31 days. */
export const IDEMPOTENCY_KEY_DAYS = 35

/** One request that may be sent again: the key the caller chose, where it was sent, and a digest of what was asked. */
export interface IdempotentRequest {
  route: string
  key: string
  fingerprint: string
}

/** An answer as it went, or will go, over the wire. A replay is equal to the byte. */
export interface StoredResponse {
  statusCode: number
  body: string
}

/**
 * Takes the key for this transaction, or finds the answer that an earlier one left. Undefined: the key is new, and this
 * transaction must store its answer before it commits. Refuses `idempotency_in_progress` while another transaction holds
 * the key, or a request that goes over several transactions is at it, and `idempotency_key_reused` when the key came with another
 * request before.
 *
 * The claim is an advisory lock of the transaction: it can neither outlive a crash nor be seen half done. Both
 * statements are sent before the first await, so that they share a flight with whatever the caller sends next.
 */
export async function claimIdempotencyKey(tx: Tx, request: IdempotentRequest): Promise<StoredResponse | undefined> {
  const name = `idempotency|${tx.merchantId}|${request.route}|${request.key}`
  const [[lock], [row]] = await Promise.all([
    tx.sql<{ claimed: boolean }[]>`select pg_try_advisory_xact_lock(hashtextextended(${name}, 35)) as claimed`,
    // A statement of its own: its snapshot is taken after the lock was granted.
    tx.sql<{ fingerprint: string; status_code: number; response_body: string; held: boolean }[]>`
      select fingerprint, status_code, response_body, coalesce(locked_until > now(), false) as held from idempotency_key
      where merchant_id = ${tx.merchantId} and route = ${request.route} and key = ${request.key} and expires_at > now()`,
  ])
  if (row && row.fingerprint !== request.fingerprint) {
    throw new Refusal('idempotency_key_reused', { detail: 'This Idempotency-Key came with another request before.' })
  }
  if (row && !(row.status_code === ANSWER_PENDING && row.held)) return { statusCode: row.status_code, body: row.response_body }
  if (row || !lock?.claimed)
    throw new Refusal('idempotency_in_progress', { detail: 'A request with this Idempotency-Key is still running.' })
  return undefined
}

/**
 * The insert that keeps an answer with the effects it speaks of. An answer whose time is over, but which was not cleared
 * yet, gives way. As part of a larger statement, `body` may be an expression over what `from` names.
 */
export function storeIdempotentResponse(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  request: IdempotentRequest,
  response: { statusCode: number; body: string | Query },
  from: Query = tx.sql``,
): Query {
  return tx.sql`
    insert into idempotency_key (merchant_id, route, key, fingerprint, status_code, response_body, expires_at)
    select ${tx.merchantId}::uuid, ${request.route}, ${request.key}, ${request.fingerprint}, ${response.statusCode}::int, ${response.body},
      now() + make_interval(days => ${IDEMPOTENCY_KEY_DAYS}::int)
    ${from}
    on conflict (merchant_id, route, key) do update
      set fingerprint = excluded.fingerprint, status_code = excluded.status_code, response_body = excluded.response_body,
        created_at = now(), expires_at = excluded.expires_at`
}

/**
 * The status of an answer that is still being made: what the request asked for is done and committed, and what is missing is
 * only how it reads. The body says what is needed to read it again.
 */
export const ANSWER_PENDING = 102

/** Whoever works on a request holds its key for so long at a time. When it is over, they are dead, or gone for longer than that. */
export const HELD_SECONDS = 4
const RENEWED_EVERY_MS = 1_000

/**
 * The insert that marks how far a request has come whose work goes over several transactions: it belongs to the first of them.
 * Until its time is over nobody else takes the key up; then a retry goes on from there. `from`: as of `storeIdempotentResponse`.
 */
export function storeRecoveryPoint(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  request: IdempotentRequest,
  { point, facts }: { point: string; facts: Record<string, string> },
  from: Query = tx.sql``,
): Query {
  return tx.sql`
    insert into idempotency_key (merchant_id, route, key, fingerprint, status_code, response_body, recovery_point, locked_until, expires_at)
    select ${tx.merchantId}::uuid, ${request.route}, ${request.key}, ${request.fingerprint}, ${ANSWER_PENDING}::int, ${JSON.stringify(facts)},
      ${point}, now() + make_interval(secs => ${HELD_SECONDS}::int), now() + make_interval(days => ${IDEMPOTENCY_KEY_DAYS}::int)
    ${from}
    on conflict (merchant_id, route, key) do update
      set fingerprint = excluded.fingerprint, status_code = excluded.status_code, response_body = excluded.response_body,
        recovery_point = excluded.recovery_point, locked_until = excluded.locked_until, created_at = now(), expires_at = excluded.expires_at`
}

/** The update by which a retry takes a request up that another process has left. Its claim on the key comes first. */
export function takeOverRequest(tx: Pick<Tx, 'merchantId' | 'sql'>, request: IdempotentRequest): Query {
  return tx.sql`
    update idempotency_key set locked_until = now() + make_interval(secs => ${HELD_SECONDS}::int)
    where merchant_id = ${tx.merchantId} and route = ${request.route} and key = ${request.key} and status_code = ${ANSWER_PENDING}`
}

/**
 * Works on a request whose recovery point is written, and holds its key for as long as this takes and the process lives: who repeats it
 * meanwhile is told that it is still running, and HELD_SECONDS after a crash may go on. Whoever was away for longer and comes back
 * finds that somebody else did; both may finish, and the first answer stays.
 */
export async function whileHeld<Result>(
  inMerchant: InMerchant,
  request: IdempotentRequest | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  if (!request) return work()
  // One that fails is made up for by the next.
  const renew = () => void inMerchant((tx) => tx.finish([takeOverRequest(tx, request)])).catch(() => {})
  const renewing = setInterval(renew, RENEWED_EVERY_MS)
  try {
    return await work()
  } finally {
    clearInterval(renewing)
  }
}

/** Keeps the answer of a request that went over several transactions, and answers the one that is kept: the first one stays. */
export async function concludeRequest(tx: Tx, request: IdempotentRequest, response: StoredResponse): Promise<StoredResponse> {
  const [, [row]] = await Promise.all([
    completeIdempotentResponse(tx, request, response),
    tx.sql<{ status_code: number; response_body: string }[]>`
      select status_code, response_body from idempotency_key
      where merchant_id = ${tx.merchantId} and route = ${request.route} and key = ${request.key}`,
  ])
  return row ? { statusCode: row.status_code, body: row.response_body } : response
}

/** The update that replaces a pending answer by the final one, in a transaction after that of the effects. The first one stays. */
export function completeIdempotentResponse(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  request: IdempotentRequest,
  response: StoredResponse,
): Query {
  return tx.sql`
    update idempotency_key set status_code = ${response.statusCode}, response_body = ${response.body}
    where merchant_id = ${tx.merchantId} and route = ${request.route} and key = ${request.key} and status_code = ${ANSWER_PENDING}`
}

/**
 * Runs `work` once per key: the first time it works and stores its answer, afterwards the answer is replayed. Without a
 * request it simply works.
 */
export async function once(
  tx: Tx,
  request: IdempotentRequest | undefined,
  work: () => Promise<StoredResponse>,
): Promise<StoredResponse & { replayed: boolean }> {
  if (!request) return { ...(await work()), replayed: false }
  const earlier = await claimIdempotencyKey(tx, request)
  if (earlier) return { ...earlier, replayed: true }
  const response = await work()
  await storeIdempotentResponse(tx, request, response)
  return { ...response, replayed: false }
}

/** Forgets the answers whose time is over. */
export async function clearIdempotencyKeys(inMerchant: InMerchant, now: Date): Promise<void> {
  await inMerchant((tx) => tx.delete(idempotencyKeys).where(and(mine(tx, idempotencyKeys), lt(idempotencyKeys.expiresAt, now))))
}
