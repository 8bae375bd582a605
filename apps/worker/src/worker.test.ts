import { BEYOND_ALL_EVENTS, holdFollower, releaseFollower, wakeFollower } from '@souk/core/events/followers.ts'
import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { createTestDatabase } from '@souk/local-postgres/test-database.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { WorkerConfig } from './config.ts'
import type { FollowerWork } from './followers.ts'
import { exitOf, QueueTest } from './testing/queue-test.ts'
import { testTasks } from './testing/tasks.ts'
import { startWorker } from './worker.ts'

const SOON = { timeout: 180_000, interval: 50 }

let queue: QueueTest
let merchant: TestMerchant

beforeAll(async () => {
  queue = await QueueTest.create()
  merchant = await queue.shop.addMerchant()
})

afterEach(() => queue.stopAll())

afterAll(async () => {
  await queue.close()
})

test('serves metrics and health', async () => {
  const worker = await startWorker({ ...queue.config, internalPort: 0 }, () => testTasks, queue.log)
  try {
    const { port } = queue.logged.find((line) => line.port !== undefined) as { port: number }
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
    await expect.poll(async () => (await get('/readyz')).status, SOON).toBe(200)
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/')).status).toBe(404)
    await merchant.inMerchant((tx) => wakeFollower(tx, 'webhooks'))
    await queue.enqueue(merchant, 'quick', { label: 'counted' })
    await expect.poll(() => queue.jobs('counted'), SOON).toEqual([])
    await queue.enqueue(merchant, 'unknown_here', { label: 'waits' })
    await queue.admin(`select graphile_worker.add_job('quick', '{}'::json)`)
    await queue.enqueue(merchant, 'failing', { label: 'dies' }, { attemptsMax: 1 })
    const metrics = async () => (await get('/metrics')).text()
    await expect.poll(metrics, SOON).toContain('souk_jobs_total{task="quick",outcome="done"} 1')
    await expect.poll(metrics, SOON).toContain('souk_queue_rejected_jobs{cell="shared-1"} 1')
    await expect.poll(metrics, SOON).toContain('souk_dead_jobs_total{task="failing"} 1')
    const text = await metrics()
    expect(text).toContain('souk_queue_jobs{cell="shared-1",task="unknown_here",state="runnable"} 1')
    expect(text).toMatch(/souk_queue_oldest_runnable_seconds\{cell="shared-1",task="unknown_here"\} \d+\.\d+/)
    expect(text).toContain('souk_queue_abandoned_jobs{cell="shared-1"} 0')
    expect(text).toContain('souk_follower_merchants_behind{cell="shared-1",follower="webhooks"} 1')
    expect(text).toMatch(/souk_job_seconds_count\{task="quick"\} 2/)
    expect(text).not.toContain(merchant.merchant.id)
  } finally {
    await worker.stop()
  }
})

test('works on the queue of a cell that was added while it runs, and leaves that of one that was retired', async () => {
  const later = await createTestDatabase()
  const admin = new pg.Client(later.adminUrl)
  await admin.connect()
  const runnersOf = async () => (await admin.query('select pool_id from queue.runner')).rows
  const cells: WorkerConfig['cells'] = { ...queue.config.cells }
  const worker = await startWorker({ ...queue.config, readCells: () => ({ ...cells }) }, () => testTasks, queue.log)
  try {
    cells.later = { app: later.url('souk_app'), queue: later.url('souk_queue') }
    await queue.admin(`insert into platform.cell (name, kind) values ('later', 'shared')`)
    await expect.poll(runnersOf, SOON).toHaveLength(1)
    expect(await queue.runners()).toHaveLength(1)
    await expect.poll(() => worker.ready, SOON).toBe(true)
    await queue.admin(`update platform.cell set status = 'retired' where name = 'later'`)
    await expect.poll(runnersOf, SOON).toEqual([])
    expect(await queue.runners()).toHaveLength(1)
  } finally {
    await worker.stop()
    await admin.end()
    await later.drop()
  }
})

test('a cell that is away keeps no other from being worked for, and is worked for when it is there', async () => {
  const later = await createTestDatabase()
  let admin: pg.Client | undefined
  const rename = (from: string, to: string) => queue.admin(`alter database "${from}" rename to "${to}"`)
  await rename(later.name, `${later.name}_away`)
  const cells: WorkerConfig['cells'] = { ...queue.config.cells, 'away-1': { app: later.url('souk_app'), queue: later.url('souk_queue') } }
  const worker = await startWorker({ ...queue.config, cells, readCells: () => cells }, () => testTasks, queue.log)
  try {
    await queue.enqueue(merchant, 'quick', { label: 'beside' })
    await expect.poll(() => queue.jobs('beside'), SOON).toEqual([])
    expect(queue.logged).toContainEqual(expect.objectContaining({ cell: 'away-1', msg: 'a cell is not worked for until it answers' }))
    await rename(`${later.name}_away`, later.name)
    admin = new pg.Client(later.adminUrl)
    await admin.connect()
    await expect.poll(async () => (await admin!.query('select pool_id from queue.runner')).rows, SOON).toHaveLength(1)
  } finally {
    await admin?.end()
    await worker.stop()
    await later.drop()
  }
})

