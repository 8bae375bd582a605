import type { InMerchant, Router } from '@souk/tenant-router/router.ts'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startFollowers } from './followers.ts'
import { CELL, QueueTest } from './testing/queue-test.ts'

let house: QueueTest

beforeAll(async () => {
  house = await QueueTest.create()
})
afterAll(() => house.close())

/** A directory that remembers one cell of a merchant, and another is true. */
function directoryOf(cells: { remembered: string; true: string }): Router {
  const entry = (cell: string) => ({ id: MERCHANT, slug: 'kaffa', status: 'active', cell, epoch: 2n, sandbox: false })
  return {
    directory: { byId: async () => entry(cells.remembered), refresh: async () => entry(cells.true) },
    inMerchant: (merchant: unknown) => ({ merchant }) as unknown as InMerchant,
  } as unknown as Router
}

const MERCHANT = '00000000-0000-7000-8000-0000000000aa'

/** What becomes of a wake-up: whether somebody worked, and whether it is still there. */
async function wakeUp(router: Router): Promise<{ worked: number; left: number }> {
  await house.admin(`delete from queue.follower where merchant_id = '${MERCHANT}'`)
  await house.admin(`insert into queue.follower (merchant_id, follower, due_at) values ('${MERCHANT}', 'webhooks', now())`)
  let worked = 0
  const queueUrl = house.shop.database.url('souk_queue')
  const left = async () => (await house.admin(`select from queue.follower where merchant_id = '${MERCHANT}'`)).length
  const works = {
    webhooks: async () => {
      worked += 1
    },
  }
  const followers = startFollowers({ cell: CELL, queueUrl, router, works, log: house.log, usage: { count: () => {} } })
  await vi.waitFor(async () => expect(worked > 0 || (await left()) === 0).toBe(true), { timeout: 180_000, interval: 20 })
  await followers.stop()
  return { worked: Math.min(worked, 1), left: await left() }
}

test('a merchant that has just moved here is worked for, also by a worker that has not heard of it yet', async () => {
  expect(await wakeUp(directoryOf({ remembered: 'shared-2', true: CELL }))).toEqual({ worked: 1, left: 1 })
})

test('one that lives elsewhere is not, and its wake-up goes', async () => {
  expect(await wakeUp(directoryOf({ remembered: 'shared-2', true: 'shared-2' }))).toEqual({ worked: 0, left: 0 })
})
