import { addGoods } from '@souk/core/testing/goods.ts'
import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'
import { openSelfCheck } from './self-check.ts'
import { QueueTest } from './testing/queue-test.ts'

let queue: QueueTest
let broken: TestMerchant
let sound: TestMerchant

beforeAll(async () => {
  queue = await QueueTest.create()
  broken = await queue.shop.addMerchant()
  sound = await queue.shop.addMerchant()
  const { variantId } = await addGoods(broken)
  await addGoods(sound)
  await queue.admin('update stock_level set reserved = 3 where merchant_id = $1 and variant_id = $2', [broken.merchant.id, variantId])
})
afterAll(() => queue.close())

/** What came of the checks of one merchant, by invariant. */
async function checked(merchant: TestMerchant): Promise<Record<string, string>> {
  const metrics = createMetrics()
  await (await openSelfCheck(metrics, queue.log))(merchant.inMerchant)
  const { values } = await metrics.selfChecks.get()
  return Object.fromEntries(values.filter(({ value }) => value === 1).map(({ labels }) => [labels.invariant, labels.outcome]))
}

test('counts and logs what is broken of one merchant, and finds the others as they should be', async () => {
  const held = {
    '02_levels_hold_what_is_promised': 'held',
    '10_journals_balance': 'held',
    '13_balances_are_their_entries': 'held',
    '17_everything_open_has_its_time': 'held',
    '20_webhooks_account_for_events': 'held',
  }
  expect(await checked(sound)).toEqual(held)
  expect(queue.logged).toEqual([])
  expect(await checked(broken)).toEqual({ ...held, '02_levels_hold_what_is_promised': 'broken' })
  expect(queue.logged).toEqual([
    expect.objectContaining({ merchantId: broken.merchant.id, reason: '02_levels_hold_what_is_promised', error: '1 rows' }),
  ])
})

test('says so when it could not look to the end', async () => {
  const canceled = Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' })
  const inMerchant = Object.assign(() => Promise.reject(canceled), broken.inMerchant, { read: () => Promise.reject(canceled) })
  const metrics = createMetrics()
  await (await openSelfCheck(metrics, queue.log))(inMerchant)
  const { values } = await metrics.selfChecks.get()
  expect(values.filter(({ value }) => value > 0).map(({ labels }) => labels.outcome)).toEqual(Array(5).fill('unfinished'))
})
