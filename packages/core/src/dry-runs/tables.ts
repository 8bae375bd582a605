import { bigint, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'
import { promotionVersions } from '../promotions/tables.ts'

const amount = (name: string) => bigint(name, { mode: 'bigint' }).notNull()

/** What one promotion, or a coupon, did to a cart: in the order they were applied. */
export interface AppliedPart {
  promotion_id: string
  version: number
  name: string
  /** What it took off, in minor units. */
  amount: number
}

/** Which promotions made the difference. */
export interface DifferenceExplanation {
  before: AppliedPart[]
  after: AppliedPart[]
}

export const dryRuns = pgTable(
  'dry_run',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    promotionId: uuid('promotion_id').notNull(),
    version: integer('version').notNull(),
    source: text('source').notNull().$type<'orders' | 'carts'>(),
    sample: integer('sample').notNull(),
    status: text('status').notNull().$type<'queued' | 'running' | 'done'>(),
    position: bigint('position', { mode: 'bigint' }),
    considered: amount('considered').default(0n),
    changed: amount('changed').default(0n),
    skipped: amount('skipped').default(0n),
    totalBefore: amount('total_before').default(0n),
    totalAfter: amount('total_after').default(0n),
    author: jsonb('author').notNull().$type<Actor>(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    finishedAt: timestamp('finished_at', { withTimezone: true }),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({
      columns: [table.merchantId, table.promotionId, table.version],
      foreignColumns: [promotionVersions.merchantId, promotionVersions.promotionId, promotionVersions.version],
    }),
  ],
)

export const dryRunDifferences = pgTable(
  'dry_run_difference',
  {
    merchantId: uuid('merchant_id').notNull(),
    dryRunId: uuid('dry_run_id').notNull(),
    subjectId: uuid('subject_id').notNull(),
    orderNumber: bigint('order_number', { mode: 'bigint' }),
    totalBefore: amount('total_before'),
    totalAfter: amount('total_after'),
    discountBefore: amount('discount_before'),
    discountAfter: amount('discount_after'),
    magnitude: amount('magnitude'),
    explanation: jsonb('explanation').notNull().$type<DifferenceExplanation>(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.dryRunId, table.subjectId] }),
    foreignKey({ columns: [table.merchantId, table.dryRunId], foreignColumns: [dryRuns.merchantId, dryRuns.id] }),
  ],
)
