import { bigint, foreignKey, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'
import { orders } from '../orders/tables.ts'
import { payments } from '../payments/tables.ts'

const amount = (name: string) => bigint(name, { mode: 'bigint' }).notNull()

export const refunds = pgTable(
  'refund',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    destination: text('destination').notNull().$type<'original' | 'store_credit'>(),
    customerId: uuid('customer_id'),
    currency: text('currency').notNull(),
    amount: amount('amount'),
    tax: amount('tax'),
    shipping: amount('shipping'),
    shippingTax: amount('shipping_tax'),
    withheld: amount('withheld'),
    reason: text('reason').notNull(),
    actor: jsonb('actor').notNull().$type<Actor>(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    editId: uuid('edit_id'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)

export const refundLines = pgTable(
  'refund_line',
  {
    merchantId: uuid('merchant_id').notNull(),
    refundId: uuid('refund_id').notNull(),
    orderLineId: uuid('order_line_id').notNull(),
    quantity: amount('quantity'),
    amount: amount('amount'),
    tax: amount('tax'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.refundId, table.orderLineId] }),
    foreignKey({ columns: [table.merchantId, table.refundId], foreignColumns: [refunds.merchantId, refunds.id] }),
  ],
)

export const refundParts = pgTable(
  'refund_part',
  {
    merchantId: uuid('merchant_id').notNull(),
    refundId: uuid('refund_id').notNull(),
    paymentId: uuid('payment_id').notNull(),
    amount: amount('amount'),
    tax: amount('tax'),
    operationId: uuid('operation_id'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.refundId, table.paymentId] }),
    foreignKey({ columns: [table.merchantId, table.refundId], foreignColumns: [refunds.merchantId, refunds.id] }),
    foreignKey({ columns: [table.merchantId, table.paymentId], foreignColumns: [payments.merchantId, payments.id] }),
  ],
)
