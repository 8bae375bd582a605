import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CrashPoint, onCrashPoint } from './crash-point.ts'
import type { InMerchant } from './router.ts'
import { failureOf, openTestHouse, type TestHouse } from './test-merchants.ts'
import { callingOut, commitPointsOf, inUseCase } from './use-case.ts'

let house: TestHouse
let inMerchant: InMerchant
let passed: CrashPoint[]

beforeAll(async () => {
  house = await openTestHouse({ connectionsPerCell: 4 })
  inMerchant = house.router.inMerchant(house.first)
})
afterAll(() => house.close())
afterEach(() => onCrashPoint(undefined))

const count = () =>
  inMerchant(async (tx) => {
    await tx.sql`update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId}`
  })
const counted = async () => {
  const [row] = await house.admin<{ number: number }[]>`
    select order_number::int as number from merchant_counter where merchant_id = ${house.first.id}`
  return row!.number
}

function listen(strike: (point: CrashPoint) => void = () => {}): void {
  passed = []
  onCrashPoint((point) => {
    passed.push(point)
    strike(point)
  })
}

describe('a use case', () => {
  test('names the points before and after each of its commits, however many there are at once', async () => {
    listen()
    await Promise.all([
      inUseCase('tea', async () => {
        await count()
        await count()
      }),
      inUseCase('cup', count),
    ])
    expect(passed.filter((point) => point.startsWith('tea.'))).toEqual([...commitPointsOf('tea'), ...commitPointsOf('tea')])
    expect(passed.filter((point) => point.startsWith('cup.'))).toEqual(commitPointsOf('cup'))
  })

  test('that dies before its commit has done nothing, and after it all of it', async () => {
    const before = await counted()
    listen((point) => {
      if (point === 'tea.committing') throw new Error('died')
    })
    await failureOf(inUseCase('tea', count))
    expect(await counted()).toBe(before)
    listen((point) => {
      if (point === 'tea.committed') throw new Error('died')
    })
    await failureOf(inUseCase('tea', count))
    expect(await counted()).toBe(before + 1)
  })

  test('passes nothing where it only reads, and is called nothing where nobody named it', async () => {
    listen()
    await inUseCase('tea', () => inMerchant.readOnce((tx) => [tx.sql`select 1`]))
    expect(passed).toEqual([])
    await count()
    expect(passed).toEqual(commitPointsOf('elsewhere'))
  })

  test('names the points around what it asks of others', async () => {
    listen()
    const answer = await inUseCase('tea', () => callingOut('carrier', async () => 'a label'))
    expect([answer, ...passed]).toEqual(['a label', 'tea.calling_carrier', 'tea.called_carrier'])
  })
})
