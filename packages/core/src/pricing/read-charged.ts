import { z } from 'zod'
import type { Charged } from './refund-shares.ts'

const integer = z.number().int().transform(BigInt)

const share = z.object({
  target: z.union([z.strictObject({ lineId: z.string() }), z.strictObject({ shipping: z.literal(true) })]),
  amount: integer,
})

const adjustment = z.object({
  source: z.enum(['promotion', 'plugin', 'manual', 'shipping', 'tax']),
  code: z.string(),
  reason: z.string(),
  amount: integer,
  included: z.boolean(),
  shares: z.array(share),
})

const line = z.object({ id: z.string(), quantity: integer, total: integer })

const shipping = z.object({ total: integer })

/** What of a stored result refunds are made from. Results of version 1 said the price of shipping only in an adjustment. */
const storedResult = z.object({
  lines: z.array(line),
  shipping: shipping.nullable().optional(),
  adjustments: z.array(adjustment),
})

/** Reads back what an order was charged, from the result that was stored with it. Throws a ZodError when it is none. */
export function readCharged(stored: unknown): Charged {
  const { lines, shipping: stated, adjustments } = storedResult.parse(stored)
  return { lines, adjustments, shipping: stated === undefined ? shippingOfVersion1(adjustments) : stated }
}

function shippingOfVersion1(adjustments: z.output<typeof adjustment>[]): Charged['shipping'] {
  const amount = adjustments.find(({ source }) => source === 'shipping')?.amount
  if (amount === undefined) return null
  const taxes = adjustments.filter(({ source }) => source === 'tax')
  return { total: amount + sumOfShipping(taxes.filter(({ included }) => !included)) }
}

function sumOfShipping(adjustments: z.output<typeof adjustment>[]): bigint {
  return adjustments
    .flatMap(({ shares }) => shares)
    .filter(({ target }) => 'shipping' in target)
    .reduce((sum, { amount }) => sum + amount, 0n)
}
