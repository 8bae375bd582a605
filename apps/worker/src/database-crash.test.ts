import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { TEST_PATIENCE } from '@souk/local-postgres/test-server.ts'
import { ensureRoles, ROLE_NAMES, type RoleName } from '@souk/migrations/roles.ts'
import { migrate } from '@souk/migrations/run.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitOf, QueueTest } from './testing/queue-test.ts'

// A server of its own, which syncs to disk as in production and may be killed without harm to other tests.
const TEMPLATE = 'worker_template'
const SOON = { timeout: 180_000, interval: 50 }

const testServer = process.env.SOUK_TEST_SERVER

let folder: string
let server: LocalServer
let queue: QueueTest
let merchant: TestMerchant

beforeAll(async () => {
  folder = join(tmpdir(), `souk-worker-test-${process.pid}-${randomBytes(3).toString('hex')}`)
  mkdirSync(folder, { mode: 0o755 })
  server = await startServer({ dataDir: join(folder, 'data'), durable: true })
  const passwords = Object.fromEntries(ROLE_NAMES.map((role) => [role, randomBytes(12).toString('hex')])) as Record<RoleName, string>
  await ensureRoles({ adminUrl: server.adminUrl(), database: TEMPLATE, passwords, patience: TEST_PATIENCE })
  await migrate({ url: `postgres://souk_owner:${passwords.souk_owner}@127.0.0.1:${server.port}/${TEMPLATE}` })
  process.env.SOUK_TEST_SERVER = JSON.stringify({ adminUrl: server.adminUrl(), passwords, template: TEMPLATE })
  queue = await QueueTest.create()
  merchant = await queue.shop.addMerchant()
})

afterAll(async () => {
  // The next file in this process is a guest of the run's server again.
  process.env.SOUK_TEST_SERVER = testServer
  await queue?.stopAll()
  await server?.kill()
  rmSync(folder, { recursive: true, force: true })
})

async function restart(): Promise<void> {
  await server.kill()
  server = await startServer({ dataDir: join(folder, 'data'), durable: true, port: server.port })
}

/** The first question after a restart may still be asked over a connection that the crash has cut. */
function afterRestart<T>(ask: () => Promise<T>): Promise<T> {
  return ask().catch(() => ask())
}

test('goes on by itself after PostgreSQL was killed, again and again, with jobs waiting and running', async () => {
  const child = queue.spawn()
  for (const round of [1, 2, 3]) {
    // As many as the worker runs at once, so that the others wait.
    const running = [`running-${round}-a`, `running-${round}-b`]
    const waiting = Array.from({ length: 20 }, (_, index) => `waiting-${round}-${index}`)
    for (const label of running) await queue.enqueue(merchant, 'long', { label })
    for (const label of running) await expect.poll(() => queue.steps(label), SOON).toEqual(['begun'])
    for (const label of waiting) await queue.enqueue(merchant, 'quick', { label })
    await restart()
    const restartedAt = Date.now()
    for (const label of running) await expect.poll(() => afterRestart(() => queue.openGate(label).then(() => true)), SOON).toBe(true)
    for (const label of [...running, ...waiting]) await expect.poll(() => queue.jobs(label), SOON).toEqual([])
    console.info(`all jobs done ${Date.now() - restartedAt} ms after restart ${round}`)
    for (const label of running) expect(await queue.steps(label)).toEqual(['begun', 'begun', 'done'])
    for (const label of waiting) expect(await queue.steps(label)).toEqual(['done'])
  }
  expect(await queue.admin('select 1 from dead_job')).toEqual([])
  expect(child.exitCode).toBeNull()
  child.kill('SIGTERM')
  expect(await exitOf(child)).toBe(0)
  expect(child.output()).not.toContain('unhandled')
})

test('starts before its database does', async () => {
  await queue.enqueue(merchant, 'quick', { label: 'early' })
  await server.kill()
  const child = queue.spawn()
  await expect.poll(() => child.output(), SOON).toContain('a cell is not worked for until it answers')
  server = await startServer({ dataDir: join(folder, 'data'), durable: true, port: server.port })
  await expect.poll(() => afterRestart(() => queue.steps('early')), SOON).toEqual(['done'])
  child.kill('SIGTERM')
  expect(await exitOf(child)).toBe(0)
})

test('can be stopped while its database is down', async () => {
  const child = queue.spawn()
  await expect.poll(() => afterRestart(() => queue.runners()), SOON).toHaveLength(1)
  await server.kill()
  child.kill('SIGTERM')
  expect(await exitOf(child)).toBe(0)
  server = await startServer({ dataDir: join(folder, 'data'), durable: true, port: server.port })
})
