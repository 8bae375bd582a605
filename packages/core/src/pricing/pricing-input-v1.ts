import { z } from 'zod'

// Amounts are stored as plain JSON numbers: AMOUNT_MAX keeps them exact.
const amount = z.number().int().transform(BigInt)

/** How the stored form of a pricing input reads. A change of meaning is a new version, and the old one stays readable. */
export const storedPricingInput = z.strictObject({
  version: z.literal(1),
  currency: z.string(),
  policy: z.strictObject({
    pricesIncludeTax: z.boolean(),
    rounding: z.literal('half_up'),
    taxRoundedPer: z.literal('line'),
  }),
  lines: z.array(
    z.strictObject({
      id: z.string(),
      variantId: z.string(),
      productId: z.string(),
      quantity: amount,
      unitPrice: amount,
      taxable: z.boolean(),
      requiresShipping: z.boolean(),
    }),
  ),
  shipping: z.strictObject({ code: z.string(), name: z.string(), amount }).nullable(),
  tax: z.strictObject({ name: z.string(), ratePpm: amount, appliesToShipping: z.boolean() }),
})

/**
 * Everything a price depends on. Amounts in minor units of `currency`; rates in parts per million. Stored whole with
 * the order, so that its total can be computed again at any time.
 */
export type PricingInput = z.output<typeof storedPricingInput>
export type PricingLine = PricingInput['lines'][number]

/** Reads a stored input back. Throws a ZodError when it is not one. */
export function readPricingInput(stored: unknown): PricingInput {
  return storedPricingInput.parse(stored)
}
