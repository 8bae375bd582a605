import { data as listOne } from 'currency-codes'
import { Refusal } from './refusal.ts'

/** An amount in minor units of an ISO 4217 currency. */
export interface Money {
  amount: bigint
  currency: string
}

/** No single amount, and no total, may pass this: 10^12 minor units. It keeps every wire number an exact double. */
export const AMOUNT_MAX = 1_000_000_000_000n

// ISO 4217 list one names codes that no shop can charge: metals, bond units, testing, "no currency", and accounting units.
const NOT_CHARGEABLE = /^(X(?!OF$|AF$|PF$|CD$|CG$)|BOV$|CHE$|CHW$|CLF$|COU$|MXV$|USN$|UYI$|UYW$)/

// Node's Intl disagrees with ISO 4217 on 15 currencies, so the digits come from the published list.
const DIGITS = new Map(listOne.filter((row) => !NOT_CHARGEABLE.test(row.code)).map((row) => [row.code, row.digits]))

/** How many decimals a currency has by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD. Refuses `currency_unsupported`. */
export function currencyDigits(currency: string): number {
  const digits = DIGITS.get(currency)
  if (digits === undefined) throw new Refusal('currency_unsupported', { detail: `${currency} is not a currency that can be charged.` })
  return digits
}

/**
 * A decimal number of major units as minor units: ('10.50', 2) -> 1050n. Undefined when it is no plain decimal or has
 * more decimals than the currency; further zeros do no harm.
 */
export function parseDecimal(text: string, digits: number): bigint | undefined {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,20}))?$/.exec(text)
  if (!match) return undefined
  const [, sign, whole = '', fraction = ''] = match
  if (/[1-9]/.test(fraction.slice(digits))) return undefined
  const amount = BigInt(whole + fraction.slice(0, digits).padEnd(digits, '0'))
  return sign === '-' ? -amount : amount
}

