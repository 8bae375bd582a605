import { bigint, boolean, foreignKey, jsonb, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'
import type { Actor } from '../actor.ts'

// Stock knows variants and products by their ids alone: the catalogue opens and reads levels, not the other way round.
// The foreign keys to them are in the database.

export type MovementReason = 'import' | 'adjustment' | 'allocation' | 'release' | 'shipment' | 'return'

export const locations = pgTable(
  'location',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    name: text('name').notNull(),
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
    note: text('note').notNull().default(''),
    actor: jsonb('actor').notNull().$type<Actor>(),
    occurredAt: timestamp('occurred_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] })],
)