test('tells what the jobs of a merchant took, at its end at the latest', async () => {
  const busy = await queue.shop.addMerchant()
  const following = await queue.shop.addMerchant()
  const follow: FollowerWork = async (inMerchant, { lease }) => {
    await inMerchant((tx) => tx.sql`select pg_sleep(0.01)`)
    await inMerchant(async (tx) => {
      const revision = await holdFollower(tx, lease)
      await releaseFollower(tx, lease, { position: BEYOND_ALL_EVENTS, dueAt: null, revision })
    })
    followed.resolve()
  }
  const followed = Promise.withResolvers<void>()
  const config = { ...queue.config, platformUrl: queue.shop.database.url('souk_platform') }
  const worker = await startWorker(
    config,
    () => testTasks,
    queue.log,
    () => ({ mail: follow }),
  )
  try {
    await following.inMerchant((tx) => wakeFollower(tx, 'mail'))
    await followed.promise
    for (const label of ['first', 'second']) await queue.enqueue(busy, 'quick', { label })
    for (const label of ['first', 'second']) await expect.poll(() => queue.jobs(label), SOON).toEqual([])
  } finally {
    await worker.stop()
  }
  const sql = openPlatformSql(queue.shop.database.url('souk_platform'))
  const used = await sql`
    select jobs, job_ms > 0 as took_time, database_ms > 0 as took_database_time from platform.usage
    where merchant_id in (${busy.merchant.id}, ${following.merchant.id}) order by jobs`
  await sql.end()
  expect([...used]).toEqual([
    { jobs: 0n, took_time: false, took_database_time: true },
    { jobs: 2n, took_time: true, took_database_time: true },
  ])
})

test('works on the queues it was told to, and on no others', async () => {
  const worker = await startWorker({ ...queue.config, worksFor: ['another'] }, () => testTasks, queue.log)
  try {
    await expect.poll(() => worker.ready, SOON).toBe(true)
    expect(await queue.runners()).toEqual([])
  } finally {
    await worker.stop()
  }
})

test('works on the queues of all cells of a kind, and on none of the other kind', async () => {
  const dedicated = await startWorker({ ...queue.config, worksFor: ['dedicated:*', 'another'] }, () => testTasks, queue.log)
  const shared = await startWorker({ ...queue.config, worksFor: ['shared:*'] }, () => testTasks, queue.log)
  try {
    await expect.poll(async () => (await queue.runners()).length, SOON).toBe(1)
    await shared.stop()
    expect(await queue.runners()).toEqual([])
  } finally {
    await Promise.all([dedicated.stop(), shared.stop()])
  }
})

test('the real process, with its mover, works, prints structured lines and ends on SIGTERM', async () => {
  const child = queue.spawn(new URL('main.ts', import.meta.url), { SOUK_MOVER_URL: queue.shop.database.url('souk_mover') })
  await merchant.inMerchant(
    (tx) => tx.sql`
    insert into idempotency_key (merchant_id, route, key, fingerprint, status_code, response_body, expires_at)
    values (${tx.merchantId}, 'POST /x', 'old', 'f', 200, '{}', now() - interval '1 minute')`,
  )
  await queue.enqueue(merchant, 'clear_idempotency_keys', {})
  await expect.poll(() => queue.admin('select 1 from idempotency_key'), SOON).toEqual([])
  await expect.poll(() => child.output(), SOON).toContain('"outcome":"done"')
  const movers = () => queue.admin(`select 1 from pg_stat_activity where application_name = 'souk-mover' and datname = current_database()`)
  await expect.poll(movers, SOON).not.toEqual([])
  child.kill('SIGTERM')
  expect(await exitOf(child)).toBe(0)
  const lines = child
    .output()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines.at(0)).toMatchObject({ app: 'worker' })
  expect(lines.at(-1)).toMatchObject({ msg: 'worker stopped' })
  expect(await queue.runners()).toEqual([])
})

test('the real process refuses to start without its settings, and says which', async () => {
  const { SOUK_CELLS: _, ...config } = queue.environment()
  queue.environment = () => ({ ...config, SOUK_CELLS: 'nonsense' })
  const child = queue.spawn(new URL('main.ts', import.meta.url))
  expect(await exitOf(child)).toBe(1)
  expect(child.output()).toContain('SOUK_CELLS: must be JSON')
})

test('the real process refuses a role that reaches past row security', async () => {
  const config = queue.environment()
  queue.environment = () => ({
    ...config,
    SOUK_DIRECTORY_URL: queue.shop.database.adminUrl,
    SOUK_CELLS: JSON.stringify(queue.config.cells),
  })
  const child = queue.spawn(new URL('main.ts', import.meta.url))
  expect(await exitOf(child)).toBe(1)
  expect(child.output()).toContain('is a superuser')
})
