import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { newId } from '../ids.ts'
import type { MailTemplateName } from './mail-template.ts'
import { queueMail } from './queue-mail.ts'

/** What a mail's data say when it is a trial: it is filled with stand-ins. */
export const TRIAL = { trial: 'yes' }

/** Mails a template with stand-ins to whoever asks; to the shop's contact address when that is no person. Answers the address. */
export async function sendTestMail(
  tx: Tx,
  given: { template: MailTemplateName; locale: string | null; actor: Actor; now: Date },
): Promise<string> {
  const staffId = given.actor.kind === 'staff' ? given.actor.id : null
  const [row] = await tx.sql<[{ email: string }]>`
    select coalesce(
      (select email from staff where merchant_id = ${tx.merchantId} and id = ${staffId}::uuid),
      (select contact_email from merchant_settings where merchant_id = ${tx.merchantId})) as email`
  const { template, locale, now } = given
  await queueMail(tx, { template, to: row.email, locale, data: TRIAL, key: `trial:${newId(now)}`, now })
  return row.email
}
