import { divide, type RoundingMode } from '../../money.ts'

const WHOLE_PPM = 1_000_000n

/** What is reduced: what is left of it, what it costs at list price, and how many pieces it is. */
export interface Reducible {
  remaining: bigint
  list: bigint
  count: bigint
}

/** How much comes off; it may be more than there is, and negative where a set price lies above what is left. */
export type Reduction = (of: Reducible) => bigint

export function byRate(ratePpm: number, basis: 'remaining' | 'list', rounding: RoundingMode): Reduction {
  const rate = BigInt(ratePpm)
  return (of) => divide(of[basis] * rate, WHOLE_PPM, rounding)
}

export function byAmount(amount: number): Reduction {
  const off = BigInt(amount)
  return () => off
}

/** The whole is to cost so much. */
export function toPrice(amount: number): Reduction {
  const price = BigInt(amount)
  return ({ remaining }) => remaining - price
}

/** Every piece is to cost so much. */
export function toUnitPrice(amount: number): Reduction {
  const price = BigInt(amount)
  return ({ remaining, count }) => remaining - price * count
}
