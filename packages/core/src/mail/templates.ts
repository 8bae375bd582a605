import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { Refusal } from '../refusal.ts'
import { DEFAULT_WORDS } from './default-words.ts'
import { MAIL_LOCALES_PER_TEMPLATE_MAX } from './limits.ts'
import { MAIL_TEMPLATE_NAMES, type MailTemplateName, type MailWords } from './mail-template.ts'
import { checkWords } from './render-mail.ts'

/** The words of a template in a locale; '' is for everybody without words of their own. */
export interface MailTemplate extends MailWords {
  name: MailTemplateName
  locale: string
  /** The merchant has not written these words. */
  isDefault: boolean
}

interface Place {
  name: MailTemplateName
  locale: string
}

interface By {
  actor: Actor
  now: Date
}

type Row = MailWords & Place

/** All templates: those that the merchant wrote, and ours where it wrote none for everybody. */
export async function listTemplates(tx: Tx): Promise<MailTemplate[]> {
  const own = await tx.sql<Row[]>`
    select name, locale, subject, text_body as text, html_body as html from mail_template
    where merchant_id = ${tx.merchantId} order by name, locale`
  return MAIL_TEMPLATE_NAMES.flatMap((name) => {
    const written = own.filter((row) => row.name === name).map((row) => ({ ...row, isDefault: false }))
    return written.some((row) => row.locale === '') ? written : [ours(name), ...written]
  })
}

/** What a place says: the merchant's words; ours for everybody where there are none. Refuses `not_found` for a locale without any. */
export async function getTemplate(tx: Tx, place: Place): Promise<MailTemplate> {
  const [row] = await rowsAt(tx, place)
  if (row) return { ...row, isDefault: false }
  if (place.locale === '') return ours(place.name)
  throw noTemplate()
}

/** Writes the words of a place. Refuses `mail_template_invalid` where they cannot be used. */
export async function saveTemplate(tx: Tx, place: Place, words: MailWords, by: By): Promise<MailTemplate> {
  checkWords(place.name, words)
  await assertRoom(tx, place)
  const [before] = await rowsAt(tx, place)
  await tx.sql`
    insert into mail_template (merchant_id, name, locale, subject, text_body, html_body, updated_at)
    values (${tx.merchantId}, ${place.name}, ${place.locale}, ${words.subject}, ${words.text}, ${words.html}, ${by.now})
    on conflict (merchant_id, name, locale) do update set subject = excluded.subject, text_body = excluded.text_body,
      html_body = excluded.html_body, version = mail_template.version + 1, updated_at = excluded.updated_at`
  await audit(tx, 'mail_template.saved', { before: before ?? null, after: { ...place, ...words } }, by)
  return { ...place, ...words, isDefault: false }
}

/** Takes the merchant's words back; ours count again. Refuses `not_found` where there are none. */
export async function deleteTemplate(tx: Tx, place: Place, by: By): Promise<void> {
  const [before] = await tx.sql<[Row?]>`
    delete from mail_template where merchant_id = ${tx.merchantId} and name = ${place.name} and locale = ${place.locale}
    returning name, locale, subject, text_body as text, html_body as html`
  if (!before) throw noTemplate()
  await audit(tx, 'mail_template.deleted', { before, after: null }, by)
}

/** The words for a reader: of the locale, of its language, of everybody, and else ours. */
export async function wordsFor(tx: Pick<Tx, 'merchantId' | 'sql'>, name: MailTemplateName, locale: string | null): Promise<MailWords> {
  const language = locale?.split('-')[0]
  const wanted = [locale, language, ''].filter((place) => place !== null && place !== undefined)
  const rows = await tx.sql<Row[]>`
    select name, locale, subject, text_body as text, html_body as html from mail_template
    where merchant_id = ${tx.merchantId} and name = ${name} and locale = any(${wanted})`
  return wanted.map((place) => rows.find((row) => row.locale === place)).find((row) => row !== undefined) ?? DEFAULT_WORDS[name]
}

function ours(name: MailTemplateName): MailTemplate {
  return { name, locale: '', isDefault: true, ...DEFAULT_WORDS[name] }
}

function rowsAt(tx: Tx, { name, locale }: Place) {
  return tx.sql<[Row?]>`
    select name, locale, subject, text_body as text, html_body as html from mail_template
    where merchant_id = ${tx.merchantId} and name = ${name} and locale = ${locale}`
}

async function assertRoom(tx: Tx, { name, locale }: Place): Promise<void> {
  const [row] = await tx.sql<[{ others: number }]>`
    select count(*)::int as others from mail_template where merchant_id = ${tx.merchantId} and name = ${name} and locale <> ${locale}`
  if (row.others < MAIL_LOCALES_PER_TEMPLATE_MAX) return
  throw new Refusal('too_many', { detail: `A template has words in at most ${MAIL_LOCALES_PER_TEMPLATE_MAX} locales.` })
}

function audit(tx: Tx, action: string, change: { before: unknown; after: unknown }, by: By) {
  return recordAudit(tx, { action, targetType: 'mail_template', targetId: tx.merchantId, ...change, reason: '', ...by })
}

function noTemplate(): Refusal {
  return new Refusal('not_found', { detail: 'There are no words of this shop for that template and locale.' })
}
