import { PAYMENT_STATES, type Payment } from '@souk/core/orders/order-payment.ts'
import { z } from 'zod'
import { moneySchema, presentMoney } from './money.ts'

const nextActionSchema = z
  .strictObject({ type: z.enum(['redirect', 'client']), url: z.string().nullable(), client_secret: z.string().nullable() })
  .meta({ description: 'What the buyer has to do: be sent to `url`, or confirm with `client_secret` by the provider’s client library.' })

export const methodShownSchema = z.strictObject({
  type: z.string(),
  brand: z.string().nullable(),
  last4: z.string().nullable(),
  expiry_month: z.int().nullable(),
  expiry_year: z.int().nullable(),
})

export const orderPaymentSchema = z.strictObject({
  id: z.uuid(),
  provider: z.string(),
  method: z
    .string()
    .meta({ description: '`invoice`, `cash_on_delivery`, `gift_card`, `store_credit`, or what the provider calls it: `card`, …' }),
  status: z.enum(PAYMENT_STATES),
  amount: moneySchema,
  captured: moneySchema,
  refunded: moneySchema,
  method_details: methodShownSchema.nullable(),
  next_action: nextActionSchema.nullable(),
  failure: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  expires_at: z.iso.datetime().nullable().meta({ description: 'Until when its buyer can settle it.' }),
})

/** How somebody paid, as it may be shown. */
export function presentMethodShown(method: NonNullable<Payment['methodShown']>): z.input<typeof methodShownSchema> {
  const { type, brand, last4, expiryMonth, expiryYear } = method
  return { type, brand, last4, expiry_month: expiryMonth, expiry_year: expiryYear }
}

/** A payment as an order shows it. */
export function presentOrderPayment(payment: Payment, currency: string): z.input<typeof orderPaymentSchema> {
  const { id, provider, method, status, nextAction, failure, methodShown, expiresAt } = payment
  return {
    ...{ id, provider, method, status, failure },
    amount: presentMoney(payment.amount, currency),
    captured: presentMoney(payment.captured, currency),
    refunded: presentMoney(payment.refunded, currency),
    method_details: methodShown && presentMethodShown(methodShown),
    next_action: nextAction && { url: null, client_secret: null, ...nextAction },
    expires_at: expiresAt?.toISOString() ?? null,
  }
}
