// Arithmetic for plugins: whole minor units and decimal percentages, without BigInt (the sandbox has none) and without binary
// fractions. This file goes into a plugin's bundle: it imports nothing at run time.

export type Rounding = 'half_up' | 'half_even' | 'up' | 'down'

const PPM = 1_000_000
const PPM_DIGITS = 4
const HALF = PPM / 2

/**
 * A percentage of an amount in minor units: percentOf(1999, '8.1') is 162. Exact for every amount of a contract, because the amount is
 * taken apart so that no product passes 2^53. Throws a RangeError for a percentage that is no decimal.
 */
export function percentOf(amount: number, percent: string, rounding: Rounding = 'half_up'): number {
  const ppm = partsPerMillion(percent)
  // amount × ppm / 10^6 = whole × ppm + rest × ppm / 10^6, with rest below 10^6.
  const whole = Math.floor(amount / PPM)
  const product = (amount % PPM) * ppm
  const quotient = whole * ppm + Math.floor(product / PPM)
  return quotient + roundingUp(quotient, product % PPM, HALF, PPM, rounding)
}

/** The tax inside a price that contains it: taxWithin(10_810, '8.1') is 810. */
export function taxWithin(gross: number, percent: string, rounding: Rounding = 'half_up'): number {
  const ppm = partsPerMillion(percent)
  const divisor = PPM + ppm
  // gross × ppm can pass 2^53, so it is divided digit by digit of the gross.
  let quotient = 0
  let remainder = 0
  for (const digit of String(gross)) {
    const value = remainder * 10 + Number(digit) * ppm
    quotient = quotient * 10 + Math.floor(value / divisor)
    remainder = value % divisor
  }
  return quotient + roundingUp(quotient, remainder, divisor / 2, divisor, rounding)
}

/** To the nearest multiple of a step: roundToStep(1237, 5) is 1235, as cash is paid in Switzerland. */
export function roundToStep(amount: number, step: number, rounding: Rounding = 'half_up'): number {
  const steps = Math.floor(amount / step)
  return (steps + roundingUp(steps, amount % step, step / 2, step, rounding)) * step
}

/** Splits an amount by weights so that the shares add up to it: the largest remainders get what is left over, the earlier first. */
export function allocate(amount: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  if (weights.length === 0 || amount === 0) return weights.map(() => 0)
  if (sum === 0)
    return allocate(
      amount,
      weights.map(() => 1),
    )
  const parts = weights.map((weight) => divided(amount, weight, sum))
  const missing = amount - parts.reduce((total, { quotient }) => total + quotient, 0)
  const order = parts.map((_, index) => index).sort((a, b) => parts[b]!.remainder - parts[a]!.remainder || a - b)
  const lucky = new Set(order.slice(0, missing))
  return parts.map(({ quotient }, index) => quotient + (lucky.has(index) ? 1 : 0))
}

/** An amount for a person: formatAmount(1999, 2) is "19.99". */
export function formatAmount(amount: number, digits: number): string {
  const text = String(amount).padStart(digits + 1, '0')
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/** a × b / c as quotient and remainder, exact: digit by digit of a. */
function divided(a: number, b: number, c: number): { quotient: number; remainder: number } {
  let quotient = 0
  let remainder = 0
  for (const digit of String(a)) {
    // remainder < c <= 10^15 at most, so ten times it and nine times b stay exact while sums of weights do.
    const high = remainder * 10 + Number(digit) * b
    quotient = quotient * 10 + Math.floor(high / c)
    remainder = high % c
  }
  return { quotient, remainder }
}

function partsPerMillion(percent: string): number {
  const match = /^(\d{1,3})(?:\.(\d{1,4}))?$/.exec(percent)
  if (match === null) throw new RangeError(`"${percent}" is no percentage such as "8.25"`)
  return Number(match[1] + (match[2] ?? '').padEnd(PPM_DIGITS, '0'))
}

function roundingUp(quotient: number, remainder: number, half: number, whole: number, rounding: Rounding): 0 | 1 {
  if (remainder === 0 || remainder === whole || rounding === 'down') return 0
  if (rounding === 'up' || remainder > half) return 1
  if (remainder < half) return 0
  return rounding === 'half_up' || quotient % 2 === 1 ? 1 : 0
}
