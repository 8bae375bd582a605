import { bigint, boolean, foreignKey, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'

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
