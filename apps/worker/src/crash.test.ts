import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { DEAD_AFTER_MS } from './lease.ts'
import { exitOf, QueueTest } from './testing/queue-test.ts'

const SOON = { timeout: 180_000, interval: 25 }

let queue: QueueTest
let merchant: TestMerchant
let label: string

beforeAll(async () => {
  queue = await QueueTest.create()
  // As in production: what a stopped worker has open has to be gone before its jobs are given away.
  await queue.admin(`alter role souk_app in database ${queue.shop.database.name} set idle_in_transaction_session_timeout = '5s'`)
})

beforeEach(async () => {
  merchant = await queue.shop.addMerchant()
  label = merchant.merchant.slug
})

afterEach(async () => {
  await queue.stopAll()
  await queue.admin('delete from graphile_worker._private_jobs; delete from queue.runner')
})

afterAll(async () => {
  await queue.close()
})

test('the job of a worker that was killed in the middle runs again in another', async () => {
  const killed = queue.spawn()
  await queue.enqueue(merchant, 'long', { label })
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun'])
  await queue.start()
  killed.kill('SIGKILL')
  await exitOf(killed)
  const killedAt = Date.now()
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun', 'begun'])
  console.info(`taken over ${Date.now() - killedAt} ms after the kill`)
  await queue.openGate(label)
  await expect.poll(() => queue.jobs(label), SOON).toEqual([])
  const [first, second, done] = await queue.traces(label)
  expect([first?.process, second?.process, done?.process]).toEqual([killed.pid, process.pid, process.pid])
  expect(await queue.runners()).toHaveLength(1)
})

test('the job runs again when the only worker is killed and started anew', async () => {
  const killed = queue.spawn()
  await queue.enqueue(merchant, 'long', { label })
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun'])
  killed.kill('SIGKILL')
  await exitOf(killed)
  const killedAt = Date.now()
  queue.spawn()
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun', 'begun'])
  console.info(`taken over ${Date.now() - killedAt} ms after the kill`)
})

test('a job that kills its worker every time is bounded by its attempts', async () => {
  const killed = queue.spawn()
  await queue.enqueue(merchant, 'long', { label }, { attemptsMax: 1 })
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun'])
  await queue.start()
  killed.kill('SIGKILL')
  const dead = () => queue.admin('select task, last_error from dead_job where merchant_id = $1', [merchant.merchant.id])
  await expect.poll(dead, SOON).toEqual([{ task: 'long', last_error: 'The worker ended while it ran this job for the last time.' }])
  expect(await queue.steps(label)).toEqual(['begun'])
})

test('a stopped worker that wakes up after its job was given away does no harm', async () => {
  const sleeper = queue.spawn()
  await queue.enqueue(merchant, 'long', { label })
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun'])
  const [before] = await queue.runners()
  await queue.start()
  sleeper.kill('SIGSTOP')
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun', 'begun'])
  const held = (await queue.jobs(label))[0]?.locked_by
  expect(held).not.toBe(before!.pool_id)
  // Awake, it would wait for the gate beside the other and finish the job as well; its expired lease ends it first.
  sleeper.kill('SIGCONT')
  await expect.poll(() => sleeper.output(), SOON).toContain('"outcome":"lost"')
  // It is still the other's, and in the queue.
  expect(await queue.jobs(label)).toMatchObject([{ locked_by: held, attempts: 2 }])
  // The sleeper goes on as a new pool.
  await expect.poll(async () => (await queue.runners()).length, SOON).toBe(2)
  expect((await queue.runners()).map((runner) => runner.pool_id)).not.toContain(before!.pool_id)
  await queue.openGate(label)
  await expect.poll(() => queue.jobs(label), SOON).toEqual([])
  expect(await queue.traces(label)).toEqual([
    { label, step: 'begun', process: sleeper.pid },
    { label, step: 'begun', process: process.pid },
    { label, step: 'done', process: process.pid },
  ])
  sleeper.kill('SIGTERM')
  expect(await exitOf(sleeper)).toBe(0)
})

test('what a stopped worker had written and not committed is gone before its job is given away', async () => {
  const sleeper = queue.spawn()
  await queue.enqueue(merchant, 'one_transaction', { label })
  await expect.poll(async () => (await queue.jobs(label))[0]?.attempts, SOON).toBe(1)
  await expect.poll(() => openTransactions(), SOON).toBe(1)
  await queue.start()
  sleeper.kill('SIGSTOP')
  await expect.poll(async () => (await queue.jobs(label))[0]?.attempts, SOON).toBe(2)
  await expect.poll(() => openTransactions(), SOON).toBe(1)
  await queue.openGate(label)
  sleeper.kill('SIGCONT')
  await expect.poll(() => queue.jobs(label), SOON).toEqual([])
  await expect.poll(() => sleeper.output(), SOON).toContain('"outcome":"lost"')
  expect(await queue.traces(label)).toEqual([{ label, step: 'done', process: process.pid }])
})

async function openTransactions(): Promise<number> {
  const rows = await queue.admin(
    `select 1 from pg_stat_activity where datname = current_database() and usename = 'souk_app' and xact_start is not null and backend_xid is not null`,
  )
  return rows.length
}

test('a living worker keeps its long job, longer than it takes to be taken for dead', async () => {
  await Promise.all([queue.start(), queue.start()])
  await queue.enqueue(merchant, 'long', { label })
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun'])
  const beganAt = Date.now()
  await expect.poll(() => Date.now() - beganAt).toBeGreaterThan(DEAD_AFTER_MS + 4_000)
  await queue.openGate(label)
  await expect.poll(() => queue.jobs(label), SOON).toEqual([])
  expect(await queue.steps(label)).toEqual(['begun', 'done'])
})

test('a worker told to end in the middle of a job exits cleanly, and leaves the job to be taken', async () => {
  const child = queue.spawn()
  await queue.enqueue(merchant, 'long', { label })
  await expect.poll(() => queue.steps(label), SOON).toEqual(['begun'])
  child.kill('SIGTERM')
  expect(await exitOf(child)).toBe(0)
  expect(await queue.jobs(label)).toMatchObject([{ locked_by: null, attempts: 0 }])
  expect(await queue.runners()).toEqual([])
})
