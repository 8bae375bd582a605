import { outstandingOf } from '@souk/core/orders/amounts-due.ts'
import type { Order } from '@souk/core/orders/order.ts'
import { FULFILLMENT_STATUSES, ORDER_STATUSES, PAYMENT_STATUSES } from '@souk/core/orders/order-state.ts'
import { z } from 'zod'
import { addressSchema } from './address.ts'
import { moneySchema, presentMoney, presentTotals, totalsSchema } from './money.ts'
import { orderPaymentSchema, presentOrderPayment } from './order-payment.ts'
import {
  adjustmentSchema,
  couponSchema,
  lineDiscountSchema,
  noteSchema,
  presentAdjustments,
  presentCoupons,
  presentLineDiscounts,
  presentShipping,
  presentTaxTreatment,
  shippingSchema,
  taxTreatmentSchema,
} from './price.ts'

const orderHead = {
  id: z.uuid(),
  number: z.int(),
  status: z.enum(ORDER_STATUSES).meta({ description: 'Pending: its payment is not settled yet, and nothing of it is firm.' }),
  payment_status: z.enum(PAYMENT_STATUSES),
  fulfillment_status: z.enum(FULFILLMENT_STATUSES),
  currency: z.string(),
  email: z.string(),
}

export const orderLineSchema = z.strictObject({
  id: z.uuid(),
  kind: z.enum(['item', 'gift']),
  pricing_line_id: z.string().nullable().meta({ description: 'Its name among the shares of `adjustments`.' }),
  product_id: z.uuid(),
  variant_id: z.uuid(),
  title: z.string(),
  variant_title: z.string(),
  sku: z.string(),
  quantity: z.int(),
  fulfilled: z.int().meta({ description: 'How many of the quantity were sent.' }),
  delivered: z.int(),
  returned: z.int(),
  unit_price: moneySchema,
  subtotal: moneySchema,
  discount: moneySchema,
  discounts: z.array(lineDiscountSchema),
  tax: moneySchema,
  total: moneySchema,
})

export const orderSchema = z.strictObject({
  ...orderHead,
  channel: z.string(),
  customer_id: z.uuid().nullable(),
  shipping_address: addressSchema.nullable(),
  billing_address: addressSchema.nullable(),
  lines: z.array(orderLineSchema),
  shipping: shippingSchema.nullable(),
  coupons: z.array(couponSchema),
  adjustments: z.array(adjustmentSchema),
  tax: taxTreatmentSchema.nullable(),
  notes: z.array(noteSchema).meta({ description: 'What plugins could not do when it was placed.' }),
  totals: totalsSchema,
  paid: z
    .strictObject({ authorized: moneySchema, captured: moneySchema, refunded: moneySchema })
    .meta({ description: 'What has come in and gone back, over all payments.' }),
  outstanding: moneySchema.meta({
    description: 'What is neither paid nor authorized. What was given back for good is not asked for again.',
  }),
  payments: z.array(orderPaymentSchema),
  placed_at: z.iso.datetime(),
  cancelled_at: z.iso.datetime().nullable(),
  cancel_reason: z.string().nullable(),
})

export const placedOrderSchema = orderSchema.extend({
  token: z.string().meta({ description: 'Sent as Order-Token to see this order again without an account.' }),
})

export const orderSummarySchema = z.strictObject({ ...orderHead, total: moneySchema, placed_at: z.iso.datetime() })

/** An order as its buyer and the merchant's staff see it. */
export function presentOrder(order: Order): z.input<typeof orderSchema> {
  const { currency, pricing } = order
  const discounts = presentLineDiscounts(pricing.adjustments, currency)
  return {
    id: order.id,
    number: Number(order.number),
    status: order.status,
    payment_status: order.paymentStatus,
    fulfillment_status: order.fulfillmentStatus,
    currency,
    channel: order.channel,
    customer_id: order.customerId,
    email: order.email,
    shipping_address: order.shippingAddress,
    billing_address: order.billingAddress,
    lines: order.lines.map((line) => ({
      id: line.id,
      kind: line.kind,
      pricing_line_id: line.pricingLineId,
      product_id: line.productId,
      variant_id: line.variantId,
      title: line.productTitle,
      variant_title: line.variantTitle,
      sku: line.sku,
      quantity: Number(line.quantity),
      fulfilled: Number(line.fulfilled),
      delivered: Number(line.delivered),
      returned: Number(line.returned),
      unit_price: presentMoney(line.unitPrice, currency),
      subtotal: presentMoney(line.subtotal, currency),
      discount: presentMoney(line.discountTotal, currency),
      discounts: discounts.get(line.pricingLineId ?? '') ?? [],
      tax: presentMoney(line.taxTotal, currency),
      total: presentMoney(line.total, currency),
    })),
    shipping: presentShipping(pricing.shipping, currency),
    coupons: presentCoupons(pricing.coupons),
    adjustments: presentAdjustments(pricing.adjustments, currency),
    tax: pricing.taxTreatment && presentTaxTreatment(pricing.taxTreatment),
    notes: pricing.notes,
    totals: presentTotals(
      {
        subtotal: order.subtotal,
        discount: order.discountTotal,
        shipping: order.shippingTotal,
        tax: order.taxTotal,
        taxIncluded: order.taxIncluded,
        total: order.total,
      },
      currency,
    ),
    paid: {
      authorized: presentMoney(order.authorizedTotal, currency),
      captured: presentMoney(order.capturedTotal, currency),
      refunded: presentMoney(order.refundedTotal, currency),
    },
    outstanding: presentMoney(outstandingNow(order), currency),
    payments: order.payments.map((payment) => presentOrderPayment(payment, currency)),
    placed_at: order.placedAt.toISOString(),
    cancelled_at: order.cancelledAt?.toISOString() ?? null,
    cancel_reason: order.cancelReason,
  }
}

function outstandingNow({ status, total, authorizedTotal: authorized, repaidTotal: repaid }: Order): bigint {
  return status === 'cancelled' || status === 'returned' ? 0n : outstandingOf({ total, authorized, repaid })
}

type Summary = Pick<Order, 'id' | 'number' | 'status' | 'paymentStatus' | 'fulfillmentStatus' | 'currency' | 'email' | 'total' | 'placedAt'>

/** An order's line in a list. */
export function presentOrderSummary(order: Summary): z.input<typeof orderSummarySchema> {
  return {
    id: order.id,
    number: Number(order.number),
    status: order.status,
    payment_status: order.paymentStatus,
    fulfillment_status: order.fulfillmentStatus,
    currency: order.currency,
    email: order.email,
    total: presentMoney(order.total, order.currency),
    placed_at: order.placedAt.toISOString(),
  }
}
