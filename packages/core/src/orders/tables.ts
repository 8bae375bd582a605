import { bigint, boolean, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { Address } from '../cart/address.ts'

const amount = (name: string) => bigint(name, { mode: 'bigint' }).notNull()

export const orders = pgTable(
  'orders',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    number: amount('number'),
    cartId: uuid('cart_id').notNull(),
    status: text('status').notNull().$type<'placed' | 'cancelled'>(),
    paymentStatus: text('payment_status').notNull().$type<'pending' | 'paid'>(),
    fulfillmentStatus: text('fulfillment_status').notNull().$type<'unfulfilled' | 'fulfilled'>(),
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
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.number),
    unique().on(table.merchantId, table.cartId),
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
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.orderId, table.position),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)
