import { bigint, boolean, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'
import type { PromotionDocument } from '../pricing/promotion-document.ts'
import type { PromotionWarning } from './save-warnings.ts'

export type PromotionState = 'draft' | 'live' | 'off'
export type VersionStage = 'draft' | 'dry_run' | 'live' | 'retired'
export type BatchStatus = 'queued' | 'running' | 'done'

const count = (name: string) => bigint(name, { mode: 'bigint' })
const moment = (name: string) => timestamp(name, { withTimezone: true })

export const promotions = pgTable(
  'promotion',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    trigger: text('trigger').notNull().$type<'automatic' | 'coupon'>(),
    state: text('state').notNull().$type<PromotionState>(),
    latestVersion: integer('latest_version').notNull(),
    liveVersion: integer('live_version'),
    baseVersion: integer('base_version'),
    rolloutPpm: count('rollout_ppm').notNull().default(0n),
    limited: boolean('limited').notNull().default(false),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] })],
)

export const promotionVersions = pgTable(
  'promotion_version',
  {
    merchantId: uuid('merchant_id').notNull(),
    promotionId: uuid('promotion_id').notNull(),
    version: integer('version').notNull(),
    document: jsonb('document').notNull().$type<PromotionDocument>(),
    warnings: jsonb('warnings').notNull().$type<PromotionWarning[]>(),
    author: jsonb('author').notNull().$type<Actor>(),
    reason: text('reason').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.promotionId, table.version] }),
    foreignKey({ columns: [table.merchantId, table.promotionId], foreignColumns: [promotions.merchantId, promotions.id] }),
  ],
)

export const promotionStages = pgTable(
  'promotion_stage',
  {
    merchantId: uuid('merchant_id').notNull(),
    promotionId: uuid('promotion_id').notNull(),
    version: integer('version').notNull(),
    stage: text('stage').notNull().$type<VersionStage>(),
    dryRunAt: moment('dry_run_at'),
    firstLiveAt: moment('first_live_at'),
    changedAt: moment('changed_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.promotionId, table.version] }),
    foreignKey({
      columns: [table.merchantId, table.promotionId, table.version],
      foreignColumns: [promotionVersions.merchantId, promotionVersions.promotionId, promotionVersions.version],
    }),
  ],
)

const couponTerms = {
  usesMax: count('uses_max'),
  usesPerCustomer: count('uses_per_customer'),
  startsAt: moment('starts_at'),
  expiresAt: moment('expires_at'),
  disabledAt: moment('disabled_at'),
  createdAt: moment('created_at').notNull().defaultNow(),
}

export const couponBatches = pgTable(
  'coupon_batch',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    promotionId: uuid('promotion_id').notNull(),
    name: text('name').notNull(),
    prefix: text('prefix').notNull(),
    codeLength: integer('code_length').notNull(),
    quantity: integer('quantity').notNull(),
    generated: integer('generated').notNull().default(0),
    status: text('status').notNull().$type<BatchStatus>(),
    author: jsonb('author').notNull().$type<Actor>(),
    finishedAt: moment('finished_at'),
    ...couponTerms,
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.promotionId], foreignColumns: [promotions.merchantId, promotions.id] }),
  ],
)

export const coupons = pgTable(
  'coupon',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    promotionId: uuid('promotion_id').notNull(),
    batchId: uuid('batch_id'),
    code: text('code').notNull(),
    codeKey: text('code_key').notNull(),
    customerId: uuid('customer_id'),
    customerEmail: text('customer_email'),
    ...couponTerms,
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.codeKey),
    foreignKey({ columns: [table.merchantId, table.promotionId], foreignColumns: [promotions.merchantId, promotions.id] }),
    foreignKey({ columns: [table.merchantId, table.batchId], foreignColumns: [couponBatches.merchantId, couponBatches.id] }),
  ],
)

export const usageCounters = pgTable(
  'usage_counter',
  {
    merchantId: uuid('merchant_id').notNull(),
    subjectId: uuid('subject_id').notNull(),
    customerKey: text('customer_key').notNull(),
    used: count('used').notNull(),
    usedMax: count('used_max'),
    spent: count('spent').notNull(),
    spentMax: count('spent_max'),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.subjectId, table.customerKey] })],
)

export const redemptions = pgTable(
  'redemption',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    promotionId: uuid('promotion_id').notNull(),
    version: integer('version').notNull(),
    couponId: uuid('coupon_id'),
    couponCode: text('coupon_code'),
    customerKey: text('customer_key'),
    amount: count('amount').notNull(),
    state: text('state').notNull().$type<'claimed' | 'returned'>(),
    countedPromotion: boolean('counted_promotion').notNull(),
    countedCustomer: boolean('counted_customer').notNull(),
    countedCoupon: boolean('counted_coupon').notNull(),
    countedCouponCustomer: boolean('counted_coupon_customer').notNull(),
    claimedAt: moment('claimed_at').notNull().defaultNow(),
    returnedAt: moment('returned_at'),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.orderId, table.promotionId)],
)
