import { listDeadJobs, retryDeadJob } from '@souk/core/jobs/dead-jobs.ts'
import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { QueueTest } from './testing/queue-test.ts'
import { testTasks } from './testing/tasks.ts'

const SOON = { timeout: 180_000, interval: 25 }

let queue: QueueTest
let merchant: TestMerchant
let label: string

beforeAll(async () => {
  queue = await QueueTest.create()
})

beforeEach(async () => {
  merchant = await queue.shop.addMerchant()
  label = merchant.merchant.slug
})

afterEach(async () => {
  await queue.stopAll()
  await queue.admin('delete from graphile_worker._private_jobs')
})

afterAll(async () => {
  await queue.close()
})

const poll = (read: () => Promise<unknown>) => expect.poll(read, SOON)

test('runs a job once, in the merchant that enqueued it, and nothing is left of it', async () => {
  const other = await queue.shop.addMerchant()
  await queue.start()
  await queue.enqueue(merchant, 'quick', { label })
  await poll(() => queue.steps(label)).toEqual(['done'])
  await poll(() => queue.jobs(label)).toEqual([])
  const [row] = await queue.admin<{ merchant_id: string }>('select merchant_id from trace where label = $1', [label])
  expect(row?.merchant_id).toBe(merchant.merchant.id)
  expect(row?.merchant_id).not.toBe(other.merchant.id)
})

test('logs a job with listed fields alone', async () => {
  await queue.start()
  await queue.enqueue(merchant, 'quick', { label })
  await poll(() => queue.jobs(label)).toEqual([])
  const lines = () => queue.logged.filter((line) => line.merchantId === merchant.merchant.id && line.msg === 'job')
  await poll(async () => lines().length).toBe(1)
  expect(Object.keys(lines()[0]!).sort()).toEqual(
    ['app', 'attempt', 'cell', 'durationMs', 'jobId', 'level', 'merchantId', 'msg', 'outcome', 'pid', 'task', 'time'].sort(),
  )
})

test('a job of two workers runs once', async () => {
  await Promise.all([queue.start(), queue.start(), queue.start()])
  const labels = Array.from({ length: 30 }, (_, index) => `${label}-${index}`)
  for (const each of labels) await queue.enqueue(merchant, 'quick', { label: each })
  await poll(async () => (await queue.admin('select 1 from trace where label like $1', [`${label}-%`])).length).toBe(30)
  for (const each of labels) expect(await queue.steps(each)).toEqual(['done'])
})

test('moves a job that failed for good to the dead jobs of its merchant, without the data its error told', async () => {
  await queue.start()
  await queue.enqueue(merchant, 'failing', { label }, { attemptsMax: 1, key: 'k' })
  await poll(() => merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))).toHaveLength(1)
  const [dead] = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))
  expect(dead).toMatchObject({ task: 'failing', jobKey: 'k', payload: { label }, attempts: 1 })
  expect(dead!.lastError).toMatch(/^Error: cannot digest "…" \(apps\/worker\/src\/testing\/tasks\.ts:\d+\)$/)
  await poll(() => queue.jobs(label)).toEqual([])
  expect(JSON.stringify(queue.logged)).not.toContain(`secret of ${label}`)
})

test('retries a dead job', async () => {
  const worker = await queue.start()
  await queue.enqueue(merchant, 'failing', { label }, { attemptsMax: 1 })
  await poll(() => merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))).toHaveLength(1)
  await worker.stop()
  const [dead] = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))
  await merchant.inMerchant((tx) => retryDeadJob(tx, dead!.id))
  await queue.start({ ...testTasks, failing: testTasks.quick })
  await poll(() => queue.steps(label)).toEqual(['begun', 'done'])
  expect(await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))).toEqual([])
})

test('keeps the error of a job that is tried again, and counts the attempt', async () => {
  await queue.start()
  await queue.enqueue(merchant, 'failing', { label })
  await poll(() => queue.jobs(label)).toMatchObject([
    { attempts: 1, locked_by: null, last_error: expect.stringMatching(/^Error: cannot digest "…"/) },
  ])
})

