import { divide, type RoundingMode } from '../../money.ts'
import { type ResolvedTaxes, resolveTaxes, type TaxQuestion, type TaxRate } from '../../taxes/resolve-taxes.ts'
import type { CompiledPricing } from '../compile-pricing.ts'
import type { PricingInput, PricingLine } from '../pricing-input.ts'
import { add, type Fraction, ZERO } from './fraction.ts'
import { taxFactors } from './tax-factors.ts'

/** What goods cost this buyer before anything is taken off, and by which taxes. */
export interface CatalogPrices {
  taxes: ResolvedTaxes
  /** The charged price of a piece, and what discounts must leave of it. */
  ofLine(line: PricingLine): { unitPrice: bigint; floor: bigint }
  /** The price of sending, from what the shipping table or a plugin says. */
  ofShipping(amount: bigint): bigint
}

/**
 * Prices that include tax include that of the seller's own place. When another tax is due, the policy says whether the price
 * stays (`same_gross`) or the part without tax does (`same_net`). Where no tax is charged because the buyer is exempt or
 * accounts for it (reverse charge), the home tax is taken out whatever the policy says, out of shipping too; otherwise
 * the fee of a shipping method is what is paid for sending to that place.
 */
export function catalogPrices(
  lines: readonly PricingLine[],
  { input, rules }: { input: PricingInput; rules: CompiledPricing },
): CatalogPrices {
  const { policy } = rules.document
  const taxes = taxesOf(
    lines.map((line) => ({ ...line, amount: line.unitPrice * line.quantity })),
    { input, rules },
  )
  const relieved = taxes.treatment === 'reverse_charge' || taxes.treatment === 'exempt'
  const moves =
    policy.prices_include_tax &&
    input.plugins.taxes === null &&
    (relieved || (policy.foreign_tax === 'same_net' && taxes.treatment !== 'domestic'))
  const convert = (amount: bigint, home: readonly TaxRate[], here: readonly TaxRate[]) => {
    if (sameRates(home, here)) return amount
    const from = taxFactors(home)
    const to = taxFactors(here)
    return divide(
      amount * (to.denominator + to.together) * from.denominator,
      (from.denominator + from.together) * to.denominator,
      policy.rounding,
    )
  }
  return {
    taxes,
    ofLine(line) {
      const floor = line.minimumPrice !== null && line.minimumPrice > 0n ? line.minimumPrice : 0n
      if (!moves) return { unitPrice: line.unitPrice, floor }
      const [home, here] = [taxes.home[line.id] ?? [], taxes.lines[line.id] ?? []]
      return { unitPrice: convert(line.unitPrice, home, here), floor: convert(floor, home, here) }
    },
    ofShipping(amount) {
      const home = taxes.homeShipping
      if (!moves || !relieved) return amount
      return home === 'by_lines' ? withoutTaxOfLines(amount, lines, taxes, policy.rounding) : convert(amount, home, [])
    },
  }
}

/** Takes the home tax out of a fee that is split over the lines by their amounts. */
function withoutTaxOfLines(amount: bigint, lines: readonly PricingLine[], { home }: ResolvedTaxes, rounding: RoundingMode): bigint {
  const weights = lines.map(({ unitPrice, quantity }) => unitPrice * quantity)
  const whole = weights.reduce((sum, weight) => sum + weight, 0n)
  if (whole === 0n) return amount
  const net = lines.reduce<Fraction>((sum, { id }, index) => {
    const { denominator, together } = taxFactors(home[id] ?? [])
    return add(sum, { numerator: amount * weights[index]! * denominator, denominator: whole * (denominator + together) })
  }, ZERO)
  return divide(net.numerator, net.denominator, rounding)
}

/** The taxes of a cart; `shippingCategory` is that of the chosen method, where it has one. */
export function taxesOf(
  lines: readonly { id: string; taxable: boolean; taxCategory: string | null; amount: bigint }[],
  { input, rules }: { input: PricingInput; rules: CompiledPricing },
  shippingCategory: string | null = null,
): ResolvedTaxes {
  return resolveTaxes(rules.document.taxes, {
    asOf: input.asOf,
    destination: input.shippingAddress,
    lines: lines.map(({ id, taxable, taxCategory, amount }) => ({ id, taxable, category: taxCategory, amount })),
    customer: taxedCustomer(input),
    shippingCategory,
  })
}

/** Whoever buys, as far as tax is concerned: a VAT id given with the cart goes before the customer's own. */
function taxedCustomer({ customer, vatId }: PricingInput): TaxQuestion['customer'] {
  if (vatId === null) return customer
  return { id: customer?.id ?? null, groups: customer?.groups ?? [], taxExempt: customer?.taxExempt ?? false, vatId }
}

function sameRates(a: readonly TaxRate[], b: readonly TaxRate[]): boolean {
  return a.length === b.length && a.every((rate, index) => rate.ratePpm === b[index]!.ratePpm && rate.compound === b[index]!.compound)
}
