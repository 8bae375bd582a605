import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { Refusal } from '../refusal.ts'
import { hashPassword, verifyPassword } from './passwords.ts'

export const PASSWORD_TOKEN_DAYS = 7
const DAY_MS = 86_400_000
const SECRET_BYTES = 32
const TOKEN = /^staff_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/

/** What somebody sets a password with, once. It cannot be read again. */
export interface PasswordToken {
  token: string
  expiresAt: Date
}

/** Gives a member of staff a token to set a password with; one they had before is void. */
export async function writePasswordToken(tx: Tx, staffId: string, now: Date): Promise<PasswordToken> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const expiresAt = new Date(now.getTime() + PASSWORD_TOKEN_DAYS * DAY_MS)
  await tx.sql`
    update staff set password_token_hash = ${hashSecret(secret).toString('base64url')}, password_token_expires_at = ${expiresAt}
    where merchant_id = ${tx.merchantId} and id = ${staffId}`
  return { token: `staff_${staffId.replaceAll('-', '')}_${secret}`, expiresAt }
}

/** Sets the password of whoever the token was given to; it is good once. Refuses `invalid_token`. */
export async function setPasswordByToken(inMerchant: InMerchant, given: { token: string; password: string; now: Date }): Promise<void> {
  const found = readToken(given.token)
  if (!found) throw new Refusal('invalid_token')
  // Hashing takes long, and is done for those alone who hold a token.
  if (!(await inMerchant.read((tx) => holds(tx, found, given.now)))) throw new Refusal('invalid_token')
  const passwordHash = await hashPassword(given.password)
  await inMerchant(async (tx) => {
    const changed = await tx.sql`
      update staff set password_hash = ${passwordHash}, password_token_hash = null, password_token_expires_at = null
      where merchant_id = ${tx.merchantId} and id = ${found.id} and disabled_at is null and password_token_hash = ${found.hash.toString('base64url')}
      returning id`
    if (changed.length === 0) throw new Refusal('invalid_token')
    await recordPasswordSet(tx, found.id, given.now)
  })
}

/**
 * Sets another password of somebody who knows the present one, and ends their sessions. Refuses `invalid_credentials`.
 */
export async function changeOwnPassword(
  inMerchant: InMerchant,
  given: { actor: Actor; currentPassword: string; password: string; now: Date },
): Promise<void> {
  const { actor } = given
  if (actor.kind !== 'staff')
    throw new Refusal('invalid_state', { detail: 'Only members of staff have a password.', extra: { current_state: actor.kind } })
  const [row] = await inMerchant.read(
    (tx) => tx.sql<{ hash: string | null }[]>`
      select password_hash as hash from staff where merchant_id = ${tx.merchantId} and id = ${actor.id}`,
  )
  if (!(await verifyPassword(given.currentPassword, row?.hash ?? undefined))) {
    throw new Refusal('invalid_credentials', { detail: 'The present password is another.' })
  }
  const passwordHash = await hashPassword(given.password)
  await inMerchant(async (tx) => {
    // Only over the password that was given: one that was reset meanwhile stays reset.
    const changed = await tx.sql`
      update staff set password_hash = ${passwordHash}, tokens_valid_after = date_trunc('second', ${given.now}::timestamptz) + interval '1 second'
      where merchant_id = ${tx.merchantId} and id = ${actor.id} and password_hash = ${row!.hash}
      returning id`
    if (changed.length === 0) throw new Refusal('invalid_credentials', { detail: 'The present password is another.' })
    await recordPasswordSet(tx, actor.id, given.now)
  })
}

/** That it was done is worth writing down; with what is not. */
async function recordPasswordSet(tx: Tx, id: string, now: Date): Promise<void> {
  const actor = { kind: 'staff', id } as const
  await recordAudit(tx, {
    action: 'staff.password_set',
    targetType: 'staff',
    targetId: id,
    before: null,
    after: null,
    reason: '',
    actor,
    now,
  })
}

async function holds(tx: Pick<Tx, 'merchantId' | 'sql'>, found: { id: string; hash: Buffer }, now: Date): Promise<boolean> {
  const [row] = await tx.sql<{ hash: string }[]>`
    select password_token_hash as hash from staff
    where merchant_id = ${tx.merchantId} and id = ${found.id} and disabled_at is null and password_token_expires_at > ${now}`
  return row !== undefined && timingSafeEqual(Buffer.from(row.hash, 'base64url'), found.hash)
}

function readToken(token: string): { id: string; hash: Buffer } | undefined {
  const match = TOKEN.exec(token)
  return match ? { id: match.slice(1, 6).join('-'), hash: hashSecret(match[6]!) } : undefined
}

function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
