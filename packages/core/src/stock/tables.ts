import { isNotNull } from 'drizzle-orm'
import {
  bigint,
  boolean,
  date,
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
import type { TransferStatus } from './transfer.ts'

// Stock knows variants and products by their ids alone: the catalogue opens and reads levels, not the other way round.
// The foreign keys to them are in the database.

export type MovementReason =
  | 'import'
  | 'adjustment'
  | 'reservation'
  | 'expiry'
  | 'allocation'
  | 'release'
  | 'shipment'
  | 'return'
  | 'transfer'

export const locations = pgTable(
  'location',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
    priority: integer('priority').notNull().default(0),
    active: boolean('active').notNull().default(true),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] }), unique().on(table.merchantId, table.name)],
)

export const stockLevels = pgTable(
  'stock_level',
  {
    merchantId: uuid('merchant_id').notNull(),
    variantId: uuid('variant_id').notNull(),
    locationId: uuid('location_id').notNull(),
    productId: uuid('product_id').notNull(),
    tracked: boolean('tracked').notNull(),
    backorder: boolean('backorder').notNull(),
    onHand: bigint('on_hand', { mode: 'bigint' }).notNull().default(0n),
    reserved: bigint('reserved', { mode: 'bigint' }).notNull().default(0n),
    allocated: bigint('allocated', { mode: 'bigint' }).notNull().default(0n),
    active: boolean('active').notNull().default(true),
    bundle: boolean('bundle').notNull().default(false),
    backorderLimit: bigint('backorder_limit', { mode: 'bigint' }),
    availableFrom: date('available_from'),
    preorderLimit: bigint('preorder_limit', { mode: 'bigint' }),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.variantId, table.locationId] }),
    foreignKey({ columns: [table.merchantId, table.locationId], foreignColumns: [locations.merchantId, locations.id] }),
  ],
)

export const stockMovements = pgTable(
  'stock_movement',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    variantId: uuid('variant_id').notNull(),
    locationId: uuid('location_id').notNull(),
    onHandChange: bigint('on_hand_change', { mode: 'bigint' }).notNull().default(0n),
    reservedChange: bigint('reserved_change', { mode: 'bigint' }).notNull().default(0n),
    allocatedChange: bigint('allocated_change', { mode: 'bigint' }).notNull().default(0n),
    reason: text('reason').notNull().$type<MovementReason>(),
    orderId: uuid('order_id'),
    reservationId: uuid('reservation_id'),
    note: text('note').notNull().default(''),
    actor: jsonb('actor').notNull().$type<Actor>(),
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull().defaultNow(),
    transferId: uuid('transfer_id'),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    uniqueIndex().on(table.merchantId, table.reservationId).where(isNotNull(table.reservationId)),
  ],
)

export const bundleComponents = pgTable(
  'bundle_component',
  {
    merchantId: uuid('merchant_id').notNull(),
    bundleId: uuid('bundle_id').notNull(),
    componentId: uuid('component_id').notNull(),
    quantity: bigint('quantity', { mode: 'bigint' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.bundleId, table.componentId] })],
)

export const stockReservations = pgTable(
  'stock_reservation',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    cartId: uuid('cart_id'),
    orderId: uuid('order_id'),
    lineVariantId: uuid('line_variant_id').notNull(),
    variantId: uuid('variant_id').notNull(),
    locationId: uuid('location_id').notNull(),
    perUnit: bigint('per_unit', { mode: 'bigint' }).notNull(),
    quantity: bigint('quantity', { mode: 'bigint' }).notNull(),
    status: text('status').notNull().default('active').$type<'active' | 'claimed' | 'released' | 'expired'>(),
    countedAs: text('counted_as').notNull().default('reserved').$type<'reserved' | 'allocated' | 'nothing'>(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
    endedAt: timestamp('ended_at', { withTimezone: true }),
    retakenAt: timestamp('retaken_at', { withTimezone: true }),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.locationId], foreignColumns: [locations.merchantId, locations.id] }),
  ],
)

export const stockAllocations = pgTable(
  'stock_allocation',
  {
    merchantId: uuid('merchant_id').notNull(),
    orderId: uuid('order_id').notNull(),
    lineVariantId: uuid('line_variant_id').notNull(),
    variantId: uuid('variant_id').notNull(),
    locationId: uuid('location_id').notNull(),
    perUnit: bigint('per_unit', { mode: 'bigint' }).notNull(),
    quantity: bigint('quantity', { mode: 'bigint' }).notNull(),
    shipped: bigint('shipped', { mode: 'bigint' }).notNull().default(0n),
    returned: bigint('returned', { mode: 'bigint' }).notNull().default(0n),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.orderId, table.lineVariantId, table.variantId, table.locationId] }),
    foreignKey({ columns: [table.merchantId, table.locationId], foreignColumns: [locations.merchantId, locations.id] }),
  ],
)

const units = (name: string) => bigint(name, { mode: 'bigint' }).notNull()

export const stockTransfers = pgTable(
  'stock_transfer',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    fromLocationId: uuid('from_location_id').notNull(),
    toLocationId: uuid('to_location_id').notNull(),
    status: text('status').notNull().default('in_transit').$type<TransferStatus>(),
    note: text('note').notNull().default(''),
    actor: jsonb('actor').notNull().$type<Actor>(),
    sentAt: timestamp('sent_at', { withTimezone: true }).notNull().defaultNow(),
    closedAt: timestamp('closed_at', { withTimezone: true }),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.fromLocationId], foreignColumns: [locations.merchantId, locations.id] }),
    foreignKey({ columns: [table.merchantId, table.toLocationId], foreignColumns: [locations.merchantId, locations.id] }),
  ],
)

export const stockTransferLines = pgTable(
  'stock_transfer_line',
  {
    merchantId: uuid('merchant_id').notNull(),
    transferId: uuid('transfer_id').notNull(),
    variantId: uuid('variant_id').notNull(),
    quantity: units('quantity'),
    received: units('received').default(0n),
    lost: units('lost').default(0n),
    calledBack: units('called_back').default(0n),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.transferId, table.variantId] }),
    foreignKey({ columns: [table.merchantId, table.transferId], foreignColumns: [stockTransfers.merchantId, stockTransfers.id] }),
  ],
)
