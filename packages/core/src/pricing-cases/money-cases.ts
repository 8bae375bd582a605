import { z } from 'zod'
import { type Allocation, allocate, currencyDigits, divide, formatDecimal, type RoundingMode, roundToStep, split } from '../money.ts'
import type { Answer } from './answer.ts'
import { answerTaxCalculationMode } from './commercetools-cases.ts'
import { amountOf, CannotMap, decimal, type PricingCase, read } from './pricing-case.ts'

/**
 * Arithmetic of brick/money and dinero.js, and commercetools' two ways to round a tax. brick calls rounding by the Java
 * names, as we do; dinero's halfUp, halfDown, up and down go towards plus or minus infinity.
 */
export function answerMoneyCase({ input, expected }: PricingCase): Answer {
  if (input.operation === 'allocate' && 'money' in input) return allocateMoney(read(brickAllocation, input, 'input'))
  if (input.operation === 'allocate') return orError(expected, () => allocateScaled(read(dineroAllocation, input, 'input')))
  if (input.operation === 'split') return splitMoney(read(brickSplit, input, 'input'))
  if (input.operation === 'multiply' || input.operation === 'divide')
    return orError(expected, () => multiplyOrDivide(read(brickProduct, input, 'input')))
  if (input.operation === 'change scale') return changeScale(read(dineroScale, input, 'input'))
  if (input.operation === 'divide and round') return divideAndRound(read(dineroDivision, input, 'input'))
  if ('tax_calculation_mode' in input) return answerTaxCalculationMode(input)
  throw new CannotMap(`operation ${JSON.stringify(input.operation)}`)
}

const money = z.strictObject({
  amount: decimal,
  currency: z.string(),
  cash_rounding_step_minor: z.int().optional(),
  scale: z.union([z.literal('unlimited'), z.int()]).optional(),
})
const ratio = z.union([z.string().regex(/^-?\d+(\.\d+)?(\/\d+)?$/), z.number()]).transform(String)
const brickAllocation = z.strictObject({ operation: z.string(), money, ratios: z.array(ratio), mode: z.string() })
const brickSplit = z.strictObject({ operation: z.string(), money, into: z.int(), mode: z.string() })
const brickProduct = z.strictObject({ operation: z.string(), money, by: decimal, rounding: z.string() })
const scaledRatio = z.union([z.number(), z.strictObject({ amount: z.int(), scale: z.int() })])
const dineroAllocation = z.strictObject({
  operation: z.string(),
  amount: z.int(),
  currency: z.string(),
  scale: z.int(),
  base: z.union([z.int(), z.array(z.int())]).optional(),
  ratios: z.array(scaledRatio),
  mode: z.string().optional(),
})
const dineroScale = z.strictObject({
  operation: z.string(),
  amount: z.int(),
  currency: z.string(),
  scale: z.int(),
  to_scale: z.int(),
  mode: z.string(),
})
const dineroDivision = z.strictObject({ operation: z.string(), dividend: z.int(), divisor: z.int(), mode: z.string() })

function allocateMoney({ money, ratios, mode }: z.output<typeof brickAllocation>): Answer {
  const digits = digitsOf(money)
  const amount = amountOf(money.amount, digits)
  const weights = wholeNumbers(ratios)
  const step = BigInt(money.cash_rounding_step_minor ?? 1)
  const parts = /block|complete/i.test(mode) ? inWholeBlocks(amount, weights, step) : allocate(amount, weights, { left: heirs(mode), step })
  return { asked: { amount, weights, mode, step }, actual: { parts: parts.map((part) => formatDecimal(part, digits)) } }
}

/** Who gets what is left over, by the words of the origin. */
function heirs(mode: string): NonNullable<Allocation['left']> {
  if (/last element|separate/i.test(mode)) return 'separate'
  if (/largest ratio/i.test(mode)) return 'largest_weight'
  if (/largest (fractional )?(remainder|part)|hamilton/i.test(mode)) return 'largest_remainder'
  if (/first/i.test(mode)) return 'first'
  throw new CannotMap(`allocation mode ${mode}`)
}

/** Only whole multiples of all ratios together are shared; the rest is one element more. */
function inWholeBlocks(amount: bigint, weights: bigint[], step: bigint): bigint[] {
  const block = weights.reduce((sum, weight) => sum + weight, 0n) / weights.reduce(greatestCommonDivisor)
  const shared = roundToStep(amount, block * step, 'down')
  return [...allocate(shared, weights, { step }), amount - shared]
}

function allocateScaled({ amount, ratios, scale, mode }: z.output<typeof dineroAllocation>): Answer {
  if (mode !== undefined && !/non-zero ratios/.test(mode)) throw new CannotMap(`allocation mode ${mode}`)
  const weights = wholeNumbers(ratios.map((each) => (typeof each === 'number' ? String(each) : scaled(each))))
  // dinero hands the remainder to the largest ratios, of equals to the first: 5 by 1 and 3 is 1 and 4.
  const parts = allocate(BigInt(amount), weights, { left: 'largest_weight' })
  return { asked: { amount, weights }, actual: { parts: parts.map(Number), scale } }
}

