import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { Refusal } from '../refusal.ts'
import { requireName } from '../text.ts'
import { MAIL_SENDER_NAME_GRAPHEMES_MAX } from './limits.ts'

/** How a merchant's mails are sent. */
export interface MailSettings {
  /** Null: the shop's name. */
  senderName: string | null
  /** Null: the shop's contact address. */
  replyTo: string | null
  /** Where links lead; null: to the merchant's host here. */
  storefrontUrl: string | null
}

const NONE: MailSettings = { senderName: null, replyTo: null, storefrontUrl: null }

export async function getMailSettings(tx: Tx): Promise<MailSettings> {
  const [row] = await tx.sql<[MailSettings?]>`
    select sender_name as "senderName", reply_to as "replyTo", storefront_url as "storefrontUrl"
    from mail_settings where merchant_id = ${tx.merchantId}`
  return row ?? NONE
}

/** Sets all of them. Refuses a storefront that is no plain https address. */
export async function setMailSettings(tx: Tx, given: MailSettings, by: { actor: Actor; now: Date }): Promise<MailSettings> {
  const after = {
    senderName: given.senderName === null ? null : requireName('/sender_name', given.senderName, MAIL_SENDER_NAME_GRAPHEMES_MAX),
    replyTo: given.replyTo,
    storefrontUrl: given.storefrontUrl === null ? null : checkedUrl(given.storefrontUrl),
  }
  const before = await getMailSettings(tx)
  await tx.sql`
    insert into mail_settings (merchant_id, sender_name, reply_to, storefront_url, updated_at)
    values (${tx.merchantId}, ${after.senderName}, ${after.replyTo}, ${after.storefrontUrl}, ${by.now})
    on conflict (merchant_id) do update set sender_name = excluded.sender_name, reply_to = excluded.reply_to,
      storefront_url = excluded.storefront_url, version = mail_settings.version + 1, updated_at = excluded.updated_at`
  const entry = { action: 'mail_settings.changed', targetType: 'mail_settings', targetId: tx.merchantId, before, after, reason: '' }
  await recordAudit(tx, { ...entry, ...by })
  return after
}

/** Without a slash at its end, so that paths can be put behind it. */
export function storefrontUrl(own: string | null, otherwise: string): string {
  return (own ?? otherwise).replace(/\/+$/, '')
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' && url.username === '' && url.password === '' && url.search === '' && url.hash === '') return url.href
  const detail = 'The storefront is an https address without a query.'
  throw new Refusal('mail_settings_invalid', { detail, errors: [{ pointer: '/storefront_url', code: 'invalid_url', detail }] })
}
