import { z } from 'zod'
import { currencyDigits, formatDecimal } from '../money.ts'
import type { Answer } from './answer.ts'
import { amountOf, CannotMap, decimal, ppmOf, read } from './pricing-case.ts'
import { all, type CasePromotion, type CaseShop, leaf, priceCase, sum } from './shop.ts'

const COUNTRY_WITHOUT_ZONE = 'NZ'

const taxedOrder = z.strictObject({
  currency: z.string(),
  tax_rate_percent: decimal,
  prices_include_tax: z.boolean(),
  lines: z.array(
    z.strictObject({ unit_price: decimal, quantity: z.int(), matches_tax_category: z.boolean(), adjustment: decimal.optional() }),
  ),
})
const crossBorder = z.strictObject({
  currency: z.string(),
  home: z.string(),
  rates: z.array(z.strictObject({ name: z.string(), percent: decimal, category: z.string(), zone: z.array(z.string()) })),
  prices_include_tax: z.boolean(),
  catalog_prices_are: z.string(),
  ship_to: z.string(),
  lines: z.array(z.strictObject({ sku: z.string(), catalog_price: decimal, quantity: z.int(), tax_category: z.string() })).length(1),
  shipping: z.strictObject({ price: decimal, tax_category: z.string() }).optional(),
})

export function answerSolidusTax(input: Record<string, unknown>): Answer {
  return 'ship_to' in input ? soldAbroad(read(crossBorder, input, 'input')) : taxOfOrder(read(taxedOrder, input, 'input'))
}

/** One rate for one category; lines of that category and of another. An adjustment of a line is a discount on it. */
function taxOfOrder(given: z.output<typeof taxedOrder>): Answer {
  const digits = currencyDigits(given.currency)
  const result = priceCase({
    currency: given.currency,
    policy: { prices_include_tax: given.prices_include_tax },
    taxes: { rates: [{ id: 'rate', name: 'Tax', country: 'US', category: 'matching', rate_ppm: ppmOf(given.tax_rate_percent) }] },
    lines: given.lines.map(({ unit_price, quantity, matches_tax_category }, index) => ({
      name: `line ${index + 1}`,
      unitPrice: amountOf(unit_price, digits),
      quantity,
      taxCategory: matches_tax_category ? 'matching' : 'other',
    })),
    promotions: given.lines.flatMap(({ adjustment }, index) =>
      adjustment === undefined ? [] : [lineDiscount(`line ${index + 1}`, amountOf(adjustment, digits))],
    ),
  })
  const tax = formatDecimal(sum(result.lines.map((line) => line.tax)), digits)
  return { asked: { document: result.document, input: result.input }, actual: { tax } }
}

function lineDiscount(sku: string, adjustment: bigint): CasePromotion {
  if (adjustment > 0n) throw new CannotMap('an adjustment that raises the price of a line')
  const where = all([leaf('line.sku', 'equal', sku)])
  return { name: `Adjustment of ${sku}`, actions: [{ type: 'fixed', on: 'line', amount: Number(-adjustment), where }] }
}

/**
 * Prices with the home country's tax in them, sold elsewhere: the price without tax stays, that of the shipping with it. A
 * country in no zone is one whose rates nobody entered.
 */
function soldAbroad(given: z.output<typeof crossBorder>): Answer {
  const digits = currencyDigits(given.currency)
  if (!(given.prices_include_tax ? /^gross with \w+ tax$/ : /^net\b/).test(given.catalog_prices_are))
    throw new CannotMap(`catalog_prices_are ${given.catalog_prices_are}`)
  const [line] = given.lines
  const result = priceCase({
    currency: given.currency,
    policy: { prices_include_tax: given.prices_include_tax, foreign_tax: 'same_net' },
    taxes: {
      seller_country: given.home,
      distance_sales: { mode: 'destination' },
      rates: ratesOf(given.rates),
    },
    country: countryOf(given.ship_to),
    lines: [
      { name: line!.sku, unitPrice: amountOf(line!.catalog_price, digits), quantity: line!.quantity, taxCategory: line!.tax_category },
    ],
    ...(given.shipping && shippingOf(given.shipping, digits)),
  })
  const { priced, lines } = result
  const amount = (value: bigint) => formatDecimal(value, digits)
  const { unitPrice, total, tax } = lines[0]!
  const included = priced.totals.taxIncluded
  return {
    asked: { document: result.document, input: result.input },
    actual: {
      line: {
        price: amount(unitPrice),
        total: amount(total),
        net: amount(total - tax),
        included_tax: amount(included ? tax : 0n),
        additional_tax: amount(included ? 0n : tax),
      },
      shipping: { price: amount(priced.shipping?.amount ?? 0n), included_tax: amount(included ? (priced.shipping?.tax ?? 0n) : 0n) },
    },
  }
}

/** Rates on the same goods in the same country are charged side by side. */
function ratesOf(rates: z.output<typeof crossBorder>['rates']): NonNullable<NonNullable<CaseShop['taxes']>['rates']> {
  const rows = rates.flatMap(({ zone, ...rate }) => zone.map((country) => ({ ...rate, country })))
  return rows.map(({ name, percent, category, country }, index) => ({
    id: `${name} ${category} ${country}`,
    name,
    country,
    category,
    rate_ppm: ppmOf(percent),
    priority: rows.slice(0, index).filter((row) => row.category === category && row.country === country).length + 1,
  }))
}

function countryOf(shipTo: string): string {
  if (shipTo === 'rest of the world') return COUNTRY_WITHOUT_ZONE
  const country = /^([A-Z]{2})(?: \(no zone\))?$/.exec(shipTo)?.[1]
  if (country === undefined) throw new CannotMap(`ship_to ${shipTo}`)
  return country
}

function shippingOf({ price, tax_category }: { price: string; tax_category: string }, digits: number) {
  const rate = { type: 'flat' as const, amount: Number(amountOf(price, digits)) }
  return { shipping: { methods: [{ code: 'shipping', name: 'Shipping', tax_category, rate }] }, method: 'shipping' }
}
