import { STOCK_CHANGE_MAX } from '@souk/core/stock/adjust.ts'
import { TRANSFER_STATES, type Transfer } from '@souk/core/stock/transfer.ts'
import { type Arrival, type NewTransfer, TRANSFER_LINES_MAX, TRANSFER_NOTE_BYTES_MAX } from '@souk/core/stock/transfer-stock.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { proseSchema } from './text.ts'
import { timeSchema } from './time.ts'

const units = (least: number) =>
  z.number().int('quantity_out_of_range').min(least, 'quantity_out_of_range').max(STOCK_CHANGE_MAX, 'quantity_out_of_range')

export const newTransferSchema = z.strictObject({
  from_location_id: idSchema,
  to_location_id: idSchema,
  lines: z
    .array(z.strictObject({ variant_id: idSchema, quantity: units(1) }))
    .min(1)
    .max(TRANSFER_LINES_MAX, 'too_many_lines'),
  note: proseSchema(TRANSFER_NOTE_BYTES_MAX).default(''),
})

export const arrivalsSchema = z.strictObject({
  lines: z
    .array(
      z.strictObject({
        variant_id: idSchema,
        received: units(0).default(0),
        lost: units(0).default(0).meta({ description: 'What will never arrive.' }),
      }),
    )
    .min(1)
    .max(TRANSFER_LINES_MAX, 'too_many_lines')
    .meta({ description: 'What is not named stays in transit.' }),
})

export const transferStatusSchema = z.enum(TRANSFER_STATES)

export const transferSchema = z
  .strictObject({
    id: idSchema,
    from_location_id: idSchema,
    to_location_id: idSchema,
    status: transferStatusSchema,
    note: z.string(),
    lines: z.array(
      z.strictObject({
        variant_id: idSchema,
        sku: z.string(),
        quantity: z.int(),
        received: z.int(),
        lost: z.int(),
        called_back: z.int().meta({ description: 'Came back to where it was sent from.' }),
      }),
    ),
    actor: z.record(z.string(), z.unknown()),
    sent_at: timeSchema,
    closed_at: timeSchema.nullable(),
  })
  .meta({ id: 'StockTransfer' })

export function toTransfer(body: z.output<typeof newTransferSchema>): NewTransfer {
  return {
    ...{ fromLocationId: body.from_location_id, toLocationId: body.to_location_id, note: body.note },
    lines: body.lines.map(({ variant_id: variantId, quantity }) => ({ variantId, quantity: BigInt(quantity) })),
  }
}

export function toArrivals({ lines }: z.output<typeof arrivalsSchema>): Arrival[] {
  return lines.map(({ variant_id: variantId, received, lost }) => ({ variantId, received: BigInt(received), lost: BigInt(lost) }))
}

export function presentTransfer(transfer: Transfer): z.input<typeof transferSchema> {
  const { id, fromLocationId, toLocationId, status, note, actor, sentAt, closedAt, lines } = transfer
  return {
    ...{ id, from_location_id: fromLocationId, to_location_id: toLocationId, status, note, actor: { ...actor } },
    ...{ sent_at: sentAt.toISOString(), closed_at: closedAt?.toISOString() ?? null },
    lines: lines.map(({ variantId, sku, quantity, received, lost, calledBack }) => ({
      ...{ variant_id: variantId, sku, quantity: Number(quantity), received: Number(received), lost: Number(lost) },
      called_back: Number(calledBack),
    })),
  }
}
