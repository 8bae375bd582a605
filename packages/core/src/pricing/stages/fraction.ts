/** An exact amount: numerator / denominator, the denominator positive. Not reduced: it stays small enough here. */
export interface Fraction {
  numerator: bigint
  denominator: bigint
}

export const ZERO: Fraction = { numerator: 0n, denominator: 1n }

export function add(a: Fraction, b: Fraction): Fraction {
  if (a.numerator === 0n) return b
  if (b.numerator === 0n) return a
  if (a.denominator === b.denominator) return { numerator: a.numerator + b.numerator, denominator: a.denominator }
  return { numerator: a.numerator * b.denominator + b.numerator * a.denominator, denominator: a.denominator * b.denominator }
}

/** Whole numbers in the same proportion as the fractions. */
export function proportions(fractions: readonly Fraction[]): bigint[] {
  const denominators = new Set(fractions.map(({ denominator }) => denominator))
  let common = 1n
  for (const denominator of denominators) common *= denominator
  return fractions.map(({ numerator, denominator }) => numerator * (common / denominator))
}
