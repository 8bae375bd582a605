import { MAIL_BODY_BYTES_MAX, MAIL_SENDER_NAME_GRAPHEMES_MAX, MAIL_SUBJECT_BYTES_MAX } from '@souk/core/mail/limits.ts'
import type { listMails } from '@souk/core/mail/list-mails.ts'
import type { MailSettings } from '@souk/core/mail/mail-settings.ts'
import { MAIL_TEMPLATE_NAMES, MAIL_TEMPLATES } from '@souk/core/mail/mail-template.ts'
import type { MailTemplate } from '@souk/core/mail/templates.ts'
import { z } from 'zod'
import { localeSchema } from './customer.ts'
import { idSchema } from './id.ts'
import { emailSchema, proseSchema, textSchema } from './text.ts'
import { timeSchema } from './time.ts'

const URL_LENGTH_MAX = 2_000

export const templateNameSchema = z.enum(MAIL_TEMPLATE_NAMES)
export const templateLocaleQuery = z.strictObject({ locale: localeSchema.optional() })

export const wordsSchema = z.strictObject({
  subject: proseSchema(MAIL_SUBJECT_BYTES_MAX).min(1).meta({ description: 'Liquid, one line.' }),
  text: proseSchema(MAIL_BODY_BYTES_MAX).min(1).meta({ description: 'Liquid.' }),
  html: proseSchema(MAIL_BODY_BYTES_MAX).min(1).nullable().default(null).meta({ description: 'Liquid; what is put into it is escaped.' }),
})

export const mailTemplateSchema = z
  .strictObject({
    name: templateNameSchema,
    locale: z.string().nullable().meta({ description: 'Null: for everybody without words of their own.' }),
    meaning: z.string(),
    is_default: z.boolean().meta({ description: 'The shop has not written these words.' }),
    subject: z.string(),
    text: z.string(),
    html: z.string().nullable(),
    sample: z.record(z.string(), z.unknown()).meta({ description: 'All that such a mail may speak of, with stand-ins.' }),
  })
  .meta({ id: 'MailTemplate' })

export function presentTemplate({ name, locale, isDefault, subject, text, html }: MailTemplate): z.input<typeof mailTemplateSchema> {
  const { meaning, sample } = MAIL_TEMPLATES[name]
  return { name, locale: locale === '' ? null : locale, meaning, is_default: isDefault, subject, text, html, sample }
}

export const renderedMailSchema = z.strictObject({ subject: z.string(), text: z.string(), html: z.string().nullable() })

export const mailSettingsSchema = z.strictObject({
  sender_name: textSchema(MAIL_SENDER_NAME_GRAPHEMES_MAX).nullable().meta({ description: 'Null: the shop’s name.' }),
  reply_to: emailSchema.nullable().meta({ description: 'Null: the shop’s contact address.' }),
  storefront_url: z
    .string()
    .max(URL_LENGTH_MAX, 'text_too_long')
    .nullable()
    .meta({ description: 'Where links in mails lead; https. Null: here.' }),
})

export function presentMailSettings({ senderName, replyTo, storefrontUrl }: MailSettings): z.input<typeof mailSettingsSchema> {
  return { sender_name: senderName, reply_to: replyTo, storefront_url: storefrontUrl }
}

export const mailStatusSchema = z.enum(['queued', 'sent', 'failed', 'dropped'])

export const mailSchema = z
  .strictObject({
    id: idSchema,
    template: z.string(),
    recipient: z.string().nullable().meta({ description: 'Null once the person was forgotten.' }),
    locale: z.string().nullable(),
    data: z.record(z.string(), z.string()),
    status: mailStatusSchema.meta({ description: 'dropped: there was nothing to say any more.' }),
    problem: z.string().nullable(),
    created_at: timeSchema,
    settled_at: timeSchema.nullable(),
  })
  .meta({ id: 'Mail' })

export function presentMail(mail: Awaited<ReturnType<typeof listMails>>['mails'][number]): z.input<typeof mailSchema> {
  const { createdAt, settledAt, ...rest } = mail
  return { ...rest, created_at: createdAt.toISOString(), settled_at: settledAt?.toISOString() ?? null }
}
