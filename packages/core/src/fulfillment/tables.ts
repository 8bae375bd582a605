import { customType, foreignKey, jsonb, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'
import { orders } from '../orders/tables.ts'
import type { Parcel, Place, ShipmentStatus, TrackingEvent } from './shipment.ts'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const time = (name: string) => timestamp(name, { withTimezone: true })

export const shipments = pgTable(
  'shipment',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    orderId: uuid('order_id').notNull(),
    installId: uuid('install_id').notNull(),
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
  ],
)
