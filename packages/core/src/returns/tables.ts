import { bigint, foreignKey, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'
import { orderLines, orders } from '../orders/tables.ts'
import { locations } from '../stock/tables.ts'
import type { InspectionDecision, ReturnReason, ReturnStatus } from './order-return.ts'

const time = (name: string) => timestamp(name, { withTimezone: true })

export const orderReturns = pgTable(
  'order_return',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    status: text('status').notNull().$type<ReturnStatus>(),
    note: text('note').notNull().default(''),
    decisionNote: text('decision_note').notNull().default(''),
    locationId: uuid('location_id'),
    requestedBy: jsonb('requested_by').notNull().$type<Actor>(),
    refundId: uuid('refund_id'),
    exchangeCartId: uuid('exchange_cart_id'),
    exchangeCredit: bigint('exchange_credit', { mode: 'bigint' }),
    requestedAt: time('requested_at').notNull().defaultNow(),
    decidedAt: time('decided_at'),
    receivedAt: time('received_at'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
    foreignKey({ columns: [table.merchantId, table.locationId], foreignColumns: [locations.merchantId, locations.id] }),
  ],
)

export const orderReturnLines = pgTable(
  'order_return_line',
  {
    merchantId: uuid('merchant_id').notNull(),
    returnId: uuid('return_id').notNull(),
    orderLineId: uuid('order_line_id').notNull(),
    quantity: bigint('quantity', { mode: 'bigint' }).notNull(),
    reason: text('reason').notNull().$type<ReturnReason>(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.returnId, table.orderLineId] }),
    foreignKey({ columns: [table.merchantId, table.returnId], foreignColumns: [orderReturns.merchantId, orderReturns.id] }),
    foreignKey({ columns: [table.merchantId, table.orderLineId], foreignColumns: [orderLines.merchantId, orderLines.id] }),
  ],
)

export const orderReturnInspections = pgTable(
  'order_return_inspection',
  {
    merchantId: uuid('merchant_id').notNull(),
    returnId: uuid('return_id').notNull(),
    orderLineId: uuid('order_line_id').notNull(),
    decision: text('decision').notNull().$type<InspectionDecision>(),
    quantity: bigint('quantity', { mode: 'bigint' }).notNull(),
    condition: text('condition').notNull().default(''),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.returnId, table.orderLineId, table.decision] }),
    foreignKey({
      columns: [table.merchantId, table.returnId, table.orderLineId],
      foreignColumns: [orderReturnLines.merchantId, orderReturnLines.returnId, orderReturnLines.orderLineId],
    }),
  ],
)
