import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { callingOut } from '@souk/tenant-router/use-case.ts'
import { MAILS_WOKEN_MAX } from './limits.ts'
import { storefrontUrl } from './mail-settings.ts'
import { MAIL_TEMPLATES, type MailData, type MailTemplateName } from './mail-template.ts'
import { type RenderedMail, renderMail } from './render-mail.ts'
import { wordsFor } from './templates.ts'

/** A mail on its way out. */
export interface OutgoingMail extends RenderedMail {
  /** The same at every attempt: whoever gets the mail twice can tell. */
  messageId: string
  sender: string
  replyTo: string
  to: string
}

/** What brings mails to their receivers: SMTP, or a folder where there is none. */
export interface MailTransport {
  /** Throws MailRefused when it is of no use to try again, and anything else when it is. */
  deliver(mail: OutgoingMail): Promise<void>
}

/** The receiver's side does not take this mail, now or later. */
export class MailRefused extends Error {}

/** What a mail says, looked up when it is sent; undefined when there is nothing more to say. May choose another template. */
export type MailDataLoader = (tx: Tx, mail: MailToSend) => Promise<{ template?: MailTemplateName; data: MailData } | undefined>

export interface MailToSend {
  id: string
  template: MailTemplateName
  recipient: string
  locale: string | null
  data: Record<string, string>
  /** Where the shop's links lead. */
  shopUrl: string
  now: Date
}

export interface MailDeps {
  transport: MailTransport
  loaders: Record<MailTemplateName, MailDataLoader>
  /** Where the storefront of a shop is that has said nothing else. */
  storefrontUrl(slug: string): string
  now(): Date
}

/**
 * Sends a queued mail. It may run again after a crash: then a receiver may get the same mail twice, with one Message-ID. Nothing
 * is open while the transport works.
 */
export async function sendMail(
  inMerchant: InMerchant,
  deps: MailDeps,
  { mailId }: { mailId: string },
): Promise<'sent' | 'failed' | 'dropped' | 'none'> {
  const found = await inMerchant((tx) => prepare(tx, deps, mailId))
  if (!found) return 'none'
  // Whoever is in a sandbox is a copy of somebody.
  if (inMerchant.merchant.sandbox) {
    return settle(inMerchant, mailId, { status: 'dropped', problem: 'This is a sandbox: it sends no mail.', now: deps.now() })
  }
  if (found.mail === undefined) return settle(inMerchant, mailId, { status: 'dropped', problem: null, now: deps.now() })
  crashPoint('mail.before_delivery')
  const { mail } = found
  const outcome = await callingOut('mail', () => deliver(deps.transport, mail))
  crashPoint('mail.after_delivery')
  return settle(inMerchant, mailId, { ...outcome, now: deps.now() })
}

/** The mails that a worker should be busy with. One whose job was given up waits for somebody to retry that job. */
export async function unsentMails(tx: Pick<Tx, 'merchantId' | 'sql'>): Promise<string[]> {
  const rows = await tx.sql<{ id: string }[]>`
    select m.id from mail_message m
    where m.merchant_id = ${tx.merchantId} and m.status = 'queued'
      and not exists (
        select 1 from dead_job d
        where d.merchant_id = ${tx.merchantId} and d.task = 'send_mail' and d.payload ->> 'mailId' = m.id::text
      )
    order by m.created_at limit ${MAILS_WOKEN_MAX}`
  return rows.map((row) => row.id)
}

/** Undefined when there is nothing to do; `mail` undefined when there is nothing to say. */
async function prepare(tx: Tx, deps: MailDeps, mailId: string): Promise<{ mail: OutgoingMail | undefined } | undefined> {
  const [row] = await tx.sql<(Omit<MailToSend, 'recipient' | 'shopUrl' | 'now'> & { recipient: string | null })[]>`
    select id, template, recipient, locale, data from mail_message
    where merchant_id = ${tx.merchantId} and id = ${mailId} and status = 'queued'`
  if (!row) return undefined
  if (row.recipient === null) return { mail: undefined }
  const [shop] = await tx.sql<
    { name: string; slug: string; contactEmail: string; senderName: string | null; replyTo: string | null; storefrontUrl: string | null }[]
  >`
    select s.name, s.slug, s.contact_email as "contactEmail", m.sender_name as "senderName", m.reply_to as "replyTo",
      m.storefront_url as "storefrontUrl"
    from merchant_settings s left join mail_settings m on m.merchant_id = s.merchant_id
    where s.merchant_id = ${tx.merchantId}`
  if (!shop) throw new Error('the merchant has no settings')
  const shopUrl = storefrontUrl(shop.storefrontUrl, deps.storefrontUrl(shop.slug))
  const load = 'trial' in row.data ? async () => ({ data: MAIL_TEMPLATES[row.template].sample }) : deps.loaders[row.template]
  const loaded: Awaited<ReturnType<MailDataLoader>> = await load(tx, { ...row, recipient: row.recipient, shopUrl, now: deps.now() })
  if (!loaded) return { mail: undefined }
  const words = await wordsFor(tx, loaded.template ?? row.template, row.locale)
  const replyTo = shop.replyTo ?? shop.contactEmail
  const data = { ...loaded.data, shop: { name: shop.name, url: shopUrl, email: replyTo } }
  return {
    mail: { ...renderMail(words, data), messageId: row.id, sender: shop.senderName ?? shop.name, replyTo, to: row.recipient },
  }
}

async function deliver(transport: MailTransport, mail: OutgoingMail): Promise<{ status: 'sent' | 'failed'; problem: string | null }> {
  try {
    await transport.deliver(mail)
    return { status: 'sent', problem: null }
  } catch (error) {
    // The words of a mail server may quote the address: they are not kept.
    if (error instanceof MailRefused) return { status: 'failed', problem: 'The mail server refused the mail.' }
    throw error
  }
}

async function settle<Status extends 'sent' | 'failed' | 'dropped'>(
  inMerchant: InMerchant,
  mailId: string,
  { status, problem, now }: { status: Status; problem: string | null; now: Date },
): Promise<Status> {
  await inMerchant(
    (tx) => tx.sql`
      update mail_message set status = ${status}, problem = ${problem}, settled_at = ${now}
      where merchant_id = ${tx.merchantId} and id = ${mailId} and status = 'queued'`,
  )
  return status
}
