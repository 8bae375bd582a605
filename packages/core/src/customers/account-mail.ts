import type { Tx } from '@souk/tenant-router/tx.ts'
import type { TokenKeys } from '../capability.ts'
import type { MailData, MailTemplateName } from '../mail/mail-template.ts'
import type { MailDataLoader, MailToSend } from '../mail/send-mail.ts'
import { requestToken } from './request-token.ts'

type AccountTemplate = Extract<MailTemplateName, 'verify_email' | 'account_exists' | 'reset_password' | 'change_email' | 'email_changed'>

const HOUR_MS = 3_600_000

/** What the mails about accounts say. Tokens are made here, when a mail is sent: none is ever stored or queued. */
export function accountMail(keys: TokenKeys): Record<AccountTemplate, MailDataLoader> {
  return {
    verify_email: async (tx, mail) => {
      const request = await standingRequest(tx, mail)
      if (!request) return undefined
      const known = await customerAt(tx, request.email)
      if (known?.hasAccount) return { template: 'account_exists', data: { link: `${mail.shopUrl}/account/sign-in` } }
      return { data: withToken(keys, tx, mail, request) }
    },
    account_exists: async (_tx, mail) => ({ data: { link: `${mail.shopUrl}/account/sign-in` } }),
    reset_password: async (tx, mail) => {
      const request = await standingRequest(tx, mail)
      const known = request && (await customerAt(tx, request.email))
      if (!request || !known) return undefined
      return { data: { ...withToken(keys, tx, mail, request), customer: { name: known.name, email: known.email } } }
    },
    change_email: async (tx, mail) => {
      const request = await standingRequest(tx, mail)
      if (!request || request.customerId === null) return undefined
      // Who has the address already hears of an attempt as they would of a second registration.
      if (await customerAt(tx, request.email)) return { template: 'account_exists', data: { link: `${mail.shopUrl}/account/sign-in` } }
      const customer = await customerById(tx, request.customerId)
      return customer && { data: { ...withToken(keys, tx, mail, request), customer } }
    },
    email_changed: async (tx, mail) => {
      const customer = await customerById(tx, mail.data.customer_id!)
      return customer && { data: { customer: { name: customer.name, email: mail.recipient } } }
    },
  }
}

interface Request {
  id: string
  kind: 'registration' | 'password_reset' | 'email_change'
  email: string
  customerId: string | null
  expiresAt: Date
}

const PAGES: Record<Request['kind'], string> = { registration: 'verify', password_reset: 'reset-password', email_change: 'confirm-email' }

async function standingRequest(tx: Tx, mail: MailToSend): Promise<Request | undefined> {
  const [request] = await tx.sql<Request[]>`
    select id, kind, email, customer_id as "customerId", expires_at as "expiresAt" from customer_request
    where merchant_id = ${tx.merchantId} and id = ${mail.data.request_id!} and completed_at is null and expires_at > ${mail.now}::timestamptz`
  return request
}

function withToken(keys: TokenKeys, tx: Tx, mail: MailToSend, request: Request): MailData {
  const token = requestToken(keys, tx.merchantId, request.id)
  return {
    token,
    link: `${mail.shopUrl}/account/${PAGES[request.kind]}?token=${encodeURIComponent(token)}`,
    valid_hours: Math.max(1, Math.floor((request.expiresAt.getTime() - mail.now.getTime()) / HOUR_MS)),
  }
}

async function customerAt(tx: Tx, email: string): Promise<{ name: string; email: string; hasAccount: boolean } | undefined> {
  const [row] = await tx.sql<{ name: string; email: string; hasAccount: boolean }[]>`
    select c.name, c.email, a.customer_id is not null as "hasAccount" from customer c
      left join customer_account a on a.merchant_id = ${tx.merchantId} and a.customer_id = c.id
    where c.merchant_id = ${tx.merchantId} and c.email = ${email}`
  return row
}

async function customerById(tx: Tx, customerId: string): Promise<{ name: string; email: string } | undefined> {
  const [row] = await tx.sql<{ name: string; email: string }[]>`
    select name, email from customer where merchant_id = ${tx.merchantId} and id = ${customerId}`
  return row
}
