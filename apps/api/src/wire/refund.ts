import { REFUND_STATUSES, type Refund } from '@souk/core/refunds/refund.ts'
import { type previewRefund, REFUND_REASON_BYTES_MAX, type RefundWish } from '@souk/core/refunds/refund-order.ts'
import { z } from 'zod'
import { quantitySchema } from './cart.ts'
import { idSchema } from './id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from './money.ts'
import { proseSchema } from './text.ts'

const REFUND_LINES_MAX = 1_000

const destination = z.enum(['original', 'store_credit'])

/** What is to go back; the currency of every amount is the order's. */
export const refundWishSchema = z.strictObject({
  lines: z
    .array(z.strictObject({ line_id: idSchema, quantity: quantitySchema }))
    .max(REFUND_LINES_MAX, 'too_many_lines')
    .default([])
    .meta({ description: 'Pieces, for what was charged for them, discounts and tax in it.' }),
  shipping: givenMoneySchema.optional().meta({ description: 'Of what was charged for shipping, tax in it.' }),
  amount: givenMoneySchema
    .optional()
    .meta({ description: 'Alone: any amount that is left. With lines or shipping: no more than their shares; the rest is withheld.' }),
  to: destination.default('original'),
})
export const newRefundSchema = refundWishSchema.extend({ reason: proseSchema(REFUND_REASON_BYTES_MAX).default('') })

const line = z.strictObject({ line_id: z.uuid(), quantity: z.int(), amount: moneySchema, tax: moneySchema })

const amounts = {
  amount: moneySchema.meta({ description: 'What the buyer gets back.' }),
  tax: moneySchema.meta({ description: 'The tax in it.' }),
  shipping: moneySchema,
  shipping_tax: moneySchema,
  withheld: moneySchema.meta({ description: 'What the lines and the shipping were charged beyond the amount.' }),
}

/** A refund as buyers see it. */
export const buyersRefundSchema = z.strictObject({
  id: z.uuid(),
  status: z.enum(REFUND_STATUSES).meta({
    description: 'pending: a provider has still to answer. part_failed: one of several payments could not give its part.',
  }),
  to: destination,
  ...amounts,
  lines: z.array(line),
  created_at: z.iso.datetime(),
})

export const refundSchema = buyersRefundSchema.extend({
  order_id: z.uuid(),
  reason: z.string(),
  payments: z.array(
    z.strictObject({
      payment_id: z.uuid(),
      provider: z.string(),
      amount: moneySchema,
      status: z.enum(['pending', 'issued', 'failed']),
    }),
  ),
})

export const refundPreviewSchema = z.strictObject({
  ...amounts,
  lines: z.array(line),
  payments: z.array(z.strictObject({ payment_id: z.uuid(), provider: z.string(), amount: moneySchema })),
  left: moneySchema.meta({ description: 'What could still be refunded afterwards.' }),
})

export function readRefund(orderId: string, body: z.output<typeof refundWishSchema>): RefundWish {
  const { lines, shipping, amount, to } = body
  const said = Object.entries({ shipping, amount })
  return {
    orderId,
    lines: lines.map(({ line_id, quantity }) => ({ lineId: line_id, quantity: BigInt(quantity) })),
    shipping: BigInt(shipping?.amount ?? 0),
    amount: amount && BigInt(amount.amount),
    currencies: said.flatMap(([name, money]) => (money ? [{ pointer: `/${name}/currency`, currency: money.currency }] : [])),
    to,
  }
}

export function presentBuyersRefund(refund: Refund): z.input<typeof buyersRefundSchema> {
  const { id, status, to, currency, lines, createdAt } = refund
  return {
    id,
    status,
    to,
    amount: presentMoney(refund.amount, currency),
    tax: presentMoney(refund.tax, currency),
    shipping: presentMoney(refund.shipping, currency),
    shipping_tax: presentMoney(refund.shippingTax, currency),
    withheld: presentMoney(refund.withheld, currency),
    lines: presentLines(lines, currency),
    created_at: createdAt.toISOString(),
  }
}

export function presentRefund(refund: Refund): z.input<typeof refundSchema> {
  const { orderId, reason, parts, currency } = refund
  return {
    ...presentBuyersRefund(refund),
    order_id: orderId,
    reason,
    payments: parts.map(({ paymentId, provider, amount, status }) => ({
      payment_id: paymentId,
      provider,
      amount: presentMoney(amount, currency),
      status,
    })),
  }
}

export function presentPreview(plan: Awaited<ReturnType<typeof previewRefund>>): z.input<typeof refundPreviewSchema> {
  const { currency, shipping, lines, parts } = plan
  return {
    amount: presentMoney(plan.amount, currency),
    tax: presentMoney(plan.tax, currency),
    shipping: presentMoney(shipping.amount, currency),
    shipping_tax: presentMoney(shipping.tax, currency),
    withheld: presentMoney(plan.withheld, currency),
    lines: presentLines(lines, currency),
    payments: parts.map(({ payment, amount }) => ({
      payment_id: payment.id,
      provider: payment.provider,
      amount: presentMoney(amount, currency),
    })),
    left: presentMoney(plan.left, currency),
  }
}

function presentLines(lines: Refund['lines'], currency: string): z.input<typeof line>[] {
  return lines.map(({ lineId, quantity, amount, tax }) => ({
    line_id: lineId,
    quantity: Number(quantity),
    amount: presentMoney(amount, currency),
    tax: presentMoney(tax, currency),
  }))
}