test('the sweep buries what was exhausted by a crash, and burying it again after a crash in between changes nothing', async () => {
  await queue.enqueue(merchant, 'quick', { label }, { attemptsMax: 1 })
  await queue.admin(`update graphile_worker._private_jobs set attempts = 1 where payload ->> 'label' = $1`, [label])
  const [job] = await queue.jobs(label)
  // As if a worker had been killed between the burial and the removal.
  await queue.admin(
    `insert into dead_job (merchant_id, queue_id, task, payload, attempts, last_error, enqueued_at) values ($1, $2, 'quick', '{}', 1, 'first', now())`,
    [merchant.merchant.id, job!.id],
  )
  await queue.start()
  await poll(() => queue.jobs(label)).toEqual([])
  const dead = await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))
  expect(dead.map((row) => row.lastError)).toEqual(['first'])
  expect(await queue.steps(label)).toEqual([])
})

test('does not bury a job that was superseded while it ran', async () => {
  await queue.start({
    ...testTasks,
    long: { ...testTasks.failing, run: (...given) => testTasks.long.run(...given).then(() => Promise.reject(new Error('no'))) },
  })
  await queue.enqueue(merchant, 'long', { label }, { key: 'one' })
  await poll(() => queue.steps(label)).toEqual(['begun'])
  await queue.enqueue(merchant, 'quick', { label: `${label}-new` })
  // The same key while it runs: graphile-worker takes key and attempts from the running job.
  await queue.enqueue(merchant, 'long', { label: `${label}-second` }, { key: 'one' })
  expect(await queue.jobs(label)).toMatchObject([{ key: null, attempts: 10 }])
  await queue.openGate(label)
  await poll(() => queue.jobs(label)).toEqual([])
  expect(await queue.steps(label)).toEqual(['begun', 'done'])
  await poll(() => queue.steps(`${label}-second`)).toEqual(['begun'])
  expect(await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))).toEqual([])
  await queue.openGate(`${label}-second`)
})

test('rejects a job of a merchant that does not exist and one that cannot be read, and goes on with the others', async () => {
  const nobody = '01900000-0000-7000-8000-000000000000'
  const add = (payload: object) => queue.admin(`select graphile_worker.add_job('quick', $1::json)`, [JSON.stringify(payload)])
  await add({ merchantId: nobody, label })
  await add({ merchantId: merchant.merchant.id, label, surprise: 1 })
  await add({ label })
  await add([1, 2])
  await queue.enqueue(merchant, 'quick', { label: `${label}-good` })
  await queue.start()
  await poll(() => queue.steps(`${label}-good`)).toEqual(['done'])
  await poll(() => queue.admin('select task, reason, attempts from queue.rejected_job order by queue_id')).toEqual([
    { task: 'quick', reason: 'merchant_unknown', attempts: 1 },
    { task: 'quick', reason: 'payload_invalid', attempts: 1 },
    { task: 'quick', reason: 'payload_invalid', attempts: 1 },
    { task: 'quick', reason: 'payload_invalid', attempts: 1 },
  ])
  expect(await queue.steps(label)).toEqual([])
  // A job's row goes after what the job did is to be seen.
  await poll(() => queue.admin('select 1 from graphile_worker._private_jobs')).toEqual([])
})

test('gives back the job of a merchant on the move without counting an attempt, and runs it afterwards', async () => {
  await queue.admin(`update tenancy.home set state = 'fenced' where merchant_id = $1`, [merchant.merchant.id])
  await queue.start()
  await queue.admin(`select graphile_worker.add_job('quick', $1::json, max_attempts => 1)`, [
    JSON.stringify({ merchantId: merchant.merchant.id, label }),
  ])
  const released = () => queue.logged.filter((line) => line.merchantId === merchant.merchant.id && line.outcome === 'released')
  await poll(async () => released().length).toBeGreaterThanOrEqual(2)
  await queue.admin(`update tenancy.home set state = 'active' where merchant_id = $1`, [merchant.merchant.id])
  await poll(() => queue.steps(label)).toEqual(['done'])
  await poll(() => queue.jobs(label)).toEqual([])
  expect(await merchant.inMerchant((tx) => listDeadJobs(tx, { limit: 10 }))).toEqual([])
})

