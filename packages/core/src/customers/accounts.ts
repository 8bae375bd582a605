import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { hashPassword, verifyPassword } from '../merchant/passwords.ts'
import { Refusal } from '../refusal.ts'
import { makeRequest } from './requests.ts'
import { endSessions } from './sessions.ts'

export const BUYER: Actor = { kind: 'buyer' }

/**
 * Signs somebody up: there will be an account once whoever reads the mailbox comes back with the token and this password.
 * Answers nothing that would tell whether the address is known, and takes as long.
 */
export async function register(
  inMerchant: InMerchant,
  given: { email: string; password: string; name: string; locale: string | null; now: Date },
): Promise<void> {
  const { password, ...asked } = given
  const passwordHash = await hashPassword(password)
  await inMerchant((tx) => makeRequest(tx, { kind: 'registration', ...asked, passwordHash }))
}

/** Mails a token for a new password, if there is a customer of this address. Tells nobody whether there is. */
export async function requestPasswordReset(inMerchant: InMerchant, given: { email: string; now: Date }): Promise<void> {
  await inMerchant((tx) => makeRequest(tx, { kind: 'password_reset', ...given }))
}

/** Mails a token to the address that a customer wants to have. Refuses `invalid_credentials` for a wrong password. */
export async function requestEmailChange(
  inMerchant: InMerchant,
  given: { customerId: string; email: string; password: string; now: Date },
): Promise<void> {
  const { password, ...asked } = given
  await assertPassword(inMerchant, given.customerId, password)
  await inMerchant((tx) => makeRequest(tx, { kind: 'email_change', ...asked }))
}

/** Changes the password of a signed-in customer; all other sessions end. Refuses `invalid_credentials` for a wrong one. */
export async function changePassword(
  inMerchant: InMerchant,
  given: { customerId: string; sessionId: string; password: string; newPassword: string; now: Date },
): Promise<void> {
  const { customerId, now } = given
  const known = await assertPassword(inMerchant, customerId, given.password)
  const passwordHash = await hashPassword(given.newPassword)
  await inMerchant(async (tx) => {
    const changed = await tx.sql`
      update customer_account set password_hash = ${passwordHash}, password_changed_at = ${now}
      where merchant_id = ${tx.merchantId} and customer_id = ${customerId} and password_hash = ${known} returning customer_id`
    if (changed.length === 0) throw wrongPassword()
    await endSessions(tx, { customerId, reason: 'password_changed', except: given.sessionId, now })
    await recordAccountEvent(tx, 'customer.password_changed', customerId, now)
  })
}

/** Refuses `invalid_credentials` unless it is the customer's password; answers the hash it was checked against. */
export async function assertPassword(inMerchant: InMerchant, customerId: string, password: string): Promise<string> {
  const [rows] = await inMerchant.readOnce((tx) => [
    tx.sql`select password_hash as hash from customer_account where merchant_id = ${tx.merchantId} and customer_id = ${customerId}`,
  ])
  const hash = rows?.[0]?.hash as string | undefined
  if (!(await verifyPassword(password, hash))) throw wrongPassword()
  return hash!
}

/** The customer of an address, made if there is none, locked until the transaction ends. */
export async function customerOfAddress(tx: Tx, given: { email: string; name: string; locale: string | null; now: Date }): Promise<string> {
  const id = newId(given.now)
  const made = await tx.sql`
    insert into customer (merchant_id, id, email, name, locale, created_at, updated_at)
    values (${tx.merchantId}, ${id}, ${given.email}, ${given.name}, ${given.locale}, ${given.now}, ${given.now})
    on conflict (merchant_id, email) do nothing returning id`
  if (made.length > 0) {
    await recordAccountEvent(tx, 'customer.created', id, given.now)
    return id
  }
  const customerId = await lockAddress(tx, given.email)
  // Forgotten between the two statements: whoever asks again gets a new one.
  if (customerId === undefined) throw new Refusal('invalid_state', { detail: 'The customer was deleted at this moment.' })
  return customerId
}

/** The customer of an address, locked until the transaction ends. */
export async function lockAddress(tx: Tx, email: string): Promise<string | undefined> {
  const [row] = await tx.sql<[{ id: string }?]>`
    select id from customer where merchant_id = ${tx.merchantId} and email = ${email} for no key update`
  return row?.id
}

/** Opens an account. Answers false, and leaves it as it is, when the customer has one. */
export async function openAccount(tx: Tx, given: { customerId: string; passwordHash: string; now: Date }): Promise<boolean> {
  const opened = await tx.sql`
    insert into customer_account (merchant_id, customer_id, password_hash, password_changed_at, email_verified_at, created_at)
    values (${tx.merchantId}, ${given.customerId}, ${given.passwordHash}, ${given.now}, ${given.now}, ${given.now})
    on conflict (merchant_id, customer_id) do nothing returning customer_id`
  if (opened.length === 0) return false
  await recordAccountEvent(tx, 'customer.registered', given.customerId, given.now)
  return true
}

/** Something that happened to an account: the event names the customer by id alone. */
export function recordAccountEvent(tx: Tx, type: string, customerId: string, now: Date, data: Record<string, unknown> = {}): Query {
  const event = { type, aggregateType: 'customer', aggregateId: customerId, data: { customer_id: customerId, ...data } }
  return recordEvent(tx, { ...event, actor: BUYER, now })
}

export function wrongPassword(): Refusal {
  return new Refusal('invalid_credentials', { detail: 'The password is not the account’s.' })
}
