import { CannotMap } from './pricing-case.ts'

/** One expected value beside ours. */
export interface Comparison {
  path: string
  expected: string
  actual: string
  same: boolean
}

const PLACES = 18
// Origins that calculate in floating point write 0.30000000000000004; ours are exact.
const FLOATING_POINT_NOISE = 10n ** BigInt(PLACES - 9)

/**
 * Every value that a case expects, beside ours. Numbers are compared by value: "0.10" is 0.1. An expected key that ours
 * lacks cannot be mapped; lists must be equally long.
 */
export function compare(expected: unknown, actual: unknown, path = ''): Comparison[] {
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) throw new CannotMap(`expected${path} is a list`)
    if (actual.length !== expected.length || expected.length === 0) return [leaf(path, expected, actual, actual.length === expected.length)]
    return expected.flatMap((item, index) => compare(item, actual[index], `${path}[${index}]`))
  }
  if (typeof expected === 'object' && expected !== null) {
    const ours = typeof actual === 'object' && actual !== null ? (actual as Record<string, unknown>) : {}
    return Object.entries(expected).flatMap(([key, value]) => {
      if (!Object.hasOwn(ours, key)) throw new CannotMap(`expected${path}.${key}`)
      return compare(value, ours[key], `${path}.${key}`)
    })
  }
  return [leaf(path, expected, actual, sameValue(expected, actual))]
}

function leaf(path: string, expected: unknown, actual: unknown, same: boolean): Comparison {
  return { path: path.replace(/^\./, ''), expected: JSON.stringify(expected), actual: JSON.stringify(actual) ?? 'nothing', same }
}

function sameValue(expected: unknown, actual: unknown): boolean {
  const [left, right] = [numberOf(expected), numberOf(actual)]
  if (left === undefined || right === undefined) return expected === actual
  const difference = left - right
  return difference <= FLOATING_POINT_NOISE && difference >= -FLOATING_POINT_NOISE
}

/** A number or a decimal text, scaled to an integer of PLACES places. */
function numberOf(value: unknown): bigint | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(value))
  if (!match) return undefined
  const [, sign, whole = '', fraction = ''] = match
  const scaled = BigInt(whole + fraction.slice(0, PLACES).padEnd(PLACES, '0'))
  return sign === '-' ? -scaled : scaled
}
