import type { PricingPolicy } from '../pricing/pricing-document.ts'
import { CannotMap, ppmOf } from './pricing-case.ts'
import { type CaseLine, type CaseShop, codeOf } from './shop.ts'
import { countryOfZone } from './sylius-places.ts'
import type { SyliusScenario, SyliusTaxRate } from './sylius-schema.ts'

/** The country whose taxes are due where the buyer has given no address: that of the default zone. */
export function taxTableOf({ tax_rates }: SyliusScenario, home: string): NonNullable<CaseShop['taxes']> {
  return {
    seller_country: home,
    // Shipping is taxed where its method has a category.
    shipping: { mode: 'none' },
    rates: tax_rates.map((rate, index) => ({
      id: `${index} ${rate.name}`,
      name: rate.name,
      country: countryOfZone(rate.zone),
      category: codeOf(rate.category),
      rate_ppm: ppmOf(rate.percent),
      valid_from: rate.starting_at === undefined ? null : dayOf(rate.starting_at),
      valid_to: rate.ending_at === undefined ? null : dayOf(rate.ending_at),
    })),
  }
}

/** "31-12-2022" is 2022-12-31. */
export function dayOf(text: string): string {
  const [, day, month, year] = /^(\d{2})-(\d{2})-(\d{4})$/.exec(text) ?? []
  if (day === undefined) throw new CannotMap(`date ${text}`)
  return `${year}-${month}-${day}`
}

/**
 * In Sylius each rate says whether prices include it and how it is rounded; with us a shop does. So it is read off the rates
 * that this cart meets, which must agree.
 */
export function taxPolicyOf(
  { tax_rates, tax }: SyliusScenario,
  cart: { lines: readonly CaseLine[]; shippingCategory: string | null },
): Partial<PricingPolicy> {
  const categories = new Set([...cart.lines.map(({ taxCategory }) => taxCategory), cart.shippingCategory])
  const met = tax_rates.filter(({ category }) => categories.has(codeOf(category)))
  return {
    prices_include_tax: theOne(met, ({ included_in_price }) => included_in_price, 'rates included in prices beside others') ?? false,
    tax_rounded_per: roundedPer(theOne(met, ({ calculator }) => calculator, 'two ways of rounding taxes') ?? 'default', tax),
  }
}

/** Taxes are rounded for each unit or item of the order; the decimal calculator leaves that to the sum above it. */
function roundedPer(
  calculator: SyliusTaxRate['calculator'],
  { calculation_strategy }: SyliusScenario['tax'],
): PricingPolicy['tax_rounded_per'] {
  if (calculation_strategy === 'Order item units based') return calculator === 'decimal' ? 'line' : 'unit'
  return calculator === 'decimal' ? 'order' : 'line'
}

function theOne<Value>(rates: readonly SyliusTaxRate[], pick: (rate: SyliusTaxRate) => Value, otherwise: string): Value | undefined {
  const values = new Set(rates.map(pick))
  if (values.size > 1) throw new CannotMap(otherwise)
  return [...values][0]
}
