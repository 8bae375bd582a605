import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import type { MailTemplateName } from '../mail/mail-template.ts'
import { queueMail } from '../mail/queue-mail.ts'
import { normalizeEmail } from '../merchant/staff.ts'
import { REQUEST_HOURS, REQUEST_WINDOW_MINUTES, REQUESTS_PER_ADDRESS_MAX } from './account-limits.ts'
import { mailTokenInvalid } from './request-token.ts'

export type RequestKind = 'registration' | 'password_reset' | 'email_change'

export interface CustomerRequest {
  id: string
  kind: RequestKind
  email: string
  customerId: string | null
  name: string
  locale: string | null
  passwordHash: string | null
}

export interface NewRequest {
  kind: RequestKind
  email: string
  customerId?: string
  name?: string | undefined
  locale?: string | null | undefined
  passwordHash?: string
  now: Date
}

const TEMPLATES: Record<RequestKind, MailTemplateName> = {
  registration: 'verify_email',
  password_reset: 'reset_password',
  email_change: 'change_email',
}

const MINUTE_MS = 60_000

/**
 * Writes down what somebody asks for who says that an address is theirs, and mails it a token. The same is done whether
 * anybody is known by the address or not; what the mail says, and whether there is one, is decided when it is sent. Of too many
 * requests for one address the further ones come to nothing.
 */
export async function makeRequest(tx: Tx, given: NewRequest): Promise<void> {
  const { kind, now, customerId = null, name = '', locale = null, passwordHash = null } = given
  const email = normalizeEmail(given.email)
  const id = newId(now)
  const since = new Date(now.getTime() - REQUEST_WINDOW_MINUTES * MINUTE_MS)
  const expiresAt = new Date(now.getTime() + REQUEST_HOURS * 60 * MINUTE_MS)
  const made = await tx.sql`
    insert into customer_request (merchant_id, id, kind, email, customer_id, name, locale, password_hash, created_at, expires_at)
    select ${tx.merchantId}::uuid, ${id}::uuid, ${kind}, ${email}, ${customerId}::uuid, ${name}, ${locale}, ${passwordHash}, ${now}::timestamptz,
      ${expiresAt}::timestamptz
    where ${REQUESTS_PER_ADDRESS_MAX}::int > (
      select count(*) from customer_request where merchant_id = ${tx.merchantId} and email = ${email} and created_at > ${since}::timestamptz)
    returning id`
  if (made.length === 0) return
  await queueMail(tx, { template: TEMPLATES[kind], to: email, locale, data: { request_id: id }, key: `customer_request:${id}`, now })
}

/** A request that still stands, or undefined. The query is not awaited here. */
export function openRequest(tx: Pick<Tx, 'merchantId' | 'sql'>, asked: { id: string; kind: RequestKind; now: Date }): Query {
  return tx.sql`
    select id, kind, email, customer_id as "customerId", name, locale, password_hash as "passwordHash" from customer_request
    where merchant_id = ${tx.merchantId} and id = ${asked.id} and kind = ${asked.kind} and completed_at is null
      and expires_at > ${asked.now}::timestamptz`
}

/** Completes a request, once: of two who come with its token, the second is refused `mail_token_invalid`. */
export async function completeRequest(tx: Tx, asked: { id: string; kind: RequestKind; now: Date }): Promise<CustomerRequest> {
  const [request] = await tx.sql<CustomerRequest[]>`
    update customer_request set completed_at = ${asked.now}
    where merchant_id = ${tx.merchantId} and id = ${asked.id} and kind = ${asked.kind} and completed_at is null
      and expires_at > ${asked.now}::timestamptz
    returning id, kind, email, customer_id as "customerId", name, locale, password_hash as "passwordHash"`
  if (!request) throw mailTokenInvalid()
  return request
}
