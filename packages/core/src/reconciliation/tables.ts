import { bigint, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'

const moment = (name: string) => timestamp(name, { withTimezone: true })
const count = (name: string) => bigint(name, { mode: 'bigint' }).notNull().default(0n)

export const reconciliations = pgTable(
  'reconciliation',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    provider: text('provider').notNull(),
    periodFrom: moment('period_from').notNull(),
    periodUntil: moment('period_until').notNull(),
    status: text('status').notNull().$type<'queued' | 'done' | 'failed'>(),
    linesRead: count('lines_read'),
    differenceCount: count('difference_count'),
    differences: jsonb('differences').notNull().default([]),
    failure: text('failure'),
    requestedBy: jsonb('requested_by').notNull().$type<Actor>(),
    requestedAt: moment('requested_at').notNull().defaultNow(),
    finishedAt: moment('finished_at'),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] })],
)
