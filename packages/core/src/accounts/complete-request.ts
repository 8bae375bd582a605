import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { TokenKeys } from '../capability.ts'
import { customerOfAddress, lockAddress, openAccount, recordAccountEvent, wrongPassword } from '../customers/accounts.ts'
import { mailTokenInvalid, readRequestToken } from '../customers/request-token.ts'
import { type CustomerRequest, completeRequest, openRequest, type RequestKind } from '../customers/requests.ts'
import { endSessions, openSession, type SignedIn } from '../customers/sessions.ts'
import { queueMail } from '../mail/queue-mail.ts'
import { hashPassword, verifyPassword } from '../merchant/passwords.ts'
import { claimGuestOrders } from '../orders/claim-guest-orders.ts'
import { Refusal } from '../refusal.ts'

interface WithToken {
  token: string
  now: Date
}

/**
 * Opens the account of somebody who comes back with the mailed token and the password they chose: only who reads the mailbox has the
 * one, only who signed up knows the other. The orders they placed as a guest of this address become theirs. Refuses
 * `mail_token_invalid`, and `invalid_credentials` for another password.
 */
export async function completeRegistration(
  inMerchant: InMerchant,
  keys: TokenKeys,
  given: WithToken & { password: string; device: string },
): Promise<SignedIn> {
  const { now } = given
  const request = await standing(inMerchant, keys, 'registration', given)
  if (!(await verifyPassword(given.password, request.passwordHash ?? undefined))) throw wrongPassword()
  const passwordHash = request.passwordHash!
  return inMerchant(async (tx) => {
    const { email, name, locale } = await completeRequest(tx, { id: request.id, kind: 'registration', now })
    const customerId = await customerOfAddress(tx, { email, name, locale, now })
    // It was confirmed twice, or a password was set in the meantime: that one counts.
    if (!(await openAccount(tx, { customerId, passwordHash, now }))) throw mailTokenInvalid()
    await claim(tx, { customerId, email, now })
    return openSession(tx, keys, { customerId, passwordHash, device: given.device, now })
  })
}

/**
 * Sets the password of whoever reads the mailbox; all sessions end, and no other token for a new password is good any more. A
 * customer without an account gets one. Refuses `mail_token_invalid`.
 */
export async function resetPassword(inMerchant: InMerchant, keys: TokenKeys, given: WithToken & { password: string }): Promise<string> {
  const { now } = given
  const { id, email } = await standing(inMerchant, keys, 'password_reset', given)
  const passwordHash = await hashPassword(given.password)
  return inMerchant(async (tx) => {
    const customerId = await lockAddress(tx, email)
    if (customerId === undefined) throw mailTokenInvalid()
    await completeRequest(tx, { id, kind: 'password_reset', now })
    await tx.sql`
      update customer_request set completed_at = ${now}
      where merchant_id = ${tx.merchantId} and email = ${email} and kind = 'password_reset' and completed_at is null`
    if (await openAccount(tx, { customerId, passwordHash, now })) await claim(tx, { customerId, email, now })
    else {
      await tx.sql`
        update customer_account set password_hash = ${passwordHash}, password_changed_at = ${now}
        where merchant_id = ${tx.merchantId} and customer_id = ${customerId}`
      await endSessions(tx, { customerId, reason: 'password_changed', now })
      await recordAccountEvent(tx, 'customer.password_changed', customerId, now)
    }
    return customerId
  })
}

/**
 * Moves a customer to the address whose mailbox they read; the old address is told. Refuses `mail_token_invalid`, and `duplicate` when
 * another customer has the address by now.
 */
export async function completeEmailChange(inMerchant: InMerchant, keys: TokenKeys, given: WithToken): Promise<void> {
  const { now } = given
  const { id } = await standing(inMerchant, keys, 'email_change', given)
  await inMerchant(async (tx) => {
    const { customerId, email } = await completeRequest(tx, { id, kind: 'email_change', now })
    const [before] = await tx.sql<[{ email: string; locale: string | null }?]>`
      select email, locale from customer where merchant_id = ${tx.merchantId} and id = ${customerId} for no key update`
    if (!before || customerId === null) throw mailTokenInvalid()
    if (before.email === email) return
    await moveTo(tx, { customerId, email, now })
    await recordAccountEvent(tx, 'customer.updated', customerId, now, { changed: ['email'] })
    await claim(tx, { customerId, email, now })
    const mail = { template: 'email_changed', to: before.email, locale: before.locale, data: { customer_id: customerId } } as const
    await queueMail(tx, { ...mail, key: `email_changed:${id}`, now })
  })
}

async function moveTo(tx: Tx, { customerId, email, now }: { customerId: string; email: string; now: Date }): Promise<void> {
  const [taken] = await tx.sql`select 1 from customer where merchant_id = ${tx.merchantId} and email = ${email}`
  if (taken) throw addressTaken()
  try {
    await tx.sql`
      update customer set email = ${email}, version = version + 1, updated_at = ${now}
      where merchant_id = ${tx.merchantId} and id = ${customerId}`
  } catch (error) {
    // Two customers moved to one address at the same moment. The transaction is spoilt either way, and a refusal ends it.
    if ((error as { code?: string }).code === '23505') throw addressTaken()
    throw error
  }
  await tx.sql`
    update customer_account set email_verified_at = ${now} where merchant_id = ${tx.merchantId} and customer_id = ${customerId}`
}

async function claim(tx: Tx, { now, ...whose }: { customerId: string; email: string; now: Date }): Promise<void> {
  const orders = await claimGuestOrders(tx, whose)
  if (orders > 0) await recordAccountEvent(tx, 'customer.orders_claimed', whose.customerId, now, { orders })
}

async function standing(inMerchant: InMerchant, keys: TokenKeys, kind: RequestKind, { token, now }: WithToken): Promise<CustomerRequest> {
  const id = readRequestToken(keys, inMerchant.merchant.id, token)
  const [rows] = await inMerchant.readOnce((tx) => [openRequest(tx, { id, kind, now })])
  const request = rows?.[0] as CustomerRequest | undefined
  if (!request) throw mailTokenInvalid()
  return request
}

function addressTaken(): Refusal {
  return new Refusal('duplicate', { detail: 'There is a customer with this e-mail address already.' })
}
