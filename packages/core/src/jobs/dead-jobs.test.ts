import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newId } from '../ids.ts'
import { enqueue, enqueueUnlessQueued } from '../jobs.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { buryJob, type GivenUpJob, listDeadJobs, retryDeadJob } from './dead-jobs.ts'

let shop: TestShop
let merchant: TestMerchant
let queue: ReturnType<typeof drizzle>

beforeAll(async () => {
  shop = await createTestShop()
  queue = drizzle(shop.database.url('souk_queue'))
})

beforeEach(async () => {
  merchant = await shop.addMerchant()
})

afterAll(async () => {
  await queue.$client.end()
  await shop.close()
})

function givenUp(overrides: Partial<GivenUpJob> = {}): GivenUpJob {
  return {
    queueId: BigInt(`0x${newId().slice(-12)}`),
    task: 'run_import',
    jobKey: null,
    payload: { importId: newId() },
    attempts: 10,
    lastError: 'Error: the file is gone',
    enqueuedAt: new Date('2026-01-01T00:00:00Z'),
    ...overrides,
  }
}

async function queuedJobs(): Promise<{ payload: Record<string, unknown>; key: string | null; attempts: number }[]> {
  return queue.execute(sql`
    select j.payload, j.key, j.attempts from graphile_worker._private_jobs j where j.payload ->> 'merchantId' = ${merchant.merchant.id}`)
}

test('keeps a dead job once, however often it is buried, and bounds its error', async () => {
  const job = givenUp({ lastError: 'x'.repeat(5_000) })
  await merchant.inMerchant((tx) => buryJob(tx, job))
  await merchant.inMerchant((tx) => buryJob(tx, { ...job, lastError: 'another' }))
  const dead = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))
  expect(dead).toHaveLength(1)
  expect(dead[0]).toMatchObject({ queueId: job.queueId, task: 'run_import', payload: job.payload, lastError: 'x'.repeat(1_000) })
})

test('lists the newest first, page by page', async () => {
  const jobs = [givenUp(), givenUp(), givenUp()]
  for (const job of jobs) {
    await merchant.inMerchant((tx) => buryJob(tx, job))
    const buriedAt = Date.now()
    await expect.poll(() => Date.now()).toBeGreaterThan(buriedAt)
  }
  const first = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 2 }))
  const second = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 2, before: first[1]!.id }))
  expect([...first, ...second].map((job) => job.queueId)).toEqual(jobs.map((job) => job.queueId).reverse())
})

test('retries a dead job with its payload and key, and keeps it no longer', async () => {
  const job = givenUp({ jobKey: 'the key' })
  await merchant.inMerchant((tx) => buryJob(tx, job))
  const [dead] = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 1 }))
  await merchant.inMerchant((tx) => retryDeadJob(tx, dead!.id))
  expect(await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 1 }))).toEqual([])
  expect(await queuedJobs()).toEqual([
    { payload: { ...job.payload, merchantId: merchant.merchant.id }, key: `${merchant.merchant.id}:run_import:the key`, attempts: 0 },
  ])
})

test('retries a dead job once when two ask at the same time', async () => {
  await merchant.inMerchant((tx) => buryJob(tx, givenUp()))
  const [dead] = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 1 }))
  const answers = await Promise.allSettled([1, 2, 3, 4].map(() => merchant.inMerchant((tx) => retryDeadJob(tx, dead!.id))))
  expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1)
  expect(await queuedJobs()).toHaveLength(1)
})

test('knows nothing of the dead jobs of another merchant', async () => {
  const other = await shop.addMerchant()
  await merchant.inMerchant((tx) => buryJob(tx, givenUp()))
  const [dead] = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 1 }))
  expect(await other.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))).toEqual([])
  await expect(other.inMerchant((tx) => retryDeadJob(tx, dead!.id))).rejects.toMatchObject({ code: 'not_found' })
  expect(await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))).toHaveLength(1)
})

test('enqueues unless queued: a waiting job keeps its payload, time and attempts', async () => {
  const first = newId()
  await merchant.inMerchant((tx) => enqueue(tx, 'run_import', { importId: first }, { key: 'one' }))
  await queue.execute(sql`update graphile_worker._private_jobs set attempts = 3 where key = ${`${merchant.merchant.id}:run_import:one`}`)
  await merchant.inMerchant((tx) => enqueueUnlessQueued(tx, 'run_import', { importId: newId() }, { key: 'one' }))
  expect(await queuedJobs()).toMatchObject([{ payload: { importId: first }, attempts: 3 }])
  await Promise.all(
    Array.from({ length: 8 }, () => merchant.inMerchant((tx) => enqueueUnlessQueued(tx, 'clear_abandoned_carts', {}, { key: 'daily' }))),
  )
  expect(await queuedJobs()).toHaveLength(2)
})
