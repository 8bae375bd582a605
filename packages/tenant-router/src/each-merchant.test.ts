import { afterAll, beforeAll, expect, test } from 'vitest'
import { CELL, failureOf, openTestHouse, type TestHouse } from './test-merchants.ts'
import { openTestWire } from './test-wire.ts'

let house: TestHouse
beforeAll(async () => {
  house = await openTestHouse()
  await house.addMerchants(448)
})
afterAll(() => house.close())

test('visits every active merchant of a cell once, in id order, page by page, each through its own door', async () => {
  const wire = await openTestWire(house.database.url('souk_app'))
  const router = house.openRouter({ directoryUrl: wire.url })
  await house.admin`update platform.merchant set status = 'suspended' where id = ${house.first.id}`
  const visited: string[] = []
  const seen: string[] = []
  await router.eachMerchant(CELL, async (inMerchant) => {
    visited.push(inMerchant.merchant.id)
    const rows = await inMerchant.read((tx) => tx.sql<{ merchant_id: string }[]>`select merchant_id from location`)
    seen.push(...rows.map((row) => row.merchant_id))
  })
  const expected = await house.admin<{ id: string }[]>`select id from platform.merchant where status = 'active' order by id`
  expect(visited).toHaveLength(449)
  expect(visited).toEqual(expected.map((row) => row.id))
  expect(seen).toEqual(visited)
  // 200, 200, 49; one more Bind asked for the types of the server.
  expect(wire.counts.B).toBeGreaterThanOrEqual(3)
  expect(wire.counts.B).toBeLessThanOrEqual(5)
  await router.close()
  await wire.close()
})

test('visits nobody in a cell without merchants', async () => {
  await house.router.eachMerchant('shared-2', async () => {
    throw new Error('there is nobody')
  })
})

test('a failure ends the loop', async () => {
  let visited = 0
  const failure = await failureOf(
    house.router.eachMerchant(CELL, async () => {
      visited += 1
      if (visited === 3) throw new Error('enough')
    }),
  )
  expect(failure.message).toBe('enough')
  expect(visited).toBe(3)
})
