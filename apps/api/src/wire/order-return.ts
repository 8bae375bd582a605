import { INSPECTION_DECISIONS, type OrderReturn, RETURN_REASONS, RETURN_STATUSES } from '@souk/core/returns/order-return.ts'
import { z } from 'zod'
import { quantitySchema } from './cart.ts'
import { LINES_MAX, wordsSchema } from './fulfillment.ts'
import { idSchema } from './id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from './money.ts'
import { timeSchema } from './time.ts'

export const newReturnSchema = z.strictObject({
  lines: z
    .array(z.strictObject({ line_id: idSchema, quantity: quantitySchema, reason: z.enum(RETURN_REASONS) }))
    .min(1)
    .max(LINES_MAX, 'too_many_lines'),
  note: wordsSchema.optional(),
})

export const decisionSchema = z.strictObject({ note: wordsSchema.optional() })

export const receiptSchema = z.strictObject({
  location_id: idSchema.meta({ description: 'Where the goods are.' }),
  lines: z
    .array(
      z.strictObject({
        line_id: idSchema,
        inspections: z
          .array(z.strictObject({ decision: z.enum(INSPECTION_DECISIONS), quantity: quantitySchema, condition: wordsSchema.optional() }))
          .min(1)
          .max(INSPECTION_DECISIONS.length),
      }),
    )
    .min(1)
    .max(LINES_MAX, 'too_many_lines')
    .meta({ description: 'What was found of each line: together as much as was announced.' }),
})

export const returnRefundSchema = z.strictObject({
  to: z.enum(['original', 'store_credit']).default('original'),
  shipping: givenMoneySchema.optional().meta({ description: 'Of what the shipping was charged.' }),
  amount: givenMoneySchema.optional().meta({ description: 'Less than the shares of the goods: the rest is kept.' }),
  reason: wordsSchema.optional(),
})

export const exchangeSchema = z.strictObject({
  lines: z
    .array(z.strictObject({ variant_id: idSchema, quantity: quantitySchema }))
    .min(1)
    .max(LINES_MAX, 'too_many_lines'),
})

const inspectionSchema = z.strictObject({ decision: z.enum(INSPECTION_DECISIONS), quantity: z.int(), condition: z.string() })

export const returnSchema = z
  .strictObject({
    id: idSchema,
    order_id: idSchema,
    order_number: z.int(),
    status: z.enum(RETURN_STATUSES),
    note: z.string(),
    decision_note: z.string(),
    location_id: idSchema.nullable(),
    requested_by: z.record(z.string(), z.unknown()),
    refund_id: idSchema.nullable(),
    exchange: z
      .strictObject({ draft_id: idSchema, credit: moneySchema, order_id: idSchema.nullable() })
      .nullable()
      .meta({ description: 'The draft of what the buyer gets instead, what it takes off, and the order it became.' }),
    lines: z.array(
      z.strictObject({
        line_id: idSchema,
        variant_id: idSchema,
        title: z.string(),
        variant_title: z.string(),
        sku: z.string(),
        quantity: z.int(),
        reason: z.enum(RETURN_REASONS),
        inspections: z.array(inspectionSchema),
      }),
    ),
    requested_at: timeSchema,
    decided_at: timeSchema.nullable(),
    received_at: timeSchema.nullable(),
  })
  .meta({ id: 'Return' })

export function presentReturn(made: OrderReturn): z.input<typeof returnSchema> {
  const { exchangeCartId, exchangeCredit, exchangeOrderId, currency } = made
  return {
    id: made.id,
    order_id: made.orderId,
    order_number: Number(made.orderNumber),
    status: made.status,
    note: made.note,
    decision_note: made.decisionNote,
    location_id: made.locationId,
    requested_by: { ...made.requestedBy },
    refund_id: made.refundId,
    exchange:
      exchangeCartId === null
        ? null
        : { draft_id: exchangeCartId, credit: presentMoney(exchangeCredit!, currency), order_id: exchangeOrderId },
    lines: made.lines.map((line) => ({
      line_id: line.lineId,
      variant_id: line.variantId,
      title: line.productTitle,
      variant_title: line.variantTitle,
      sku: line.sku,
      quantity: Number(line.quantity),
      reason: line.reason,
      inspections: line.inspections.map(({ decision, quantity, condition }) => ({ decision, quantity: Number(quantity), condition })),
    })),
    requested_at: made.requestedAt.toISOString(),
    decided_at: made.decidedAt?.toISOString() ?? null,
    received_at: made.receivedAt?.toISOString() ?? null,
  }
}
