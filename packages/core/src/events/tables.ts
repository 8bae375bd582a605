import { bigint, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'

export const events = pgTable(
  'event',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    type: text('type').notNull(),
    aggregateType: text('aggregate_type').notNull(),
    aggregateId: uuid('aggregate_id').notNull(),
    data: jsonb('data').notNull().$type<Record<string, unknown>>(),
    actor: jsonb('actor').notNull().$type<Actor>(),
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.sequence)],
)

export const merchantCounters = pgTable('merchant_counter', {
  merchantId: uuid('merchant_id').primaryKey(),
  orderNumber: bigint('order_number', { mode: 'bigint' }).notNull(),
  eventSequence: bigint('event_sequence', { mode: 'bigint' }).notNull(),
})
