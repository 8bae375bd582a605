import type { PgColumn } from 'drizzle-orm/pg-core'
import { bigint, boolean, foreignKey, jsonb, pgTable, primaryKey, text, timestamp, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'

export const customers = pgTable(
  'customer',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    email: text('email').notNull(),
    name: text('name').notNull().default(''),
    locale: text('locale'),
    taxExempt: boolean('tax_exempt').notNull().default(false),
    vatId: text('vat_id'),
    vatIdValid: boolean('vat_id_valid').notNull().default(false),
    ordersCount: bigint('orders_count', { mode: 'bigint' }).notNull().default(0n),
    totalSpent: bigint('total_spent', { mode: 'bigint' }).notNull().default(0n),
    lastOrderAt: timestamp('last_order_at', { withTimezone: true }),
    groups: text('groups').array().notNull().default([]),
    version: bigint('version', { mode: 'bigint' }).notNull().default(1n),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.email)],
)

export const customerGroups = pgTable(
  'customer_group',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    handle: text('handle').notNull(),
    name: text('name').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.handle)],
)

export const customerGroupMembers = pgTable(
  'customer_group_member',
  {
    merchantId: uuid('merchant_id').notNull(),
    groupId: uuid('group_id').notNull(),
    customerId: uuid('customer_id').notNull(),
    addedAt: timestamp('added_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.groupId, table.customerId] }),
    foreignKey({
      columns: [table.merchantId, table.groupId],
      foreignColumns: [customerGroups.merchantId, customerGroups.id],
    }).onDelete('cascade'),
    foreignKey({ columns: [table.merchantId, table.customerId], foreignColumns: [customers.merchantId, customers.id] }).onDelete('cascade'),
  ],
)

export const customerAccounts = pgTable(
  'customer_account',
  {
    merchantId: uuid('merchant_id').notNull(),
    customerId: uuid('customer_id').notNull(),
    passwordHash: text('password_hash').notNull(),
    passwordChangedAt: timestamp('password_changed_at', { withTimezone: true }).notNull().defaultNow(),
    emailVerifiedAt: timestamp('email_verified_at', { withTimezone: true }).notNull().defaultNow(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.customerId] }), ofCustomer(table)],
)

export const customerRequests = pgTable(
  'customer_request',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    kind: text('kind').notNull().$type<'registration' | 'password_reset' | 'email_change'>(),
    email: text('email').notNull(),
    customerId: uuid('customer_id'),
    name: text('name').notNull().default(''),
    locale: text('locale'),
    passwordHash: text('password_hash'),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
    completedAt: timestamp('completed_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), ofCustomer(table)],
)

export const customerSessions = pgTable(
  'customer_session',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    customerId: uuid('customer_id').notNull(),
    device: text('device').notNull().default(''),
    generation: bigint('generation', { mode: 'bigint' }).notNull().default(1n),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    refreshedAt: timestamp('refreshed_at', { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
    endedAt: timestamp('ended_at', { withTimezone: true }),
    endReason: text('end_reason').$type<'signed_out' | 'token_reused' | 'password_changed'>(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), ofCustomer(table)],
)

export const customerAddresses = pgTable(
  'customer_address',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    customerId: uuid('customer_id').notNull(),
    address: jsonb('address').notNull().$type<Record<string, string>>(),
    defaultShipping: boolean('default_shipping').notNull().default(false),
    defaultBilling: boolean('default_billing').notNull().default(false),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    uniqueIndex('customer_address_default_shipping').on(table.merchantId, table.customerId),
    uniqueIndex('customer_address_default_billing').on(table.merchantId, table.customerId),
    ofCustomer(table),
  ],
)

function ofCustomer(table: { merchantId: PgColumn; customerId: PgColumn }) {
  return foreignKey({
    columns: [table.merchantId, table.customerId],
    foreignColumns: [customers.merchantId, customers.id],
  } as never).onDelete('cascade')
}