test('a worker that is closed hands its job to another at once, uncounted', async () => {
  const first = await queue.start()
  await queue.enqueue(merchant, 'long', { label }, { attemptsMax: 1 })
  await poll(() => queue.steps(label)).toEqual(['begun'])
  await queue.start()
  await first.stop()
  await poll(() => queue.steps(label)).toEqual(['begun', 'begun'])
  expect(await queue.runners()).toHaveLength(1)
  await queue.openGate(label)
  await poll(() => queue.steps(label)).toEqual(['begun', 'begun', 'done'])
  await poll(() => queue.jobs(label)).toEqual([])
})

test('a worker that is closed lets a job finish that is nearly done', async () => {
  const worker = await queue.start()
  await queue.enqueue(merchant, 'long', { label })
  await poll(() => queue.steps(label)).toEqual(['begun'])
  const stopped = worker.stop()
  await queue.openGate(label)
  await stopped
  expect(await queue.steps(label)).toEqual(['begun', 'done'])
  expect(await queue.jobs(label)).toEqual([])
})

test('a job that hears nothing is handed back too', async () => {
  const worker = await queue.start()
  await queue.enqueue(merchant, 'deaf', { label })
  await poll(() => queue.steps(label)).toEqual(['begun'])
  await worker.stop()
  expect(await queue.jobs(label)).toMatchObject([{ locked_by: null, attempts: 0 }])
  expect(await queue.runners()).toEqual([])
})

test('frees jobs and named queues whose holder is not registered', async () => {
  await queue.admin(`select graphile_worker.add_job('quick', $1::json, queue_name => 'lane')`, [
    JSON.stringify({ merchantId: merchant.merchant.id, label }),
  ])
  await queue.admin(`update graphile_worker._private_jobs set locked_by = 'pool-gone', locked_at = now(), attempts = 1`)
  await queue.admin(`update graphile_worker._private_job_queues set locked_by = 'pool-gone', locked_at = now()`)
  await queue.start()
  await expect.poll(() => queue.steps(label), { timeout: 180_000, interval: 50 }).toEqual(['done'])
  await poll(() => queue.admin('select queue_name from graphile_worker._private_job_queues where locked_by is not null')).toEqual([])
})

test('a job that was given to another pool while it ran is not taken from that one', async () => {
  await queue.start()
  await queue.enqueue(merchant, 'long', { label })
  await poll(() => queue.steps(label)).toEqual(['begun'])
  await queue.admin(`insert into queue.runner (pool_id, process) values ('pool-other', 'other')`)
  await queue.admin(`update graphile_worker._private_jobs set locked_by = 'pool-other' where payload ->> 'label' = $1`, [label])
  await queue.openGate(label)
  const lost = () => queue.logged.filter((line) => line.merchantId === merchant.merchant.id && line.outcome === 'lost')
  await poll(async () => lost().length).toBe(1)
  expect(await queue.jobs(label)).toMatchObject([{ locked_by: 'pool-other', attempts: 1 }])
  await queue.admin(`delete from queue.runner where pool_id = 'pool-other'`)
})

test('a pool that was taken for dead is followed by another, which goes on with the work', async () => {
  await queue.start()
  await poll(async () => (await queue.runners()).length).toBe(1)
  const [before] = await queue.runners()
  await queue.admin('delete from queue.runner')
  await poll(async () => (await queue.runners()).filter((runner) => runner.pool_id !== before!.pool_id).length).toBe(1)
  await queue.enqueue(merchant, 'quick', { label })
  await poll(() => queue.steps(label)).toEqual(['done'])
})
