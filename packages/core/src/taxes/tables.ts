import { bigint, boolean, date, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import { customers } from '../customers/tables.ts'

export const taxRates = pgTable(
  'tax_rate',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    country: text('country').notNull(),
    region: text('region'),
    postcodeFrom: text('postcode_from'),
    postcodeTo: text('postcode_to'),
    postcodePattern: text('postcode_pattern'),
    category: text('category').notNull(),
    ratePpm: bigint('rate_ppm', { mode: 'bigint' }).notNull(),
    validFrom: date('valid_from'),
    validTo: date('valid_to'),
    compound: boolean('compound').notNull().default(false),
    priority: integer('priority').notNull().default(1),
    source: text('source'),
    sourceKey: text('source_key'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique('one_rate_says_one_thing')
      .on(
        table.merchantId,
        table.country,
        table.region,
        table.postcodeFrom,
        table.postcodeTo,
        table.postcodePattern,
        table.category,
        table.priority,
        table.validFrom,
      )
      .nullsNotDistinct(),
    unique().on(table.merchantId, table.source, table.sourceKey),
  ],
)

export const taxSettings = pgTable('tax_settings', {
  merchantId: uuid('merchant_id').primaryKey(),
  document: jsonb('document').notNull().$type<unknown>(),
  version: bigint('version', { mode: 'bigint' }).notNull().default(1n),
  updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
})

export const taxExemptions = pgTable(
  'tax_exemption',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    customerId: uuid('customer_id'),
    customerGroup: text('customer_group'),
    certificate: text('certificate').notNull(),
    country: text('country').notNull().default('*'),
    region: text('region'),
    category: text('category'),
    validFrom: date('valid_from'),
    validTo: date('valid_to'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.customerId], foreignColumns: [customers.merchantId, customers.id] }).onDelete('cascade'),
  ],
)
