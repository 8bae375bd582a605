import { z } from 'zod'
import { allocate, currencyDigits, formatDecimal } from '../money.ts'
import type { Answer } from './answer.ts'
import { amountOf, decimal, type PricingCase, read } from './pricing-case.ts'
import { answerSolidusPromotion } from './solidus-promotions.ts'
import { answerSolidusReturn } from './solidus-returns.ts'
import { answerSolidusShipping } from './solidus-shipping.ts'
import { answerSolidusTax } from './solidus-taxes.ts'

/** Solidus: calculators of promotions, shipping, taxes and returns, each tested by itself. Rounds half up. */
export function answerSolidusCase({ input, expected }: PricingCase): Answer {
  if (input.operation === 'distribute a total over lines by subtotal')
    return distribute(read(distribution, input, 'input'), expected.order_free === true)
  if ('return_quantity' in input) return answerSolidusReturn(input)
  if ('shipping_method' in input) return answerSolidusShipping(input)
  if ('promotion' in input) return answerSolidusPromotion(input)
  return answerSolidusTax(input)
}

const distribution = z.strictObject({
  operation: z.string(),
  currency: z.string(),
  lines: z.array(z.strictObject({ unit_price: decimal, quantity: z.int() })),
  amount: decimal,
})

function distribute({ currency, lines, amount }: z.output<typeof distribution>, orderFree: boolean): Answer {
  const digits = currencyDigits(currency)
  const weights = lines.map(({ unit_price, quantity }) => amountOf(unit_price, digits) * BigInt(quantity))
  const parts = allocate(amountOf(amount, digits), weights)
  // Where the order of the parts is left open, they are written from the least on.
  if (orderFree) parts.sort((a, b) => (a < b ? -1 : 1))
  return { asked: { amount, weights }, actual: { parts: parts.map((part) => formatDecimal(part, digits)), order_free: orderFree } }
}
