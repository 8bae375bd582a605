import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { merchantTask } from './merchant-task.ts'
import { CELL, QueueTest } from './testing/queue-test.ts'

// A merchant has moved away, and jobs of it are still in the queue of its old cell.

const NEW_HOME = 'shared-2'
const SOON = { timeout: 180_000, interval: 50 }

let house: QueueTest
let second: TestDatabase
let away: pg.Pool

beforeAll(async () => {
  house = await QueueTest.create()
  second = await createTestDatabase()
  away = new pg.Pool({ connectionString: second.adminUrl, max: 1 })
  away.on('error', () => {})
  await house.admin(`insert into platform.cell (name, kind) values ('${NEW_HOME}', 'shared')`)
  house.config.cells[NEW_HOME] = { app: second.url('souk_app'), queue: second.url('souk_queue') }
})
afterAll(async () => {
  await house.close()
  await away.end()
  await second.drop()
})

test('they are handed on to where it lives, once each, and run there alone', async () => {
  const shop = await house.shop.addMerchant()
  const label = 'left behind'
  await house.enqueue(shop, 'probe', { label: 'keyed' }, { key: 'a' })
  await house.enqueue(shop, 'probe', { label: 'twice' }, { key: 'b' })
  await house.enqueue(shop, 'probe', { label })
  await away.query(`insert into tenancy.home (merchant_id, epoch, state) values ($1, 2, 'active')`, [shop.merchant.id])
  await house.admin(`update tenancy.home set state = 'moved', epoch = 2 where merchant_id = '${shop.merchant.id}'`)
  await house.admin(`update platform.home set cell = '${NEW_HOME}', epoch = 2 where merchant_id = '${shop.merchant.id}'`)
  // What is due has been looked for at the new home already.
  const queued = await away.connect()
  await queued.query('begin')
  await queued.query(`select set_config('app.merchant_id', $1, true)`, [shop.merchant.id])
  await queued.query(`select queue.enqueue_unless_queued('probe', '{"label": "twice"}', 'b', now() + interval '3 seconds', 10)`)
  await queued.query('commit')
  queued.release()

  const ran: string[] = []
  const probe = merchantTask({ label: z.string() }, async (_inMerchant, job) => {
    ran.push(job.label)
  })
  const worker = await house.start({ probe } as never)
  await vi.waitFor(() => expect([...ran].sort()).toEqual(['keyed', 'left behind', 'twice']), SOON)
  await worker.stop()

  const outcomes = house.logged
    .filter(({ msg, task }) => msg === 'job' && task === 'probe')
    .map(({ cell, outcome }) => `${cell} ${outcome}`)
  expect(outcomes.sort()).toEqual([...Array(3).fill(`${CELL} handed_on`), ...Array(3).fill(`${NEW_HOME} done`)])
  expect(await house.admin('select from graphile_worker._private_jobs')).toEqual([])
})
