import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, lt } from 'drizzle-orm'
import { openCursor, sealCursor, type TokenKeys } from '../capability.ts'
import { enqueue } from '../jobs.ts'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { mailMessages } from './tables.ts'

const COLUMNS = {
  id: mailMessages.id,
  template: mailMessages.template,
  recipient: mailMessages.recipient,
  locale: mailMessages.locale,
  data: mailMessages.data,
  status: mailMessages.status,
  problem: mailMessages.problem,
  createdAt: mailMessages.createdAt,
  settledAt: mailMessages.settledAt,
}

export interface MailsPage {
  limit: number
  cursor?: string | undefined
  status?: 'queued' | 'sent' | 'failed' | 'dropped' | undefined
}

/** One page of the merchant's mails, the newest first. Refuses `invalid_cursor`. */
export async function listMails(tx: Tx, keys: TokenKeys, page: MailsPage) {
  const scope = { merchantId: tx.merchantId, query: `mails|${page.status ?? ''}` }
  const [before] = page.cursor === undefined ? [] : openCursor(keys, scope, page.cursor)
  const rows = await tx
    .select(COLUMNS)
    .from(mailMessages)
    .where(
      and(
        mine(tx, mailMessages),
        before === undefined ? undefined : lt(mailMessages.id, before),
        page.status && eq(mailMessages.status, page.status),
      ),
    )
    .orderBy(desc(mailMessages.id))
    .limit(page.limit + 1)
  const mails = rows.slice(0, page.limit)
  const last = mails.at(-1)
  return { mails, nextCursor: rows.length > page.limit && last ? sealCursor(keys, scope, [last.id]) : null }
}

/** Sends a mail again that could not be delivered. Refuses `invalid_state` for any other. */
export async function retryMail(tx: Tx, mailId: string): Promise<void> {
  const retried = await tx.sql`
    update mail_message set status = 'queued', problem = null, settled_at = null
    where merchant_id = ${tx.merchantId} and id = ${mailId} and status = 'failed' and recipient is not null
    returning id`
  if (retried.length > 0) return enqueue(tx, 'send_mail', { mailId }, { key: mailId })
  const [mail] = await tx.sql<[{ status: string }?]>`
    select status from mail_message where merchant_id = ${tx.merchantId} and id = ${mailId}`
  if (!mail) throw new Refusal('not_found', { detail: 'There is no such mail.' })
  throw new Refusal('invalid_state', { detail: 'Only a mail that failed is sent again.', extra: { current_state: mail.status } })
}
