import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocate, formatAmount, percentOf, type Rounding, roundToStep, taxWithin } from './amounts.ts'

const AMOUNT_MAX = 1_000_000_000_000
const amount = fc.integer({ min: 0, max: AMOUNT_MAX })
const rounding = fc.constantFrom<Rounding>('half_up', 'half_even', 'up', 'down')
const ppm = fc.integer({ min: 0, max: 1_000_000 })

/** The same in BigInt, written another way: the sandbox has none, this test does. */
function exact(numerator: bigint, denominator: bigint, mode: Rounding): number {
  const quotient = numerator / denominator
  const twice = 2n * (numerator % denominator)
  const up = {
    down: false,
    up: twice > 0n,
    half_up: twice >= denominator,
    half_even: twice > denominator || (twice === denominator && quotient % 2n === 1n),
  }[mode]
  return Number(quotient + (up ? 1n : 0n))
}
const percent = (value: number) => `${Math.floor(value / 10_000)}.${String(value % 10_000).padStart(4, '0')}`

test('a percentage of any amount is what exact arithmetic says', () => {
  fc.assert(
    fc.property(amount, ppm, rounding, (value, rate, mode) => {
      expect(percentOf(value, percent(rate), mode)).toBe(exact(BigInt(value) * BigInt(rate), 1_000_000n, mode))
    }),
    { numRuns: 2_000 },
  )
})

test('the tax within any price is what exact arithmetic says', () => {
  fc.assert(
    fc.property(amount, ppm, rounding, (value, rate, mode) => {
      expect(taxWithin(value, percent(rate), mode)).toBe(exact(BigInt(value) * BigInt(rate), 1_000_000n + BigInt(rate), mode))
    }),
    { numRuns: 2_000 },
  )
})

test('a step is met by the nearest multiple', () => {
  fc.assert(
    fc.property(amount, fc.constantFrom(1, 5, 10, 50, 100), rounding, (value, step, mode) => {
      expect(roundToStep(value, step, mode)).toBe(exact(BigInt(value), BigInt(step), mode) * step)
    }),
  )
})

test('shares add up to the amount and are within one unit of their part', () => {
  fc.assert(
    fc.property(amount, fc.array(fc.integer({ min: 0, max: 1_000_000_000 }), { minLength: 1, maxLength: 40 }), (value, weights) => {
      const shares = allocate(value, weights)
      const sum = weights.reduce((total, weight) => total + BigInt(weight), 0n)
      expect(shares.reduce((total, share) => total + share, 0)).toBe(value)
      if (sum > 0n) {
        for (const [index, share] of shares.entries()) {
          const floor = Number((BigInt(value) * BigInt(weights[index]!)) / sum)
          expect([floor, floor + 1]).toContain(share)
        }
      }
    }),
  )
})

test('reads as people write it', () => {
  expect([percentOf(1999, '8.1'), taxWithin(10_810, '8.1'), roundToStep(1237, 5), roundToStep(1238, 5)]).toEqual([162, 810, 1235, 1240])
  expect([formatAmount(5, 2), formatAmount(1999, 0), formatAmount(1234, 3)]).toEqual(['0.05', '1999', '1.234'])
  expect(allocate(100, [1, 1, 1])).toEqual([34, 33, 33])
  expect(allocate(100, [0, 0])).toEqual([50, 50])
  expect(allocate(100, [])).toEqual([])
  expect(() => percentOf(1, '8,1')).toThrow('"8,1" is no percentage')
})
