import { bigint, foreignKey, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'
import { variants } from '../catalog/tables.ts'
import { customers } from '../customers/tables.ts'
import type { Address } from './address.ts'

export const carts = pgTable(
  'cart',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    status: text('status').notNull().default('open').$type<'open' | 'ordered'>(),
    currency: text('currency').notNull(),
    email: text('email'),
    shippingAddress: jsonb('shipping_address').$type<Address>(),
    billingAddress: jsonb('billing_address').$type<Address>(),
    shippingOption: text('shipping_option'),
    channel: text('channel').notNull().default('web'),
    couponCodes: text('coupon_codes').array().notNull().default([]),
    vatId: text('vat_id'),
    customerId: uuid('customer_id'),
    draftedBy: jsonb('drafted_by').$type<Actor>(),
    staffDiscount: jsonb('staff_discount').$type<{ amount: number; reason: string }>(),
    version: bigint('version', { mode: 'bigint' }).notNull().default(1n),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.customerId], foreignColumns: [customers.merchantId, customers.id] }),
  ],
)

export const cartLines = pgTable(
  'cart_line',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    cartId: uuid('cart_id').notNull(),
    variantId: uuid('variant_id').notNull(),
    quantity: bigint('quantity', { mode: 'bigint' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.cartId, table.variantId),
    foreignKey({ columns: [table.merchantId, table.cartId], foreignColumns: [carts.merchantId, carts.id] }).onDelete('cascade'),
    foreignKey({ columns: [table.merchantId, table.variantId], foreignColumns: [variants.merchantId, variants.id] }).onDelete('cascade'),
  ],
)
