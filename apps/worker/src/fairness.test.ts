import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { outside, slow } from './merchant-task.ts'
import { QueueTest } from './testing/queue-test.ts'
import { testTasks } from './testing/tasks.ts'

const SOON = { timeout: 180_000, interval: 25 }
const IN_FRONT = 8
/** A statement of the application has five seconds, on a machine that does other things too. */
const AT_A_TIME = 250

let queue: QueueTest
let busy: TestMerchant
let other: TestMerchant

beforeAll(async () => {
  queue = await QueueTest.create()
})

beforeEach(async () => {
  busy = await queue.shop.addMerchant()
  other = await queue.shop.addMerchant()
})

afterEach(async () => {
  await queue.stopAll()
  await queue.admin('delete from graphile_worker._private_jobs; delete from trace')
})

afterAll(async () => {
  await queue.close()
})

const poll = (read: () => Promise<unknown>) => expect.poll(read, SOON)

/** Beside what is due every day, which a slow run meets. */
async function allIsDone(): Promise<void> {
  await poll(() => queue.admin(`select 1 from graphile_worker._private_jobs where payload ->> 'label' is not null`)).toEqual([])
}

/** So many jobs, a few hundred in a transaction. Labels begin with the merchant's slug. */
async function enqueueMany(merchant: TestMerchant, task: string, count: number, runAt: Date | null = null): Promise<void> {
  const label = merchant.merchant.slug
  for (let from = 1; from <= count; from += AT_A_TIME) {
    await merchant.inMerchant(
      (tx) => tx.sql`
        select queue.enqueue(${task}, jsonb_build_object('label', ${label}::text || '-' || n), null, ${runAt}::timestamptz, 10)
        from generate_series(${from}::int, ${Math.min(count, from + AT_A_TIME - 1)}::int) as n`,
    )
  }
}

/** The merchants of what was done, in the order in which it was. */
async function done(): Promise<string[]> {
  const rows = await queue.admin<{ merchant_id: string }>(`select merchant_id from trace where step = 'done' order by id`)
  return rows.map((row) => row.merchant_id)
}

async function inFront(merchant: TestMerchant): Promise<number> {
  const rows = await queue.admin(`select 1 from graphile_worker._private_jobs where priority = 0 and payload ->> 'merchantId' = $1`, [
    merchant.merchant.id,
  ])
  return rows.length
}

test('the one job of a merchant is done among the first, however many another has', async () => {
  await enqueueMany(busy, 'quick', 2_000)
  expect(await inFront(busy)).toBe(IN_FRONT)
  await enqueueMany(other, 'quick', 1)
  await queue.start()
  await poll(async () => (await done()).includes(other.merchant.id)).toBe(true)
  expect((await done()).indexOf(other.merchant.id)).toBeLessThanOrEqual(2 * IN_FRONT)
})

test('merchants that both have a backlog take turns, and all of it is done', async () => {
  await enqueueMany(busy, 'quick', 150)
  await enqueueMany(other, 'quick', 150)
  await queue.start()
  await poll(async () => (await done()).length).toBe(300)
  const early = (await done()).slice(0, 100).filter((id) => id === other.merchant.id).length
  expect(early).toBeGreaterThanOrEqual(30)
  expect(early).toBeLessThanOrEqual(70)
  await allIsDone()
})

test('jobs for later that are due all at once do not stand in front of others either', async () => {
  await enqueueMany(busy, 'quick', 500, new Date(Date.now() + 1_000))
  expect(await inFront(busy)).toBe(500)
  await queue.admin('update graphile_worker._private_jobs set run_at = now()')
  await enqueueMany(other, 'quick', 1)
  await queue.start()
  await poll(async () => (await done()).includes(other.merchant.id)).toBe(true)
  expect((await done()).indexOf(other.merchant.id)).toBeLessThanOrEqual(50)
})

