import { bigint, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'

export const mailTemplates = pgTable(
  'mail_template',
  {
    merchantId: uuid('merchant_id').notNull(),
    name: text('name').notNull(),
    locale: text('locale').notNull().default(''),
    subject: text('subject').notNull(),
    textBody: text('text_body').notNull(),
    htmlBody: text('html_body'),
    version: bigint('version', { mode: 'bigint' }).notNull().default(1n),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.name, table.locale] })],
)

export const mailSettings = pgTable('mail_settings', {
  merchantId: uuid('merchant_id').primaryKey(),
  senderName: text('sender_name'),
  replyTo: text('reply_to'),
  storefrontUrl: text('storefront_url'),
  version: bigint('version', { mode: 'bigint' }).notNull().default(1n),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
})

export const mailMessages = pgTable(
  'mail_message',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    key: text('key').notNull(),
    template: text('template').notNull(),
    recipient: text('recipient'),
    locale: text('locale'),
    data: jsonb('data').notNull().$type<Record<string, string>>(),
    status: text('status').notNull().default('queued').$type<'queued' | 'sent' | 'failed' | 'dropped'>(),
    problem: text('problem'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    settledAt: timestamp('settled_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.key)],
)

export const mailFollowers = pgTable('mail_follower', {
  merchantId: uuid('merchant_id').primaryKey(),
  position: bigint('position', { mode: 'bigint' }).notNull().default(0n),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
})
