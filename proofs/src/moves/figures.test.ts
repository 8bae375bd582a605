import { expect, test } from 'vitest'
import { gapAcross, longestGap, ms, percentile } from './figures.ts'

test('a percentile is a value that was measured', () => {
  const values = Array.from({ length: 200 }, (_, n) => 200 - n)
  expect([50, 95, 99, 100].map((percent) => percentile(values, percent))).toEqual([100, 190, 198, 200])
  expect(percentile(values, 0)).toBe(1)
  expect(percentile([7], 50)).toBe(7)
  expect(percentile([], 50)).toBeUndefined()
})

test('the longest gap counts the ends of the span', () => {
  expect(longestGap([10, 20, 50], { from: 0, to: 60 })).toBe(30)
  expect(longestGap([50, 10, 20], { from: 0, to: 100 })).toBe(50)
  expect(longestGap([5, 90], { from: 20, to: 60 })).toBe(40)
})

test('the gap across a moment is between its neighbours', () => {
  expect(gapAcross([50, 10, 20, 90], 30)).toBe(30)
  expect(gapAcross([10, 30, 35], 30)).toBe(5)
  expect(gapAcross([10, 20], 30)).toBe(Number.POSITIVE_INFINITY)
})

test('milliseconds are shown as precisely as they mean something', () => {
  expect([ms(3.1234), ms(57.2), ms(undefined)]).toEqual(['3.1', '57', '-'])
})
