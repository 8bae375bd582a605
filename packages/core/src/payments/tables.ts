import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  foreignKey,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'
import { customers } from '../customers/tables.ts'
import type { Failure, MethodShown, NextAction, PaymentState } from '../orders/order-payment.ts'
import { orders } from '../orders/tables.ts'
import type { OperationDetail, OperationStatus, Review } from './payment.ts'
import type { CaptureMode, OperationKind } from './provider.ts'

const merchantId = () => uuid('merchant_id').notNull()
const moment = (name: string) => timestamp(name, { withTimezone: true })
const amount = (name: string) => bigint(name, { mode: 'bigint' }).notNull()

export const payments = pgTable(
  'payment',
  {
    merchantId: merchantId(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    provider: text('provider').notNull(),
    method: text('method').notNull(),
    status: text('status').notNull().$type<PaymentState>(),
    amount: amount('amount'),
    currency: text('currency').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    authorizedAmount: amount('authorized_amount').default(0n),
    capturedAmount: amount('captured_amount').default(0n),
    refundedAmount: amount('refunded_amount').default(0n),
    capture: text('capture').notNull().default('now').$type<CaptureMode>(),
    sourceId: uuid('source_id'),
    providerReference: text('provider_reference'),
    methodFacts: jsonb('method_facts').$type<MethodShown>(),
    nextAction: jsonb('next_action').$type<NextAction>(),
    failure: jsonb('failure').$type<Failure>(),
    review: jsonb('review').$type<Review>(),
    expiresAt: moment('expires_at'),
    settledAt: moment('settled_at'),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    uniqueIndex('one_open_attempt')
      .on(table.merchantId, table.orderId)
      .where(sql`status in ('pending', 'requires_action') and provider not in ('manual', 'store_credit', 'gift_card')`),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)

export const paymentOperations = pgTable(
  'payment_operation',
  {
    merchantId: merchantId(),
    id: uuid('id').notNull(),
    paymentId: uuid('payment_id').notNull(),
    orderId: uuid('order_id').notNull(),
    kind: text('kind').notNull().$type<OperationKind>(),
    amount: amount('amount'),
    currency: text('currency').notNull(),
    status: text('status').notNull().default('pending').$type<OperationStatus>(),
    refundId: uuid('refund_id'),
    detail: jsonb('detail').notNull().default({}).$type<OperationDetail>(),
    providerReference: text('provider_reference'),
    failure: jsonb('failure').$type<Failure>(),
    attempts: integer('attempts').notNull().default(0),
    dueAt: moment('due_at').notNull().defaultNow(),
    requestedBy: jsonb('requested_by').notNull().$type<Actor>(),
    requestedAt: moment('requested_at').notNull().defaultNow(),
    settledAt: moment('settled_at'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.paymentId], foreignColumns: [payments.merchantId, payments.id] }),
  ],
)

export const paymentCallbacks = pgTable(
  'payment_callback',
  {
    merchantId: merchantId(),
    id: uuid('id').notNull(),
    provider: text('provider').notNull(),
    providerEventId: text('provider_event_id').notNull(),
    kind: text('kind').notNull().$type<'payment' | 'refund' | 'dispute' | 'other'>(),
    paymentId: uuid('payment_id'),
    reference: text('reference'),
    dispute: jsonb('dispute'),
    receivedAt: moment('received_at').notNull().defaultNow(),
    processedAt: moment('processed_at'),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.provider, table.providerEventId)],
)

export const paymentAccounts = pgTable(
  'payment_account',
  {
    merchantId: merchantId(),
    id: uuid('id').notNull(),
    provider: text('provider').notNull(),
    enabled: boolean('enabled').notNull().default(true),
    apiBase: text('api_base'),
    settings: jsonb('settings').notNull().default({}).$type<Record<string, unknown>>(),
    capture: text('capture').notNull().default('now').$type<CaptureMode>(),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.provider)],
)

export const paymentAccountSecrets = pgTable(
  'payment_account_secret',
  {
    merchantId: merchantId(),
    accountId: uuid('account_id').notNull(),
    name: text('name').notNull(),
    sealed: text('sealed').notNull(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.accountId, table.name] }),
    foreignKey({ columns: [table.merchantId, table.accountId], foreignColumns: [paymentAccounts.merchantId, paymentAccounts.id] }),
  ],
)

export const savedPaymentMethods = pgTable(
  'saved_payment_method',
  {
    merchantId: merchantId(),
    id: uuid('id').notNull(),
    customerId: uuid('customer_id').notNull(),
    provider: text('provider').notNull(),
    providerReference: text('provider_reference').notNull(),
    type: text('type').notNull(),
    brand: text('brand'),
    last4: text('last4'),
    expiryMonth: integer('expiry_month'),
    expiryYear: integer('expiry_year'),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.customerId, table.provider, table.providerReference),
    foreignKey({ columns: [table.merchantId, table.customerId], foreignColumns: [customers.merchantId, customers.id] }).onDelete('cascade'),
  ],
)

export const disputes = pgTable(
  'dispute',
  {
    merchantId: merchantId(),
    id: uuid('id').notNull(),
    paymentId: uuid('payment_id').notNull(),
    orderId: uuid('order_id').notNull(),
    provider: text('provider').notNull(),
    providerReference: text('provider_reference').notNull(),
    status: text('status').notNull().$type<'opened' | 'won' | 'lost'>(),
    amount: amount('amount'),
    currency: text('currency').notNull(),
    reason: text('reason').notNull(),
    dueBy: moment('due_by'),
    openedAt: moment('opened_at').notNull().defaultNow(),
    closedAt: moment('closed_at'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.provider, table.providerReference),
    foreignKey({ columns: [table.merchantId, table.paymentId], foreignColumns: [payments.merchantId, payments.id] }),
  ],
)
