import type { NamedLevel } from '@souk/core/catalog/list-stock.ts'
import { STOCK_CHANGE_MAX } from '@souk/core/stock/adjust.ts'
import type { StockLevel } from '@souk/core/stock/level.ts'
import { type LevelTerms, TERMS_LIMIT_MAX } from '@souk/core/stock/level-terms.ts'
import type { StockMovement } from '@souk/core/stock/list-movements.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { proseSchema } from './text.ts'
import { daySchema, timeSchema } from './time.ts'

const REASON_BYTES_MAX = 1_000

export const levelSchema = z
  .strictObject({
    variant_id: idSchema,
    product_id: idSchema,
    location_id: idSchema,
    tracked: z.boolean(),
    backorder: z.boolean().meta({ description: 'Sold when nothing is left.' }),
    backorder_limit: z.int().nullable().meta({ description: 'How many beyond what is there; null: any number.' }),
    preorder: z.strictObject({ available_from: z.iso.date(), limit: z.int().nullable() }).nullable(),
    bundle: z.boolean().meta({ description: 'Has no stock of its own: it is there as often as its components are.' }),
    on_hand: z.int(),
    reserved: z.int(),
    allocated: z.int(),
    available: z.int().meta({ description: 'On hand, less what is reserved or allocated.' }),
  })
  .meta({ id: 'StockLevel' })

export const namedLevelSchema = levelSchema
  .extend({ sku: z.string(), product_title: z.string(), variant_title: z.string() })
  .meta({ id: 'NamedStockLevel' })

export const movementSchema = z
  .strictObject({
    id: idSchema,
    variant_id: idSchema,
    location_id: idSchema,
    on_hand_change: z.int(),
    reserved_change: z.int(),
    allocated_change: z.int(),
    reason: z.enum(['import', 'adjustment', 'reservation', 'expiry', 'allocation', 'release', 'shipment', 'return', 'transfer']),
    note: z.string(),
    order_id: idSchema.nullable(),
    reservation_id: idSchema.nullable().meta({ description: 'The reservation that ended by it.' }),
    transfer_id: idSchema.nullable().meta({ description: 'The transfer it is a step of.' }),
    actor: z.record(z.string(), z.unknown()),
    occurred_at: timeSchema,
  })
  .meta({ id: 'StockMovement' })

const limitSchema = z
  .number()
  .int('quantity_out_of_range')
  .min(0, 'quantity_out_of_range')
  .max(TERMS_LIMIT_MAX, 'quantity_out_of_range')
  .nullable()
  .meta({ description: 'How many beyond what is there; null: any number.' })

export const termsSchema = z.strictObject({
  backorder: z.strictObject({ limit: limitSchema }).nullable().meta({ description: 'Sold when nothing is left; null: not.' }),
  preorder: z
    .strictObject({ available_from: daySchema, limit: limitSchema })
    .nullable()
    .meta({ description: 'Sold before the day on which it comes; null: not.' }),
  location_id: idSchema.optional().meta({ description: 'Every location, unless one is named.' }),
})

export function toTerms({ backorder, preorder }: z.output<typeof termsSchema>): LevelTerms {
  const limitOf = (limit: number | null) => (limit === null ? null : BigInt(limit))
  return {
    backorder: backorder && { limit: limitOf(backorder.limit) },
    preorder: preorder && { availableFrom: preorder.available_from, limit: limitOf(preorder.limit) },
  }
}

export const adjustmentSchema = z.strictObject({
  change: z
    .number()
    .int('quantity_out_of_range')
    .min(-STOCK_CHANGE_MAX, 'quantity_out_of_range')
    .max(STOCK_CHANGE_MAX, 'quantity_out_of_range')
    .refine((change) => change !== 0, 'quantity_out_of_range')
    .meta({ description: 'Signed, not zero.' }),
  reason: proseSchema(REASON_BYTES_MAX).default(''),
  location_id: idSchema.optional().meta({ description: 'The default location, unless another is named.' }),
})

/** A level as staff see it. */
export function presentLevel(level: StockLevel): z.input<typeof levelSchema> {
  return {
    variant_id: level.variantId,
    product_id: level.productId,
    location_id: level.locationId,
    tracked: level.tracked,
    backorder: level.backorder,
    backorder_limit: level.backorderLimit === null ? null : Number(level.backorderLimit),
    preorder:
      level.availableFrom === null
        ? null
        : { available_from: level.availableFrom, limit: level.preorderLimit === null ? null : Number(level.preorderLimit) },
    bundle: level.bundle,
    on_hand: Number(level.onHand),
    reserved: Number(level.reserved),
    allocated: Number(level.allocated),
    available: Number(level.available),
  }
}

/** A level's line in a list. */
export function presentNamedLevel(level: NamedLevel): z.input<typeof namedLevelSchema> {
  return { ...presentLevel(level), sku: level.sku, product_title: level.productTitle, variant_title: level.variantTitle }
}

export function presentMovement(movement: StockMovement): z.input<typeof movementSchema> {
  return {
    id: movement.id,
    variant_id: movement.variantId,
    location_id: movement.locationId,
    on_hand_change: Number(movement.onHandChange),
    reserved_change: Number(movement.reservedChange),
    allocated_change: Number(movement.allocatedChange),
    reason: movement.reason,
    note: movement.note,
    order_id: movement.orderId,
    reservation_id: movement.reservationId,
    transfer_id: movement.transferId,
    actor: { ...movement.actor },
    occurred_at: movement.occurredAt.toISOString(),
  }
}
