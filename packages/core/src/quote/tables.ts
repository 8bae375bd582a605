import { jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'

export const pricingVersions = pgTable(
  'pricing_version',
  {
    merchantId: uuid('merchant_id').notNull(),
    hash: text('hash').notNull(),
    document: jsonb('document').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.hash] })],
)
