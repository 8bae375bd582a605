import { Refusal } from '../../refusal.ts'
import type { ResolvedTaxes, TaxRate } from '../../taxes/resolve-taxes.ts'
import type { PluginTaxes } from '../pricing-input.ts'
import type { WorkingCart, WorkingLine } from '../working-cart.ts'
import { add, type Fraction, ZERO } from './fraction.ts'
import { taxDivisor, taxFactors } from './tax-factors.ts'

/** A tax by its name and rate; a null rate is an amount that a plugin worked out itself. */
export interface TaxKind {
  code: string
  name: string
  ratePpm: bigint | null
  installId?: string
  version?: string
}

/** What one tax claims of a line or of the shipping, exactly. */
export interface Claim {
  kind: TaxKind
  line: WorkingLine | null
  amount: Fraction
  /** The same on single pieces: so many, each claiming so much. None for what is not counted in pieces. */
  pieces: readonly { count: bigint; each: Fraction }[]
}

export interface TaxBase {
  /** Whether the prices include tax. */
  included: boolean
  /** Whether discounts lower what is taxed. */
  discounted: boolean
}

/** What every tax of the tables claims, in the order of the lines, shipping last. */
export function tableClaims(cart: WorkingCart, taxes: ResolvedTaxes, base: TaxBase): Claim[] {
  const lines = cart.lines.filter((line) => line.kind === 'item')
  return [...lines.flatMap((line) => claimsOnLine(line, taxes.lines[line.id] ?? [], base)), ...tableClaimsOnShipping(cart, taxes, base)]
}

function tableClaimsOnShipping({ lines, shipping }: WorkingCart, taxes: ResolvedTaxes, base: TaxBase): Claim[] {
  if (shipping === null) return []
  const amount = base.discounted ? shipping.remaining : shipping.amount
  if (taxes.shipping !== 'by_lines') return claimsOn(amount, taxes.shipping, base)
  return claimsByLines(
    amount,
    lines.filter((line) => line.kind === 'item'),
    taxes,
    base,
  )
}

function claimsOnLine(line: WorkingLine, rates: readonly TaxRate[], base: TaxBase): Claim[] {
  const factors = taxFactors(rates)
  const denominator = taxDivisor(factors, base.included)
  const runs = base.discounted ? line.runs : [{ count: line.quantity, each: line.unitPrice }]
  const amount = base.discounted ? line.remaining : line.subtotal
  return rates.map((rate, index) => {
    const numerator = factors.numerators[index]!
    return {
      kind: kindOf(rate),
      line,
      amount: { numerator: amount * numerator, denominator },
      pieces: runs.map(({ count, each }) => ({ count, each: { numerator: each * numerator, denominator } })),
    }
  })
}

function claimsOn(amount: bigint, rates: readonly TaxRate[], base: TaxBase): Claim[] {
  const factors = taxFactors(rates)
  const denominator = taxDivisor(factors, base.included)
  return rates.map((rate, index) => ({
    kind: kindOf(rate),
    line: null,
    amount: { numerator: amount * factors.numerators[index]!, denominator },
    pieces: [],
  }))
}

/** The fee split over the lines by what they cost by now (by their list prices where all is free), each part taxed like its line. */
function claimsByLines(amount: bigint, lines: readonly WorkingLine[], taxes: ResolvedTaxes, base: TaxBase): Claim[] {
  const left = lines.map((line) => (base.discounted ? line.remaining : line.subtotal))
  const weights = left.some((weight) => weight > 0n) ? left : lines.map((line) => line.subtotal)
  const whole = weights.reduce((sum, weight) => sum + weight, 0n)
  const byCode = new Map<string, Claim>()
  if (whole === 0n) return []
  for (const [index, line] of lines.entries()) {
    for (const claim of claimsOn(weights[index]!, taxes.lines[line.id] ?? [], base)) {
      const part = { numerator: claim.amount.numerator * amount, denominator: claim.amount.denominator * whole }
      const before = byCode.get(claim.kind.code)?.amount ?? ZERO
      byCode.set(claim.kind.code, { ...claim, amount: add(before, part) })
    }
  }
  return [...byCode.values()]
}

/**
 * What the taxes of a plugin claim instead; on shipping, if it leaves that to the table, the table's. Of prices that include
 * tax, an amount claims no more than there is.
 */
export function pluginClaims(
  cart: WorkingCart,
  { plugin: taxes, table }: { plugin: PluginTaxes; table: ResolvedTaxes },
  base: TaxBase,
): Claim[] {
  const { installId, version } = taxes
  const claims = cart.lines
    .filter((line) => line.kind === 'item')
    .flatMap((line) => {
      const given = Object.hasOwn(taxes.lines, line.id) ? taxes.lines[line.id]! : []
      const rates = claimsOnLine(line, ratesIn(given), base)
      return inOrderGiven(given, rates, { line, room: base.discounted ? line.remaining : line.subtotal })
    })
  const { shipping } = cart
  if (shipping && taxes.shipping) {
    const room = base.discounted ? shipping.remaining : shipping.amount
    claims.push(...inOrderGiven(taxes.shipping, claimsOn(room, ratesIn(taxes.shipping), base), { line: null, room }))
  }
  const own = claims.map((claim) => ({ ...claim, kind: { ...claim.kind, installId, version } }))
  return taxes.shipping ? own : [...own, ...tableClaimsOnShipping(cart, table, base)]

  function inOrderGiven(given: PluginTaxes['lines'][string], rates: Claim[], target: { line: WorkingLine | null; room: bigint }): Claim[] {
    let next = 0
    return given.map((tax) => ('ratePpm' in tax ? rates[next++]! : amountClaim(tax, target, base)))
  }
}

function ratesIn(given: PluginTaxes['lines'][string]): TaxRate[] {
  return given.flatMap((tax) => {
    if (!('ratePpm' in tax)) return []
    if (tax.ratePpm < 0n) throw new Refusal('rule_result_invalid', { detail: 'A tax rate must not be negative.' })
    return [{ code: tax.name, name: tax.name, ratePpm: tax.ratePpm, compound: false }]
  })
}

function amountClaim(
  tax: { name: string; amount: bigint },
  { line, room }: { line: WorkingLine | null; room: bigint },
  base: TaxBase,
): Claim {
  if (tax.amount < 0n) throw new Refusal('rule_result_invalid', { detail: 'A tax must not be negative.' })
  const numerator = base.included && tax.amount > room ? room : tax.amount
  return { kind: { code: tax.name, name: tax.name, ratePpm: null }, line, amount: { numerator, denominator: 1n }, pieces: [] }
}

function kindOf({ code, name, ratePpm }: TaxRate): TaxKind {
  return { code, name, ratePpm }
}
