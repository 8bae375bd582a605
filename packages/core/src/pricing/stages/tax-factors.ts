import type { TaxRate } from '../../taxes/resolve-taxes.ts'

const WHOLE_PPM = 1_000_000n

/** What several rates come to, exactly: the tax of each on one minor unit without tax is numerator / denominator. */
export interface TaxFactors {
  rates: readonly TaxRate[]
  numerators: readonly bigint[]
  denominator: bigint
  /** The sum of the numerators. */
  together: bigint
}

/** Rates in charging order: a compound one is charged on the amount and all taxes before it, unrounded. */
export function taxFactors(rates: readonly TaxRate[]): TaxFactors {
  const compounds = rates.reduce((count, { compound }) => count + (compound ? 1n : 0n), 0n)
  const denominator = WHOLE_PPM ** (compounds + 1n)
  let together = 0n
  const numerators = rates.map(({ ratePpm, compound }) => {
    const numerator = compound ? ((denominator + together) * ratePpm) / WHOLE_PPM : (denominator * ratePpm) / WHOLE_PPM
    together += numerator
    return numerator
  })
  return { rates, numerators, denominator, together }
}

/** With prices that include tax the part of it is out of the whole; otherwise it comes on top. */
export function taxDivisor({ denominator, together }: TaxFactors, included: boolean): bigint {
  return included ? denominator + together : denominator
}