test('what a killed worker did not bring forward is brought forward by the next round', async () => {
  await enqueueMany(busy, 'quick', 30)
  await enqueueMany(other, 'quick', 30)
  await queue.admin('update graphile_worker._private_jobs set priority = 1')
  await queue.admin('set role souk_queue; select queue.advance_all(); reset role')
  expect([await inFront(busy), await inFront(other)]).toEqual([IN_FRONT, IN_FRONT])
  const [first] = await queue.admin<{ label: string }>(
    `select payload ->> 'label' as label from graphile_worker._private_jobs where priority = 0 and payload ->> 'merchantId' = $1 order by run_at limit 1`,
    [busy.merchant.id],
  )
  expect(first?.label).toBe(`${busy.merchant.slug}-1`)
})

test('a merchant has no more jobs at work than its plan allows, loses none, and holds up nobody', async () => {
  queue.config.platformUrl = queue.shop.database.url('souk_platform')
  await queue.admin(`insert into platform.plan (name, limits) values ('one-job', '{"concurrency": {"jobs": 1}}')`)
  await queue.admin(`update platform.merchant set plan = 'one-job' where id = $1`, [busy.merchant.id])
  const slug = busy.merchant.slug
  await enqueueMany(busy, 'long', 3)
  await queue.start()
  const begun = async () => {
    const rows = await queue.admin<{ label: string }>(`select label from trace where step = 'begun' and label like $1`, [`${slug}-%`])
    return rows.map((row) => row.label)
  }
  await poll(async () => (await begun()).length).toBe(1)
  await enqueueMany(other, 'quick', 20)
  await poll(async () => (await done()).filter((id) => id === other.merchant.id).length).toBe(20)
  expect(await begun()).toHaveLength(1)
  for (const n of [1, 2, 3]) await queue.openGate(`${slug}-${n}`)
  await poll(async () => (await done()).filter((id) => id === busy.merchant.id).length).toBe(3)
  await allIsDone()
})

test('beside a merchant that has as many jobs at work as it may, another is served that has them in the back alone', async () => {
  queue.config.platformUrl = queue.shop.database.url('souk_platform')
  await queue.admin(`insert into platform.plan (name, limits) values ('single-job', '{"concurrency": {"jobs": 1}}')`)
  await queue.admin(`update platform.merchant set plan = 'single-job' where id = $1`, [busy.merchant.id])
  await enqueueMany(busy, 'long', 300)
  await queue.start()
  await poll(() => queue.admin(`select 1 from trace where step = 'begun' limit 1`)).toHaveLength(1)
  await enqueueMany(other, 'quick', 20)
  await queue.admin(`update graphile_worker._private_jobs set priority = 1 where payload ->> 'merchantId' = '${other.merchant.id}'`)
  await poll(async () => (await done()).filter((id) => id === other.merchant.id).length).toBe(20)
  expect(await queue.admin(`select 1 from trace where step = 'begun' and merchant_id = $1`, [busy.merchant.id])).toHaveLength(1)
})

test.each([
  ['take many seconds', slow],
  ['wait for somebody outside', outside],
])('beside jobs that %s others are done, and what finds no place is not taken up again and again', async (_what, asKind) => {
  await enqueueMany(busy, 'long', 300)
  await queue.start({ ...testTasks, long: asKind(testTasks.long) })
  const begun = () =>
    queue.admin<{ label: string }>(`select label from trace where step = 'begun' and merchant_id = $1 order by id`, [busy.merchant.id])
  await poll(async () => (await begun()).length).toBe(1)
  queue.logged.length = 0
  for (let n = 1; n <= 40; n++) {
    await enqueueMany(other, 'quick', 1)
    await poll(async () => (await done()).filter((id) => id === other.merchant.id).length).toBe(n)
  }
  expect(await begun()).toHaveLength(1)
  expect(queue.logged.filter(({ outcome }) => outcome === 'released').length).toBeLessThan(5)
  // Two who looked at once may have found one each, and the first of them gone without a place.
  await queue.openGate((await begun())[0]!.label)
  await poll(async () => (await begun()).length).toBe(2)
})
