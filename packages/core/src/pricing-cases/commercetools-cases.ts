import { z } from 'zod'
import { currencyDigits, formatDecimal } from '../money.ts'
import type { PricingPolicy } from '../pricing/pricing-document.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, decimal, ppmOf, read } from './pricing-case.ts'
import { priceCase } from './shop.ts'

const taxedLine = z.strictObject({
  currency: z.string(),
  lines: z.array(z.strictObject({ unit_price: decimal, quantity: z.int(), tax_rate_percent: decimal })).length(1),
  tax_calculation_mode: z.string(),
})

/** commercetools' TaxCalculationMode: the tax of the line is rounded, or that of each unit. Prices are without tax. */
export function answerTaxCalculationMode(input: Record<string, unknown>): Answer {
  const { currency, lines, tax_calculation_mode } = read(taxedLine, input, 'input')
  const digits = currencyDigits(currency)
  const [line] = lines
  const result = priceCase({
    currency,
    policy: { tax_rounded_per: roundedPer(tax_calculation_mode) },
    taxes: { default_rate_ppm: ppmOf(line!.tax_rate_percent) },
    lines: [{ name: 'line', unitPrice: amountOf(line!.unit_price, digits), quantity: line!.quantity }],
  })
  return {
    asked: { document: result.document, input: result.input },
    actual: { line_gross: formatDecimal(result.lines[0]!.total, digits) },
  }
}

function roundedPer(mode: string): PricingPolicy['tax_rounded_per'] {
  if (mode.startsWith('line:')) return 'line'
  if (mode.startsWith('unit:')) return 'unit'
  throw new CannotMap(`tax calculation mode ${mode}`)
}
