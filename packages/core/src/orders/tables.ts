import { bigint, boolean, foreignKey, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { Address } from '../cart/address.ts'
import { customers } from '../customers/tables.ts'

const amount = (name: string) => bigint(name, { mode: 'bigint' }).notNull()

export const orders = pgTable(
  'orders',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    number: amount('number'),
    cartId: uuid('cart_id').notNull(),
    status: text('status').notNull().$type<'placed' | 'cancelled'>(),
    paymentStatus: text('payment_status').notNull().$type<'pending' | 'paid' | 'voided'>(),
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
    pricingVersion: text('pricing_version'),
    taxTreatment: text('tax_treatment'),
    channel: text('channel').notNull().default('web'),
    locationId: uuid('location_id'),
    shippingDiscountTotal: amount('shipping_discount_total').default(0n),
    cancelledAt: timestamp('cancelled_at', { withTimezone: true }),
    cancelReason: text('cancel_reason'),
    customerId: uuid('customer_id'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.number),
    unique().on(table.merchantId, table.cartId),
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
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.orderId, table.position),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
  ],
)