function scaled({ amount, scale }: { amount: number; scale: number }): string {
  return formatDecimal(BigInt(amount), scale)
}

function splitMoney({ money, into, mode }: z.output<typeof brickSplit>): Answer {
  const digits = digitsOf(money)
  const amount = amountOf(money.amount, digits)
  const how = { left: heirs(mode), step: BigInt(money.cash_rounding_step_minor ?? 1) }
  return { asked: { amount, into, how }, actual: { parts: split(amount, into, how).map((part) => formatDecimal(part, digits)) } }
}

function multiplyOrDivide({ operation, money, by, rounding }: z.output<typeof brickProduct>): Answer {
  const digits = digitsOf(money)
  const [factor, one] = fractionOf(by)
  const numerator = amountOf(money.amount, digits) * (operation === 'multiply' ? factor : one)
  const denominator = operation === 'multiply' ? one : factor
  const result = rounding === 'Unnecessary' ? exactly(numerator, denominator) : divide(numerator, denominator, brickRounding(rounding))
  return { asked: { numerator, denominator, rounding }, actual: { amount: formatDecimal(result, digits) } }
}

/** A quotient without a rest: rounding down and up come to the same. */
function exactly(numerator: bigint, denominator: bigint): bigint {
  const [below, above] = [divide(numerator, denominator, 'floor'), divide(numerator, denominator, 'ceiling')]
  if (below !== above) throw new Error('rounding would be necessary')
  return below
}

function changeScale({ amount, scale, to_scale, mode }: z.output<typeof dineroScale>): Answer {
  const [numerator, denominator] = [BigInt(amount) * 10n ** BigInt(to_scale), 10n ** BigInt(scale)]
  const result = divide(numerator, denominator, dineroRounding(mode.replace(' (default)', '')))
  return { asked: { numerator, denominator, mode }, actual: { amount: Number(result), scale: to_scale } }
}

function divideAndRound({ dividend, divisor, mode }: z.output<typeof dineroDivision>): Answer {
  return {
    asked: { dividend, divisor, mode },
    actual: { result: Number(divide(BigInt(dividend), BigInt(divisor), dineroRounding(mode))) },
  }
}

function brickRounding(name: string): RoundingMode {
  const modes: Record<string, RoundingMode> = {
    Up: 'up',
    Down: 'down',
    Ceiling: 'ceiling',
    Floor: 'floor',
    HalfUp: 'half_up',
    HalfDown: 'half_down',
    HalfCeiling: 'half_ceiling',
    HalfFloor: 'half_floor',
    HalfEven: 'half_even',
  }
  return modes[name] ?? unknownRounding(name)
}

function dineroRounding(name: string): RoundingMode {
  const modes: Record<string, RoundingMode> = {
    up: 'ceiling',
    down: 'floor',
    halfUp: 'half_ceiling',
    halfDown: 'half_floor',
    halfEven: 'half_even',
    halfOdd: 'half_odd',
    halfAwayFromZero: 'half_up',
    halfTowardsZero: 'half_down',
  }
  return modes[name] ?? unknownRounding(name)
}

function unknownRounding(name: string): never {
  throw new CannotMap(`rounding ${name}`)
}

/** An expected error is met by any error of ours; an unexpected one is a failure. */
function orError(expected: Record<string, unknown>, calculate: () => Answer): Answer {
  if (!('error' in expected)) return calculate()
  try {
    return calculate()
  } catch (error) {
    if (error instanceof CannotMap) throw error
    return { asked: {}, actual: { error: expected.error, ours: String(error) } }
  }
}

/** How many decimals an amount is kept in: those of its currency, or those the case asks for, or as many as it is written in. */
function digitsOf({ amount, currency, scale }: z.output<typeof money>): number {
  if (typeof scale === 'number') return scale
  const digits = currencyDigits(currency)
  return scale === 'unlimited' ? Math.max(digits, amount.split('.')[1]?.length ?? 0) : digits
}

/** Ratios such as "2", "0.5" and "1/3" as whole numbers in the same proportion. */
function wholeNumbers(ratios: readonly string[]): bigint[] {
  const fractions = ratios.map(fractionOf)
  const denominator = fractions.reduce((product, [, each]) => (product * each) / greatestCommonDivisor(product, each), 1n)
  return fractions.map(([numerator, each]) => (numerator * denominator) / each)
}

/** "-0.5" is [-5n, 10n], "3/2" is [3n, 2n]. */
function fractionOf(text: string): [bigint, bigint] {
  const [over, under = '1'] = text.split('/')
  const places = over!.split('.')[1]?.length ?? 0
  return [amountOf(over!, places), 10n ** BigInt(places) * BigInt(under)]
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b)
}
