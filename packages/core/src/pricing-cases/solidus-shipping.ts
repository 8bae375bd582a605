import { z } from 'zod'
import { currencyDigits, formatDecimal } from '../money.ts'
import type { ShippingRateRule } from '../shipping/shipping-table.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, decimal, ppmOf, read } from './pricing-case.ts'
import { type CaseLine, priceCase } from './shop.ts'

// Where a case gives only pieces, what they cost does not matter.
const ANY_PRICE = 1000n

const method = z.union([
  z.strictObject({ percent_of_items: decimal }),
  z.strictObject({ per_item: decimal }),
  z.strictObject({ minimal_amount: decimal, normal_amount: decimal, discount_amount: decimal }),
  z.strictObject({ first_item: decimal.default('0'), additional_item: decimal.default('0'), max_items: z.int().default(0) }),
])
const shipment = z.strictObject({
  currency: z.string(),
  lines: z.array(z.strictObject({ unit_price: decimal.optional(), quantity: z.int() })).optional(),
  package_quantity: z.int().optional(),
  package_total: decimal.optional(),
  shipping_method: method,
})

export function answerSolidusShipping(input: Record<string, unknown>): Answer {
  const given = read(shipment, input, 'input')
  const digits = currencyDigits(given.currency)
  const result = priceCase({
    currency: given.currency,
    shipping: { methods: [{ code: 'shipping', name: 'Shipping', rate: rateOf(given.shipping_method, digits) }] },
    method: 'shipping',
    lines: linesOf(given, digits),
  })
  return {
    asked: { document: result.document, input: result.input },
    actual: { shipping: formatDecimal(result.priced.shipping?.total ?? 0n, digits) },
  }
}

function linesOf({ lines, package_quantity, package_total }: z.output<typeof shipment>, digits: number): CaseLine[] {
  if (lines)
    return lines.map(({ unit_price, quantity }, index) => ({
      name: `line ${index + 1}`,
      unitPrice: unit_price === undefined ? ANY_PRICE : amountOf(unit_price, digits),
      quantity,
    }))
  if (package_quantity !== undefined) return [{ name: 'package', unitPrice: ANY_PRICE, quantity: package_quantity }]
  if (package_total !== undefined) return [{ name: 'package', unitPrice: amountOf(package_total, digits), quantity: 1 }]
  throw new CannotMap('a shipment of nothing')
}

type RateInput = Extract<ShippingRateRule, { type: 'percentage' | 'by_quantity' | 'by_subtotal' }>

function rateOf(given: z.output<typeof method>, digits: number): RateInput {
  const amount = (text: string) => Number(amountOf(text, digits))
  if ('percent_of_items' in given)
    return { type: 'percentage', rate_ppm: ppmOf(given.percent_of_items), amount_min: null, amount_max: null }
  if ('per_item' in given)
    return {
      type: 'by_quantity',
      first: amount(given.per_item),
      additional: amount(given.per_item),
      quantity_max: null,
      per_parcel: null,
    }
  if ('minimal_amount' in given) {
    const steps = [
      { from: 0, amount: amount(given.normal_amount) },
      { from: amount(given.minimal_amount), amount: amount(given.discount_amount) },
    ]
    return { type: 'by_subtotal', steps }
  }
  // After max_items pieces the next one is a first one again; 0 is no maximum.
  return {
    type: 'by_quantity',
    first: amount(given.first_item),
    additional: amount(given.additional_item),
    quantity_max: null,
    per_parcel: given.max_items === 0 ? null : given.max_items,
  }
}
