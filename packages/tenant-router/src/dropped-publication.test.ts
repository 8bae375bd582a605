import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metDroppedPublication } from './door-error.ts'
import { openTestHouse, type TestHouse } from './test-merchants.ts'

const WRITERS = 6
const MET_AT_LEAST = 3
const WITHIN_MS = 300_000

let house: TestHouse

beforeAll(async () => {
  house = await openTestHouse({ connectionsPerCell: WRITERS })
})
afterAll(() => house.close())

test('whoever writes while publications of moves come and go is not told of PostgreSQL`s own race: the work is done again', {
  timeout: WITHIN_MS * 2,
}, async () => {
  const merchants = [house.first, ...(await house.addMerchants(WRITERS - 1))]
  const done = new Map(merchants.map(({ id }) => [id, 0]))
  const end = performance.now() + WITHIN_MS
  let met = 0
  let isOver = false
  const writers = merchants.map(async (merchant) => {
    while (!isOver) {
      await house.router.inMerchant(merchant)(async (tx) => {
        await tx.sql`update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId}`.catch((error) => {
          if (metDroppedPublication(error)) met += 1
          throw error
        })
      })
      done.set(merchant.id, done.get(merchant.id)! + 1)
    }
  })
  const comingAndGoing = (async () => {
    for (let n = 0; met < MET_AT_LEAST && performance.now() < end; n++) {
      await house.admin.unsafe(
        `create publication comes_and_goes_${n} for table merchant_counter where (merchant_id = '${house.first.id}')`,
      )
      await house.admin.unsafe(`drop publication comes_and_goes_${n}`)
    }
    isOver = true
  })()
  await Promise.all([...writers, comingAndGoing])
  expect(met).toBeGreaterThanOrEqual(MET_AT_LEAST)
  for (const [id, times] of done) {
    const [row] = await house.admin<{ number: number }[]>`
      select order_number::int as number from merchant_counter where merchant_id = ${id}`
    expect(row!.number).toBe(times)
  }
})

test('other internal errors of PostgreSQL are told as they are', () => {
  const error = Object.assign(new Error('cache lookup failed for publication 4711'), { code: 'XX000' })
  expect(metDroppedPublication(error)).toBe(true)
  expect(metDroppedPublication(new Error('Failed query', { cause: error }))).toBe(true)
  expect(metDroppedPublication(Object.assign(new Error('cache lookup failed for relation 4711'), { code: 'XX000' }))).toBe(false)
  expect(metDroppedPublication(new postgres.PostgresError('nothing of the kind'))).toBe(false)
  expect(metDroppedPublication(undefined)).toBe(false)
})