/** Minor units as a decimal number of major units: (1050n, 2) -> '10.50'. */
export function formatDecimal(amount: bigint, digits: number): string {
  const sign = amount < 0n ? '-' : ''
  const text = (amount < 0n ? -amount : amount).toString().padStart(digits + 1, '0')
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/**
 * How a fraction of a minor unit is rounded. `half_up` and `up` go away from zero, `half_down` and `down` towards it; `ceiling`,
 * `floor` and their halves go towards plus and minus infinity; `half_even` is the bankers' rounding, `half_odd` its mirror.
 */
export const ROUNDING_MODES = [
  'half_up',
  'half_down',
  'half_even',
  'half_odd',
  'half_ceiling',
  'half_floor',
  'up',
  'down',
  'ceiling',
  'floor',
] as const
export type RoundingMode = (typeof ROUNDING_MODES)[number]

/** numerator / denominator as a whole number, rounded as `mode` says. The denominator is positive. */
export function divide(numerator: bigint, denominator: bigint, mode: RoundingMode): bigint {
  if (denominator <= 0n) throw new Error('the denominator must be positive')
  const negative = numerator < 0n
  const size = negative ? -numerator : numerator
  const quotient = size / denominator
  const rest = size % denominator
  const rounded =
    rest !== 0n && awayFromZero(mode, { negative, odd: (quotient & 1n) === 1n, half: 2n * rest - denominator }) ? quotient + 1n : quotient
  return negative ? -rounded : rounded
}

/** Whether what lies between two whole numbers goes to the one farther from zero. `half` is its distance from the middle, signed. */
function awayFromZero(mode: RoundingMode, at: { negative: boolean; odd: boolean; half: bigint }): boolean {
  if (mode.startsWith('half_') && at.half !== 0n) return at.half > 0n
  switch (mode) {
    case 'half_up':
    case 'up':
      return true
    case 'half_down':
    case 'down':
      return false
    case 'half_even':
      return at.odd
    case 'half_odd':
      return !at.odd
    case 'half_ceiling':
    case 'ceiling':
      return !at.negative
    case 'half_floor':
    case 'floor':
      return at.negative
  }
}

/** The nearest multiple of `step` in the sense of `mode`: cash in steps of five. */
export function roundToStep(amount: bigint, step: bigint, mode: RoundingMode): bigint {
  return divide(amount, step, mode) * step
}

/** numerator / denominator, rounded half away from zero. The denominator is positive. */
export function divideHalfUp(numerator: bigint, denominator: bigint): bigint {
  return divide(numerator, denominator, 'half_up')
}

export interface Allocation {
  /**
   * Who gets the units that are left when every share is rounded towards zero: the largest remainders, the first shares,
   * those with the largest weights, or nobody: then they are one element more at the end.
   */
  left?: 'largest_remainder' | 'first' | 'largest_weight' | 'separate'
  /** Shares are multiples of it: 5 where five is the smallest coin. What is no multiple goes with the first unit left over. */
  step?: bigint
}

/**
 * Splits an amount in proportion to weights. As it comes, by the largest remainder method: the shares add up to the amount
 * exactly and each is within one minor unit of its ideal. Of equals the earlier comes first; a share of no weight gets nothing.
 * Weights are not negative; if all are zero they count as equal. An empty list takes only a zero amount.
 */
export function allocate(amount: bigint, weights: readonly bigint[], how: Allocation = {}): bigint[] {
  if (weights.some((weight) => weight < 0n)) throw new Error('a weight must not be negative')
  if (amount < 0n) return allocate(-amount, weights, how).map((share) => -share)
  if (weights.length === 0) {
    if (amount !== 0n) throw new Error('an amount cannot be shared among nobody')
    return []
  }
  const { left = 'largest_remainder', step = 1n } = how
  const sum = total(weights)
  if (sum === 0n) return allocate(amount, Array<bigint>(weights.length).fill(1n), how)
  if (left === 'largest_remainder' && step === 1n && amount * sum <= EXACT_MAX) return allocateSmall(Number(amount), weights, Number(sum))
  const shares = weights.map((weight) => ((amount * weight) / (sum * step)) * step)
  const rest = amount - total(shares)
  if (left === 'separate') return [...shares, rest]
  handOut(rest, step, shares, heirs(amount, weights, sum * step, left))
  return shares
}

const EXACT_MAX = BigInt(Number.MAX_SAFE_INTEGER)

/** The same with numbers, which are exact as long as no product passes 2^53, and several times as fast. */
function allocateSmall(amount: number, weights: readonly bigint[], sum: number): bigint[] {
  const products = weights.map((weight) => amount * Number(weight))
  const shares = products.map((product) => (product - (product % sum)) / sum)
  let rest = amount
  for (const share of shares) rest -= share
  if (rest > 0) {
    const places = [...products.keys()].sort((a, b) => (products[b]! % sum) - (products[a]! % sum))
    for (const place of places.slice(0, rest)) shares[place]! += 1
  }
  return shares.map(BigInt)
}

/** Splits an amount into equal parts. */
export function split(amount: bigint, parts: number, how: Allocation = {}): bigint[] {
  return allocate(amount, Array<bigint>(parts).fill(1n), how)
}

/** The places that may get a unit more, in the order in which they do. */
function heirs(amount: bigint, weights: readonly bigint[], divisor: bigint, left: NonNullable<Allocation['left']>): number[] {
  const places = [...weights.keys()].filter((place) => weights[place]! > 0n)
  if (left === 'first') return places
  const claims = left === 'largest_weight' ? weights : weights.map((weight) => (amount * weight) % divisor)
  // The sort is stable: of equals the earlier stays first.
  return places.sort((a, b) => (claims[a]! === claims[b]! ? 0 : claims[a]! < claims[b]! ? 1 : -1))
}

function handOut(rest: bigint, step: bigint, shares: bigint[], places: readonly number[]): void {
  const odd = rest % step
  if (odd > 0n) shares[places[0]!]! += odd
  let steps = rest / step
  for (let next = 0; steps > 0n; next += 1, steps -= 1n) shares[places[next % places.length]!]! += step
}

function total(amounts: readonly bigint[]): bigint {
  let sum = 0n
  for (const amount of amounts) sum += amount
  return sum
}
