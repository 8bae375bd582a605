import { bigint, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'

const moment = (name: string) => timestamp(name, { withTimezone: true })

export const giftCards = pgTable(
  'gift_card',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    codeDigest: text('code_digest').notNull(),
    lastFour: text('last_four').notNull(),
    currency: text('currency').notNull(),
    initialAmount: bigint('initial_amount', { mode: 'bigint' }).notNull(),
    status: text('status').notNull().$type<'active' | 'disabled'>(),
    expiresAt: moment('expires_at'),
    note: text('note').notNull(),
    batchId: uuid('batch_id'),
    issuedBy: jsonb('issued_by').notNull().$type<Actor>(),
    issuedAt: moment('issued_at').notNull().defaultNow(),
    disabledAt: moment('disabled_at'),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.codeDigest)],
)
