import { expect, test } from 'vitest'
import { CONTRACT_IDS, CONTRACTS } from './contract.ts'
import { CLOSED_DAYS, sunsetNotices } from './sunset.ts'

const contracts = { ...CONTRACTS, 'discount@1': { sunset: '2029-06-30' } }

test('nothing is said of a contract that has no end', () => {
  expect(sunsetNotices(['tax@1'], new Date('2029-06-29T00:00:00Z'), contracts)).toEqual([])
})

test.each([
  ['2028-01-01T00:00:00Z', false],
  ['2029-03-31T23:59:59Z', false],
  ['2029-04-01T00:00:00Z', true],
  ['2029-07-01T00:00:00Z', true],
])('a contract that ends 2029-06-30 takes something new on %s: %s', (now, closed) => {
  const [notice] = sunsetNotices(['discount@1', 'tax@1'], new Date(now), contracts)
  expect(notice).toMatchObject({ contract: 'discount@1', sunset: '2029-06-30', closed })
  expect(notice!.text.includes('nothing new is taken')).toBe(closed)
})

test('a major is served for 18 months at least, and for 12 beside its successor', () => {
  for (const id of CONTRACT_IDS) {
    const { name, major, since, sunset } = CONTRACTS[id]
    if (sunset === null) continue
    const successor = Object.values(CONTRACTS).find((other) => other.name === name && other.major === major + 1)
    expect(Date.parse(sunset) - Date.parse(since), id).toBeGreaterThanOrEqual(18 * 30 * 86_400_000)
    expect(successor, `${id} ends without a successor`).toBeDefined()
    expect(Date.parse(sunset) - Date.parse(successor!.since), id).toBeGreaterThanOrEqual(12 * 30 * 86_400_000)
  }
  expect(CLOSED_DAYS).toBe(90)
})
