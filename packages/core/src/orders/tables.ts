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
import type { Address } from '../cart/address.ts'
import { customers } from '../customers/tables.ts'
import type { FulfillmentStatus, OrderPaymentStatus, OrderStatus } from './order-state.ts'

const amount = (name: string) => bigint(name, { mode: 'bigint' }).notNull()

export const orders = pgTable(
  'orders',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    number: amount('number'),
    cartId: uuid('cart_id').notNull(),
    status: text('status').notNull().$type<OrderStatus>(),
    paymentStatus: text('payment_status').notNull().$type<OrderPaymentStatus>(),
    fulfillmentStatus: text('fulfillment_status').notNull().$type<FulfillmentStatus>(),
    currency: text('currency').notNull(),
    email: text('email').notNull(),
    shippingAddress: jsonb('shipping_address').$type<Address>(),
    billingAddress: jsonb('billing_address').$type<Address>(),
    subtotal: amount('subtotal'),
    discountTotal: amount('discount_total'),
    shippingTotal: amount('shipping_total'),
    taxTotal: amount('tax_total'),
    taxIncluded: boolean('tax_included').notNull(),
    total: amount('total'),
    pricingInput: jsonb('pricing_input').notNull(),
    pricingResult: jsonb('pricing_result').notNull(),
    placedAt: timestamp('placed_at', { withTimezone: true }).notNull().defaultNow(),
    pricingVersion: text('pricing_version'),
    taxTreatment: text('tax_treatment'),
    channel: text('channel').notNull().default('web'),
    locationId: uuid('location_id'),
    shippingDiscountTotal: amount('shipping_discount_total').default(0n),
    cancelledAt: timestamp('cancelled_at', { withTimezone: true }),
    cancelReason: text('cancel_reason'),
    customerId: uuid('customer_id'),
    authorizedTotal: amount('authorized_total').default(0n),
    capturedTotal: amount('captured_total').default(0n),
    refundedTotal: amount('refunded_total').default(0n),
    tags: text('tags').array().notNull().default([]),
    revision: amount('revision').default(1n),
    contactRevision: amount('contact_revision').default(1n),
    repaidTotal: amount('repaid_total').default(0n),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.number),
    uniqueIndex().on(table.merchantId, table.cartId).where(sql`status <> 'cancelled'`),
    foreignKey({ columns: [table.merchantId, table.customerId], foreignColumns: [customers.merchantId, customers.id] }),
  ],
)

export const orderLines = pgTable(
  'order_line',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    position: integer('position').notNull(),
    productId: uuid('product_id').notNull(),
    variantId: uuid('variant_id').notNull(),
    productTitle: text('product_title').notNull(),
    variantTitle: text('variant_title').notNull(),
    sku: text('sku').notNull(),
    quantity: amount('quantity'),
    unitPrice: amount('unit_price'),
    subtotal: amount('subtotal'),
    discountTotal: amount('discount_total'),
    taxTotal: amount('tax_total'),
    total: amount('total'),
    kind: text('kind').notNull().default('item').$type<'item' | 'gift'>(),
    pricingLineId: text('pricing_line_id'),
    fulfilledQuantity: amount('fulfilled_quantity').default(0n),
    deliveredQuantity: amount('delivered_quantity').default(0n),
    returnedQuantity: amount('returned_quantity').default(0n),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.orderId, table.position),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)

export const orderContacts = pgTable(
  'order_contact',
  {
    merchantId: uuid('merchant_id').notNull(),
    orderId: uuid('order_id').notNull(),
    revision: amount('revision'),
    email: text('email').notNull(),
    shippingAddress: jsonb('shipping_address').$type<Address>(),
    billingAddress: jsonb('billing_address').$type<Address>(),
    validFrom: timestamp('valid_from', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.orderId, table.revision] }),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)

export const orderNotes = pgTable(
  'order_note',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    body: text('body').notNull(),
    actor: jsonb('actor').notNull().$type<Actor>(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)

export const orderEdits = pgTable(
  'order_edit',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    inputBefore: jsonb('input_before').notNull(),
    resultBefore: jsonb('result_before').notNull(),
    inputAfter: jsonb('input_after').notNull(),
    resultAfter: jsonb('result_after').notNull(),
    difference: amount('difference'),
    reason: text('reason').notNull(),
    actor: jsonb('actor').notNull().$type<Actor>(),
    editedAt: timestamp('edited_at', { withTimezone: true }).notNull().defaultNow(),
    recountsPromotions: boolean('recounts_promotions').notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)
