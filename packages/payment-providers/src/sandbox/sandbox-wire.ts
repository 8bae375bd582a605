import { z } from 'zod'

// What the sandbox provider answers, as far as we read it. Anything else is nonsense, and nonsense is an unknown outcome.

const amount = z.int().min(0)

export const paymentWire = z.object({
  id: z.string(),
  payment_id: z.string(),
  status: z.enum(['requires_action', 'processing', 'authorized', 'part_captured', 'captured', 'declined', 'voided', 'expired']),
  currency: z.string(),
  authorized: amount,
  captured: amount,
  voided: amount,
  card: z.object({ brand: z.string(), last4: z.string(), exp_month: z.int(), exp_year: z.int() }),
  saved_method: z.string().nullable(),
  action: z.object({ type: z.literal('redirect'), url: z.url() }).nullable(),
  decline: z.object({ code: z.string(), message: z.string() }).nullable(),
})
export type PaymentWire = z.output<typeof paymentWire>

export const declinedWire = z.object({ error: z.object({ type: z.literal('declined') }), payment: paymentWire })

export const operationWire = z.object({
  kind: z.enum(['capture', 'void', 'refund']),
  operation_id: z.string(),
  amount,
  currency: z.string(),
  payment: paymentWire,
})
export type OperationWire = z.output<typeof operationWire>

export const errorWire = z.object({ error: z.object({ type: z.string(), code: z.string(), message: z.string() }) })

export const refusedWire = errorWire.extend({ operation_id: z.string() })

export const answeredWire = z.object({ key: z.string(), kind: z.string(), status: z.int(), body: z.unknown() })

export const movementsWire = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      kind: z.enum(['capture', 'refund']),
      payment_id: z.string(),
      amount,
      currency: z.string(),
      at: z.iso.datetime(),
    }),
  ),
})

export const callbackWire = z.object({
  id: z.string().min(1).max(200),
  type: z.string(),
  data: z.object({
    payment: z.object({ id: z.string(), payment_id: z.string() }),
    dispute: z
      .object({
        id: z.string(),
        status: z.enum(['open', 'won', 'lost']),
        amount,
        currency: z.string(),
        reason: z.string(),
        due_by: z.iso.datetime(),
      })
      .nullable(),
  }),
})
