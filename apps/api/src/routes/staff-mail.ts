import type { TokenKeys } from '@souk/core/capability.ts'
import { listMails, retryMail } from '@souk/core/mail/list-mails.ts'
import { getMailSettings, setMailSettings } from '@souk/core/mail/mail-settings.ts'
import { MAIL_TEMPLATES } from '@souk/core/mail/mail-template.ts'
import { checkWords, renderMail } from '@souk/core/mail/render-mail.ts'
import { deleteTemplate, getTemplate, listTemplates, saveTemplate } from '@souk/core/mail/templates.ts'
import { sendTestMail } from '@souk/core/mail/test-mail.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idSchema } from '../wire/id.ts'
import {
  mailSchema,
  mailSettingsSchema,
  mailStatusSchema,
  mailTemplateSchema,
  presentMail,
  presentMailSettings,
  presentTemplate,
  renderedMailSchema,
  templateLocaleQuery,
  templateNameSchema,
  wordsSchema,
} from '../wire/mail.ts'
import { pageOf, pageQuery } from '../wire/page.ts'

const reads = { gate: 'staff', scopes: ['mail:read'] } as const
const writes = { gate: 'staff', scopes: ['mail:write'] } as const
const templateParams = z.strictObject({ template_name: templateNameSchema })

/** What the shop mails, in which words, and what became of it. */
export function staffMailRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  templateRoutes(fastify)
  trialRoutes(fastify)
  mailRoutes(fastify, keys)
}

function templateRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/mail-templates',
    {
      config: { ...reads, summary: 'All mails, in the words of now' },
      schema: { response: { 200: z.strictObject({ data: z.array(mailTemplateSchema) }) } },
    },
    async ({ inMerchant }) => ({ data: (await inMerchant.read(listTemplates)).map(presentTemplate) }),
  )

  app.get(
    '/v1/admin/mail-templates/:template_name',
    {
      config: { ...reads, summary: 'The words of a mail' },
      schema: { params: templateParams, querystring: templateLocaleQuery, response: { 200: mailTemplateSchema } },
    },
    async ({ inMerchant, params, query }) => presentTemplate(await inMerchant.read((tx) => getTemplate(tx, placeOf(params, query)))),
  )

  app.put(
    '/v1/admin/mail-templates/:template_name',
    {
      config: { ...writes, summary: 'Write the words of a mail' },
      schema: { params: templateParams, querystring: templateLocaleQuery, body: wordsSchema, response: { 200: mailTemplateSchema } },
    },
    async ({ inMerchant, params, query, body, principal: { actor }, now }) =>
      presentTemplate(await inMerchant((tx) => saveTemplate(tx, placeOf(params, query), body, { actor, now }))),
  )

  app.delete(
    '/v1/admin/mail-templates/:template_name',
    {
      config: { ...writes, summary: 'Go back to our words' },
      schema: { params: templateParams, querystring: templateLocaleQuery, response: { 204: z.null() } },
    },
    async ({ inMerchant, params, query, principal: { actor }, now }, reply) => {
      await inMerchant((tx) => deleteTemplate(tx, placeOf(params, query), { actor, now }))
      return reply.code(204).send(null)
    },
  )
}

function trialRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.post(
    '/v1/admin/mail-templates/:template_name/preview',
    {
      config: { ...reads, summary: 'See what words would become, with stand-ins; nothing is saved' },
      schema: { params: templateParams, body: wordsSchema, response: { 200: renderedMailSchema } },
    },
    async ({ params, body }) => {
      checkWords(params.template_name, body)
      return renderMail(body, MAIL_TEMPLATES[params.template_name].sample)
    },
  )

  app.post(
    '/v1/admin/mail-templates/:template_name/test',
    {
      config: { ...writes, summary: 'Mail it to oneself, with stand-ins' },
      schema: { params: templateParams, querystring: templateLocaleQuery, response: { 202: z.strictObject({ recipient: z.string() }) } },
    },
    async ({ inMerchant, params, query, principal: { actor }, now }, reply) => {
      const given = { template: params.template_name, locale: query.locale ?? null, actor, now }
      return reply.code(202).send({ recipient: await inMerchant((tx) => sendTestMail(tx, given)) })
    },
  )
}

function mailRoutes(fastify: FastifyInstance, keys: TokenKeys): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/mail-settings',
    { config: { ...reads, summary: 'How mails are sent' }, schema: { response: { 200: mailSettingsSchema } } },
    async ({ inMerchant }) => presentMailSettings(await inMerchant.read(getMailSettings)),
  )

  app.put(
    '/v1/admin/mail-settings',
    {
      config: { ...writes, summary: 'Say how mails are sent' },
      schema: { body: mailSettingsSchema, response: { 200: mailSettingsSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now }) => {
      const given = { senderName: body.sender_name, replyTo: body.reply_to, storefrontUrl: body.storefront_url }
      return presentMailSettings(await inMerchant((tx) => setMailSettings(tx, given, { actor, now })))
    },
  )

  app.get(
    '/v1/admin/mails',
    {
      config: { ...reads, summary: 'What was mailed, the newest first' },
      schema: {
        querystring: z.strictObject({ ...pageQuery, mail_status: mailStatusSchema.optional() }),
        response: { 200: pageOf(mailSchema) },
      },
    },
    async ({ inMerchant, query: { mail_status: status, ...page } }) => {
      const { mails, nextCursor } = await inMerchant.read((tx) => listMails(tx, keys, { ...page, status }))
      return { data: mails.map(presentMail), next_cursor: nextCursor }
    },
  )

  app.post(
    '/v1/admin/mails/:mail_id/retry',
    {
      config: { ...writes, summary: 'Send a mail again that could not be delivered' },
      schema: { params: z.strictObject({ mail_id: idSchema }), response: { 204: z.null() } },
    },
    async ({ inMerchant, params: { mail_id } }, reply) => {
      await inMerchant((tx) => retryMail(tx, mail_id))
      return reply.code(204).send(null)
    },
  )
}

function placeOf(params: z.output<typeof templateParams>, { locale = '' }: z.output<typeof templateLocaleQuery>) {
  return { name: params.template_name, locale }
}
