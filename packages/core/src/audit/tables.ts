import { bigint, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'

export const auditEntries = pgTable(
  'audit_entry',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    action: text('action').notNull(),
    targetType: text('target_type').notNull(),
    targetId: uuid('target_id').notNull(),
    before: jsonb('before').$type<unknown>(),
    after: jsonb('after').$type<unknown>(),
    reason: text('reason').notNull(),
    actor: jsonb('actor').notNull().$type<Actor>(),
    actorId: uuid('actor_id'),
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull().defaultNow(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    previousHash: text('previous_hash').notNull(),
    hash: text('hash').notNull(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] })],
)

export const auditChains = pgTable('audit_chain', {
  merchantId: uuid('merchant_id').primaryKey(),
  sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
  hash: text('hash').notNull(),
})
