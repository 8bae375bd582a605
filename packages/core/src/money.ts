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
 * Splits an amount in proportion to weights by the largest remainder method: the shares add up to the amount exactly and
 * each is within one minor unit of its ideal. Units left over go to the largest remainders, the earlier first.
 * Weights are not negative; if all are zero they count as equal. An empty list takes only a zero amount.
 */
export function allocate(amount: bigint, weights: readonly bigint[]): bigint[] {
  if (amount < 0n) return allocate(-amount, weights).map((share) => -share)
  const sum = weights.reduce((total, weight) => total + weight, 0n)
  if (sum === 0n && weights.length > 0)
    return allocate(
      amount,
      weights.map(() => 1n),
    )
  if (weights.length === 0) {
    if (amount !== 0n) throw new Error('an amount cannot be shared among nobody')
    return []
  }
  const shares = weights.map((weight) => (amount * weight) / sum)
  const byRemainder = weights.map((weight, index) => ({ index, remainder: (amount * weight) % sum }))
  byRemainder.sort((a, b) => (a.remainder === b.remainder ? a.index - b.index : a.remainder < b.remainder ? 1 : -1))
  const left = amount - shares.reduce((total, share) => total + share, 0n)
  for (const { index } of byRemainder.slice(0, Number(left))) shares[index]! += 1n
  return shares
}

/** numerator / denominator, rounded half away from zero. The denominator is positive. */
export function divideHalfUp(numerator: bigint, denominator: bigint): bigint {
  const doubled = 2n * (numerator < 0n ? -numerator : numerator) + denominator
  const rounded = doubled / (2n * denominator)
  return numerator < 0n ? -rounded : rounded
}
