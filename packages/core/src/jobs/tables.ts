import { bigint, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'

export const deadJobs = pgTable(
  'dead_job',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    queueId: bigint('queue_id', { mode: 'bigint' }).notNull(),
    task: text('task').notNull(),
    jobKey: text('job_key'),
    payload: jsonb('payload').$type<Record<string, unknown>>().notNull(),
    attempts: integer('attempts').notNull(),
    lastError: text('last_error').notNull(),
    enqueuedAt: timestamp('enqueued_at', { withTimezone: true }).notNull(),
    diedAt: timestamp('died_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.queueId)],
)
