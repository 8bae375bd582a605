import type { ShippingOption } from '@souk/core/pricing/shipping-options.ts'
import { z } from 'zod'
import { moneySchema, presentMoney } from './money.ts'

export const shippingOptionSchema = z
  .strictObject({
    code: z.string(),
    name: z.string(),
    amount: moneySchema.meta({ description: 'Before discounts; zero for one that is not available.' }),
    discounted_amount: moneySchema.meta({ description: 'What is left of it when it is chosen.' }),
    available: z.boolean(),
    reason: z.string().meta({ description: 'How the price comes about, or why it cannot be had.' }),
  })
  .meta({ id: 'ShippingOption' })

export function presentShippingOption(option: ShippingOption, currency: string): z.input<typeof shippingOptionSchema> {
  return {
    code: option.code,
    name: option.name,
    amount: presentMoney(option.amount, currency),
    discounted_amount: presentMoney(option.discountedAmount, currency),
    available: option.available,
    reason: option.words,
  }
}
