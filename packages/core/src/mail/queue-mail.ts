import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { enqueue } from '../jobs.ts'
import type { MailTemplateName } from './mail-template.ts'

export interface NewMail {
  template: MailTemplateName
  to: string
  /** BCP 47; null: in the words for everybody. */
  locale: string | null
  /** Ids alone: what the mail says is looked up when it is sent. */
  data: Record<string, string>
  /** What it is about: a second mail of the same key is not made. */
  key: string
  now: Date
}

/** Sends a mail once this transaction is committed. Answers whether it is the first of its key. */
export async function queueMail(tx: Tx, mail: NewMail): Promise<boolean> {
  const mailId = newId(mail.now)
  const inserted = await tx.sql`
    insert into mail_message (merchant_id, id, key, template, recipient, locale, data, created_at)
    values (${tx.merchantId}, ${mailId}, ${mail.key}, ${mail.template}, ${mail.to}, ${mail.locale}, ${JSON.stringify(mail.data)}::jsonb, ${mail.now})
    on conflict (merchant_id, key) do nothing
    returning id`
  if (inserted.length === 0) return false
  await enqueue(tx, 'send_mail', { mailId }, { key: mailId })
  return true
}
