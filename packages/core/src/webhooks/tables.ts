import { bigint, foreignKey, integer, pgTable, primaryKey, text, timestamp, unique, uuid } from 'drizzle-orm/pg-core'

const moment = (name: string) => timestamp(name, { withTimezone: true })

export const webhookEndpoints = pgTable(
  'webhook_endpoint',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    url: text('url').notNull(),
    description: text('description').notNull(),
    sealedSecret: text('sealed_secret').notNull(),
    sealedPrevious: text('sealed_previous'),
    previousUntil: moment('previous_until'),
    sealedHeaders: text('sealed_headers'),
    status: text('status').notNull().$type<'enabled' | 'disabled' | 'deleted'>(),
    disabledReason: text('disabled_reason').$type<'staff' | 'gone' | 'failing'>(),
    position: bigint('position', { mode: 'bigint' }).notNull(),
    keptFrom: bigint('kept_from', { mode: 'bigint' }).notNull().default(0n),
    failures: bigint('failures', { mode: 'bigint' }).notNull().default(0n),
    failingSince: moment('failing_since'),
    noticedAt: moment('noticed_at'),
    pausedUntil: moment('paused_until'),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.merchantId, table.id] })],
)

export const webhookSubscriptions = pgTable(
  'webhook_subscription',
  {
    merchantId: uuid('merchant_id').notNull(),
    endpointId: uuid('endpoint_id').notNull(),
    after: bigint('after', { mode: 'bigint' }).notNull(),
    eventTypes: text('event_types').array().notNull(),
    payloadVersion: text('payload_version').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.endpointId, table.after] }),
    foreignKey({ columns: [table.merchantId, table.endpointId], foreignColumns: [webhookEndpoints.merchantId, webhookEndpoints.id] }),
  ],
)

export const webhookDeliveries = pgTable(
  'webhook_delivery',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    endpointId: uuid('endpoint_id').notNull(),
    sequence: bigint('sequence', { mode: 'bigint' }).notNull(),
    eventType: text('event_type').notNull(),
    aggregateId: uuid('aggregate_id').notNull(),
    payloadVersion: text('payload_version').notNull(),
    status: text('status').notNull().$type<DeliveryStatus>(),
    attempts: bigint('attempts', { mode: 'bigint' }).notNull().default(0n),
    dueAt: moment('due_at').notNull().defaultNow(),
    pendingSince: moment('pending_since').notNull().defaultNow(),
    endedAt: moment('ended_at'),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    unique().on(table.merchantId, table.endpointId, table.sequence),
    foreignKey({ columns: [table.merchantId, table.endpointId], foreignColumns: [webhookEndpoints.merchantId, webhookEndpoints.id] }),
  ],
)

export type DeliveryStatus = 'pending' | 'delivered' | 'dead'

export const webhookAttempts = pgTable(
  'webhook_attempt',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    deliveryId: uuid('delivery_id').notNull(),
    number: bigint('number', { mode: 'bigint' }).notNull(),
    startedAt: moment('started_at').notNull(),
    durationMs: bigint('duration_ms', { mode: 'bigint' }).notNull(),
    statusCode: integer('status_code'),
    failure: text('failure'),
    answer: text('answer').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.deliveryId], foreignColumns: [webhookDeliveries.merchantId, webhookDeliveries.id] }),
  ],
)

export const webhookReplays = pgTable(
  'webhook_replay',
  {
    merchantId: uuid('merchant_id').notNull(),
    id: uuid('id').notNull(),
    endpointId: uuid('endpoint_id').notNull(),
    fromSequence: bigint('from_sequence', { mode: 'bigint' }).notNull(),
    toSequence: bigint('to_sequence', { mode: 'bigint' }).notNull(),
    position: bigint('position', { mode: 'bigint' }).notNull(),
    replayed: bigint('replayed', { mode: 'bigint' }).notNull().default(0n),
    doneAt: moment('done_at'),
    createdAt: moment('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.merchantId, table.id] }),
    foreignKey({ columns: [table.merchantId, table.endpointId], foreignColumns: [webhookEndpoints.merchantId, webhookEndpoints.id] }),
  ],
)
