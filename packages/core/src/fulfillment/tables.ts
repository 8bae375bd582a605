import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
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
import { staff } from '../merchant/tables.ts'
import { orderLines, orders } from '../orders/tables.ts'
import { locations } from '../stock/tables.ts'
import type { FulfillmentStatus, OpensOn } from './fulfillment.ts'
import type { Parcel, Place, ShipmentStatus, TrackingEvent } from './shipment.ts'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const time = (name: string) => timestamp(name, { withTimezone: true })

export const fulfillmentSettings = pgTable('fulfillment_settings', {
  merchantId: uuid('merchant_id').primaryKey(),
  opensOn: text('opens_on').notNull().default('placed').$type<OpensOn>(),
  returnWindowDays: integer('return_window_days').notNull().default(30),
  followedSequence: bigint('followed_sequence', { mode: 'bigint' }).notNull().default(0n),
  updatedAt: time('updated_at').notNull().defaultNow(),
  fulfilsUnsent: boolean('fulfils_unsent').notNull().default(false),
})

export const fulfillments = pgTable(
  'fulfillment',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    locationId: uuid('location_id').notNull(),
    status: text('status').notNull().default('to_pick').$type<FulfillmentStatus>(),
    assignedTo: uuid('assigned_to'),
    courierId: uuid('courier_id'),
    carrier: text('carrier'),
    trackingNumber: text('tracking_number'),
    trackingUrl: text('tracking_url'),
    attempts: integer('attempts').notNull().default(0),
    openedAt: time('opened_at').notNull().defaultNow(),
    pickedAt: time('picked_at'),
    packedAt: time('packed_at'),
    shippedAt: time('shipped_at'),
    deliveredAt: time('delivered_at'),
    cancelledAt: time('cancelled_at'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
    foreignKey({ columns: [table.merchantId, table.locationId], foreignColumns: [locations.merchantId, locations.id] }),
    foreignKey({ columns: [table.merchantId, table.assignedTo], foreignColumns: [staff.merchantId, staff.id] }),
    foreignKey({ columns: [table.merchantId, table.courierId], foreignColumns: [staff.merchantId, staff.id] }),
  ],
)

export const fulfillmentLines = pgTable(
  'fulfillment_line',
  {
    merchantId: uuid('merchant_id').notNull(),
    fulfillmentId: uuid('fulfillment_id').notNull(),
    orderLineId: uuid('order_line_id').notNull(),
    quantity: bigint('quantity', { mode: 'bigint' }).notNull(),
    short: bigint('short', { mode: 'bigint' }).notNull().default(0n),
    picked: boolean('picked').notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.fulfillmentId, table.orderLineId] }),
    foreignKey({ columns: [table.merchantId, table.fulfillmentId], foreignColumns: [fulfillments.merchantId, fulfillments.id] }),
    foreignKey({ columns: [table.merchantId, table.orderLineId], foreignColumns: [orderLines.merchantId, orderLines.id] }),
  ],
)

export const shipments = pgTable(
  'shipment',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    installId: uuid('install_id').notNull(),
    fulfillmentId: uuid('fulfillment_id'),
    method: text('method').notNull(),
    pickupPointId: text('pickup_point_id'),
    status: text('status').notNull().$type<ShipmentStatus>(),
    sender: jsonb('sender').notNull().$type<Place>(),
    parcels: jsonb('parcels').notNull().$type<Parcel[]>(),
    carrierReference: text('carrier_reference'),
    trackingNumber: text('tracking_number'),
    trackingUrl: text('tracking_url'),
    labelType: text('label_type'),
    label: bytea('label'),
    trackingStatus: text('tracking_status'),
    trackingEvents: jsonb('tracking_events').notNull().$type<TrackingEvent[]>(),
    trackedAt: time('tracked_at'),
    failure: jsonb('failure').$type<{ code: string; message: string }>(),
    requestedBy: jsonb('requested_by').notNull().$type<Actor>(),
    requestedAt: time('requested_at').notNull().defaultNow(),
    updatedAt: time('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.orderId], foreignColumns: [orders.merchantId, orders.id] }),
    foreignKey({ columns: [table.merchantId, table.fulfillmentId], foreignColumns: [fulfillments.merchantId, fulfillments.id] }),
    uniqueIndex()
      .on(table.merchantId, table.fulfillmentId)
      .where(sql`${table.fulfillmentId} is not null and ${table.status} not in ('failed', 'cancelled')`),
  ],
)

export const deliveryAttempts = pgTable(
  'delivery_attempt',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    fulfillmentId: uuid('fulfillment_id').notNull(),
    outcome: text('outcome').notNull().$type<'delivered' | 'failed'>(),
    reason: text('reason'),
    receivedBy: text('received_by').notNull().default(''),
    note: text('note').notNull().default(''),
    actor: jsonb('actor').notNull().$type<Actor>(),
    attemptedAt: time('attempted_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.fulfillmentId], foreignColumns: [fulfillments.merchantId, fulfillments.id] }),
    uniqueIndex().on(table.merchantId, table.fulfillmentId).where(sql`${table.outcome} = 'delivered'`),
  ],
)

export const deliveryProofs = pgTable(
  'delivery_proof',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    attemptId: uuid('attempt_id').notNull(),
    kind: text('kind').notNull().$type<'photo' | 'signature'>(),
    mediaType: text('media_type').notNull(),
    content: bytea('content').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.attemptId, table.kind),
    foreignKey({ columns: [table.merchantId, table.attemptId], foreignColumns: [deliveryAttempts.merchantId, deliveryAttempts.id] }),
  ],
)
