import { allocate, divide, type RoundingMode } from '../../money.ts'
import type { ResolvedTaxes } from '../../taxes/resolve-taxes.ts'
import type { Adjustment, Share } from '../priced-cart.ts'
import type { PricingPolicy } from '../pricing-document.ts'
import type { PluginTaxes } from '../pricing-input.ts'
import type { WorkingCart, WorkingLine } from '../working-cart.ts'
import { add, type Fraction, proportions, ZERO } from './fraction.ts'
import { type Claim, pluginClaims, type TaxBase, tableClaims } from './tax-claims.ts'

/** The taxes of a cart: an adjustment for each rate, with the share of each line and of the shipping. */
export function addTaxes(
  cart: WorkingCart,
  { policy, table, plugin }: { policy: PricingPolicy; table: ResolvedTaxes; plugin: PluginTaxes | null },
): Adjustment[] {
  const base: TaxBase = { included: policy.prices_include_tax, discounted: policy.discounts === 'before_tax' }
  const claims = plugin ? pluginClaims(cart, { plugin, table }, base) : tableClaims(cart, table, base)
  const byKind = Map.groupBy(claims, ({ kind }) => `${kind.code} ${kind.ratePpm} ${kind.installId}`)
  return [...byKind.values()].map((own) => toAdjustment(own, policy))
}

function toAdjustment(claims: readonly Claim[], policy: PricingPolicy): Adjustment {
  const { kind } = claims[0]!
  const amounts =
    policy.tax_rounded_per === 'order' ? roundedTogether(claims, policy.rounding) : claims.map((claim) => roundedAlone(claim, policy))
  const shares = claims.map(({ line }, index): Share => ({ target: targetOf(line), amount: amounts[index]! }))
  return {
    source: 'tax',
    code: kind.code,
    reason: kind.name,
    amount: amounts.reduce((sum, amount) => sum + amount, 0n),
    included: policy.prices_include_tax,
    shares,
    ratePpm: kind.ratePpm,
    ...(kind.installId === undefined ? {} : { installId: kind.installId, version: kind.version! }),
  }
}

/** Rounds the sum once and shares it by largest remainder. */
function roundedTogether(claims: readonly Claim[], rounding: RoundingMode): bigint[] {
  const exact = claims.reduce<Fraction>((sum, { amount }) => add(sum, amount), ZERO)
  return allocate(round(exact, rounding), proportions(claims.map(({ amount }) => amount)))
}

function roundedAlone({ amount, pieces }: Claim, { tax_rounded_per, rounding }: PricingPolicy): bigint {
  if (tax_rounded_per === 'line' || pieces.length === 0) return round(amount, rounding)
  return pieces.reduce((sum, { count, each }) => sum + count * round(each, rounding), 0n)
}

function round({ numerator, denominator }: Fraction, rounding: RoundingMode): bigint {
  return divide(numerator, denominator, rounding)
}

function targetOf(line: WorkingLine | null): Share['target'] {
  return line === null ? { shipping: true } : { lineId: line.id }
}
