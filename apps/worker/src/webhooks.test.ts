import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { checkInvariants } from '@souk/migrations/invariants.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { WebhookTest } from './testing/webhook-test.ts'

const SOON = { timeout: 60_000, interval: 25 }

let test: WebhookTest
let merchant: TestMerchant
let path: string

beforeAll(async () => {
  test = await WebhookTest.create()
})
beforeEach(async () => {
  merchant = await test.queue.shop.addMerchant()
  path = `/${merchant.merchant.slug}`
})
afterEach(() => test.queue.stopAll())
afterAll(() => test.close())

it('delivers every event, signed, each aggregate in its order, and keeps a log', async () => {
  const { id, secret } = await test.endpoint(merchant, path)
  await test.startWorker()
  const orders = (await test.happen(merchant, 5)).slice(0, 5)
  await test.happen(merchant, 95, { aggregates: orders })
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 100 })
  const taken = await test.taken(path)
  expect(taken.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  for (const order of orders) {
    const sequences = taken.filter(({ aggregateId }) => aggregateId === order).map(({ sequence }) => sequence)
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
  }
  expect(await test.verified(path, secret)).toBe(100)
  expect(await checkInvariants(test.queue.shop.database.adminUrl)).toEqual([])
})
