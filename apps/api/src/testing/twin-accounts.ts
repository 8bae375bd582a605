import { customerOfAddress, openAccount } from '@souk/core/customers/accounts.ts'
import { addAddress } from '@souk/core/customers/addresses.ts'
import { requestToken } from '@souk/core/customers/request-token.ts'
import { makeRequest, type RequestKind } from '@souk/core/customers/requests.ts'
import { openSession } from '@souk/core/customers/sessions.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { ApiMerchant, TestApi } from './api.ts'
import type { Values } from './valid-requests.ts'

interface Given {
  /** Of a customer that is made here: whoever else orders has another. */
  email: string
  /** Lower-case letters, digits and hyphens, another in each set of things. */
  name: string
  canary: string
  passwordHash: string
}

/** A customer who is signed in on two devices, has an address, and has asked for all that is answered by mail. */
export async function addAccount(
  { shop: { keys }, tokens, clock }: TestApi,
  shop: ApiMerchant,
  given: Given,
): Promise<{ customer: string; values: Values }> {
  const { email, name, canary, passwordHash } = given
  const { now } = clock
  const address = { name: `${canary} Ada`, line1: `${canary} street 1`, city: 'Berlin', country: 'DE' }
  const ask = async (tx: Tx, kind: RequestKind, to: string, customerId: string) => {
    const registration = kind === 'registration' ? { name: canary, locale: 'de', passwordHash } : {}
    await makeRequest(tx, { kind, email: to, ...(kind === 'email_change' && { customerId }), ...registration, now })
    const [row] = await tx.sql<[{ id: string }]>`
      select id from customer_request where merchant_id = ${tx.merchantId} and email = ${to} and kind = ${kind} order by id desc limit 1`
    return requestToken(keys, tx.merchantId, row.id)
  }
  return shop.inMerchant(async (tx) => {
    const customerId = await customerOfAddress(tx, { email, name: `${canary} Ada`, locale: 'de-DE', now })
    await openAccount(tx, { customerId, passwordHash, now })
    const open = () => openSession(tx, keys, { customerId, passwordHash, device: `${canary} device`, now })
    const [session, second] = [await open(), await open()]
    const saved = await addAddress(tx, customerId, { address, now })
    return {
      customer: tokens.issue({ customersOf: tx.merchantId }, customerId, now, session.sessionId).access_token,
      values: {
        session_id: second.sessionId,
        refresh_token: session.refreshToken,
        address_id: saved.id,
        account_email: email,
        registration_token: await ask(tx, 'registration', `${name}-${canary}@new.example`, customerId),
        reset_token: await ask(tx, 'password_reset', email, customerId),
        email_token: await ask(tx, 'email_change', `${name}-${canary}@moved.example`, customerId),
      },
    }
  })
}

/** Words and settings of the shop's own for its mails, and a mail that could not be delivered. */
export async function addMail(
  call: (method: 'PUT', url: string, payload: object) => Promise<unknown>,
  shop: ApiMerchant,
  { canary }: Pick<Given, 'canary'>,
): Promise<Values> {
  const words = { subject: `${canary} subject`, text: `${canary} text`, html: `<p>${canary}</p>` }
  await call('PUT', '/v1/admin/mail-templates/order_placed', words)
  const settings = { sender_name: `${canary} shop`, reply_to: `${canary}@shop.example`, storefront_url: `https://${canary}.example/` }
  await call('PUT', '/v1/admin/mail-settings', settings)
  const [mail] = await shop.inMerchant(
    (tx) => tx.sql<[{ id: string }]>`
      update mail_message set status = 'failed', problem = ${`${canary} was refused`}, recipient = ${`${canary}@buyer.example`}, settled_at = now()
      where merchant_id = ${tx.merchantId} and id = (
        select id from mail_message where merchant_id = ${tx.merchantId} and status = 'queued' order by id desc limit 1)
      returning id`,
  )
  return { mail_id: mail.id }
}
