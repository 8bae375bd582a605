import { newId } from '@souk/core/ids.ts'
import { enqueue } from '@souk/core/jobs.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '@souk/core/testing/merchant.ts'
import { addPromotion } from '@souk/core/testing/promotions.ts'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { DAILY_TASKS, nextDailySlot, wakeDueWork, wakeMerchant } from './due-work.ts'
import { createLog } from './log.ts'
import { claimRound } from './queue-jobs.ts'
import { QueuePool } from './queue-pool.ts'
import { CELL } from './testing/queue-test.ts'

const DAY_MS = 24 * 60 * 60 * 1_000
const now = new Date('2026-03-01T12:00:00Z')

let shop: TestShop
let merchant: TestMerchant
let admin: pg.Pool
let queue: QueuePool
let orders = 0

beforeAll(async () => {
  shop = await createTestShop()
  admin = new pg.Pool({ connectionString: shop.database.adminUrl, max: 2 })
  queue = new QueuePool({ url: shop.database.url('souk_queue'), jobsAtOnce: 1, onError: () => {} })
})

beforeEach(async () => {
  merchant = await shop.addMerchant()
})

afterAll(async () => {
  await Promise.all([admin.end(), queue.end()])
  await shop.close()
})

async function jobs(id: string = merchant.merchant.id): Promise<{ task: string; import: string | null; run_at: Date; attempts: number }[]> {
  const { rows } = await admin.query(
    `select t.identifier as task, j.payload ->> 'importId' as import, j.run_at, j.attempts::int
     from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
     where j.payload ->> 'merchantId' = $1 order by t.identifier, j.id`,
    [id],
  )
  return rows
}

async function addImport(status: string): Promise<string> {
  const id = newId()
  await merchant.inMerchant(
    (tx) => tx.sql`
    insert into catalog_import (merchant_id, id, file_name, status, stock_mode) values (${tx.merchantId}, ${id}, 'a.csv', ${status}, 'keep')`,
  )
  return id
}

async function addShipment(status: string): Promise<string> {
  const [id, orderId] = [newId(), newId()]
  await merchant.inMerchant(async (tx) => {
    await tx.sql`
      insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, email, subtotal,
        discount_total, shipping_total, tax_total, tax_included, total, pricing_input, pricing_result)
      values (${tx.merchantId}, ${orderId}, ${BigInt(++orders)}, ${newId()}, 'placed', 'pending', 'unfulfilled', 'EUR', 'a@b.example', 0, 0, 0, 0,
        true, 0, '{}', '{}')`
    await tx.sql`
      insert into shipment (merchant_id, id, order_id, install_id, method, status, sender, parcels, requested_by)
      values (${tx.merchantId}, ${id}, ${orderId}, ${newId()}, 's', ${status}, '{}', '[]', '{}')`
  })
  return id
}

test('a daily task has one time a day, of its own for each merchant and task', () => {
  const slot = nextDailySlot(merchant.merchant.id, 'clear_abandoned_carts', now)
  expect(slot.getTime()).toBeGreaterThan(now.getTime())
  expect(slot.getTime()).toBeLessThanOrEqual(now.getTime() + DAY_MS)
  const justBefore = new Date(slot.getTime() - 1)
  expect(nextDailySlot(merchant.merchant.id, 'clear_abandoned_carts', justBefore)).toEqual(slot)
  expect(nextDailySlot(merchant.merchant.id, 'clear_abandoned_carts', slot)).toEqual(new Date(slot.getTime() + DAY_MS))
  expect(nextDailySlot(merchant.merchant.id, 'clear_idempotency_keys', now)).not.toEqual(slot)
})

test('each daily task waits in the queue once, however often and by however many it is woken', async () => {
  await Promise.all(Array.from({ length: 8 }, () => wakeMerchant(merchant.inMerchant, now)))
  await wakeMerchant(merchant.inMerchant, new Date(now.getTime() + 60_000))
  const { id } = merchant.merchant
  const tasks = DAILY_TASKS.toSorted()
  expect(await jobs()).toMatchObject(tasks.map((task) => ({ task, run_at: nextDailySlot(id, task, now) })))
})

test('wakes the imports that have lost their job, and no others', async () => {
  const lost = [await addImport('queued'), await addImport('running')]
  await addImport('receiving')
  await addImport('done')
  await addImport('failed')
  const dead = await addImport('running')
  await merchant.inMerchant(
    (tx) => tx.sql`
    insert into dead_job (merchant_id, queue_id, task, payload, attempts, last_error, enqueued_at)
    values (${tx.merchantId}, 1, 'run_import', ${JSON.stringify({ importId: dead })}::jsonb, 10, 'x', now())`,
  )
  await wakeMerchant(merchant.inMerchant, now)
  await wakeMerchant(merchant.inMerchant, now)
  const imports = (await jobs()).filter((job) => job.task === 'run_import')
  expect(imports.map((job) => job.import)).toEqual(lost)
})

test('leaves an import alone that waits for its next attempt', async () => {
  const importId = await addImport('running')
  await merchant.inMerchant((tx) => enqueue(tx, 'run_import', { importId }, { key: importId }))
  await admin.query(`update graphile_worker._private_jobs set attempts = 4 where payload ->> 'importId' = $1`, [importId])
  await wakeMerchant(merchant.inMerchant, now)
  expect((await jobs()).filter((job) => job.task === 'run_import')).toMatchObject([{ import: importId, attempts: 4 }])
})

test('wakes the shipments that the carrier was not told of yet, and no others', async () => {
  const lost = [await addShipment('requested'), await addShipment('created'), await addShipment('cancelling')]
  await addShipment('failed')
  await addShipment('cancelled')
  const dead = await addShipment('requested')
  await merchant.inMerchant(
    (tx) => tx.sql`
    insert into dead_job (merchant_id, queue_id, task, payload, attempts, last_error, enqueued_at)
    values (${tx.merchantId}, 1, 'perform_shipment', ${JSON.stringify({ shipmentId: dead })}::jsonb, 10, 'x', now())`,
  )
  await wakeMerchant(merchant.inMerchant, now)
  await wakeMerchant(merchant.inMerchant, now)
  const { rows } = await admin.query(
    `select payload ->> 'shipmentId' as id from graphile_worker._private_jobs
     where payload ->> 'merchantId' = $1 and payload ->> 'shipmentId' is not null order by id`,
    [merchant.merchant.id],
  )
  expect(rows.map((row) => row.id).sort()).toEqual(lost.sort())
})

test('wakes what payments wait for when their time has come, and nothing before', async () => {
  const [orderId, paymentId, captureId, callbackId] = [newId(), newId(), newId(), newId()]
  const operation = (id: string, kind: string, status: string, due: string) =>
    merchant.inMerchant(
      (tx) => tx.sql`
        insert into payment_operation (merchant_id, id, payment_id, order_id, kind, amount, currency, status, due_at, requested_by, settled_at)
        values (${tx.merchantId}, ${id}, ${paymentId}, ${orderId}, ${kind}, 1, 'EUR', ${status}, now() + ${due}::interval, '{}',
          case when ${status} = 'pending' then null else now() end)`,
    )
  await merchant.inMerchant(async (tx) => {
    await tx.sql`
      insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, email, subtotal,
        discount_total, shipping_total, tax_total, tax_included, total, pricing_input, pricing_result)
      values (${tx.merchantId}, ${orderId}, ${BigInt(++orders)}, ${newId()}, 'pending', 'pending', 'unfulfilled', 'EUR', 'a@b.example', 0, 0,
        0, 0, true, 0, '{}', '{}')`
    await tx.sql`
      insert into payment (merchant_id, id, order_id, provider, method, status, amount, currency, expires_at)
      values (${tx.merchantId}, ${paymentId}, ${orderId}, 'fake', 'card', 'pending', 1, 'EUR', now() - interval '1 minute')`
    await tx.sql`
      insert into payment_callback (merchant_id, id, provider, provider_event_id, kind)
      values (${tx.merchantId}, ${callbackId}, 'fake', 'evt', 'other')`
  })
  await operation(paymentId, 'authorize', 'pending', '-1 second')
  await operation(captureId, 'capture', 'pending', '-1 second')
  await operation(newId(), 'refund', 'pending', '1 minute')
  await operation(newId(), 'refund', 'succeeded', '-1 minute')
  const woken = async () => {
    await wakeMerchant(merchant.inMerchant, now)
    return (await jobs()).map(({ task }) => task).filter((task) => /^(settle_|expire_order|process_)/.test(task))
  }
  const all = ['expire_order', 'process_payment_callback', 'settle_operation', 'settle_payment']
  expect(await woken()).toEqual(all)
  expect(await woken()).toEqual(all)
})

test('goes on with the others when one merchant cannot be entered', async () => {
  const [fenced, other] = [await shop.addMerchant(), await shop.addMerchant()]
  await admin.query(`update tenancy.home set state = 'moved' where merchant_id = $1`, [fenced.merchant.id])
  const logged: string[] = []
  const log = createLog('warn', { write: (line) => logged.push(line) })
  await wakeDueWork({ cell: CELL, router: shop.router, log, now: () => now })
  expect(await jobs(fenced.merchant.id)).toEqual([])
  expect(await jobs(other.merchant.id)).toHaveLength(DAILY_TASKS.length)
  expect(logged).toHaveLength(1)
  expect(logged[0]).toContain(fenced.merchant.id)
})

test('a round is claimed once an interval', async () => {
  const claims = await Promise.all(Array.from({ length: 4 }, () => claimRound(queue, 'a round', 60_000)))
  expect(claims.filter(Boolean)).toHaveLength(1)
  expect(await claimRound(queue, 'a round', 60_000)).toBe(false)
  await admin.query(`update queue.round set begun_at = now() - interval '61 seconds'`)
  expect(await claimRound(queue, 'a round', 60_000)).toBe(true)
})

test.each([
  ['generate_coupons', 'batchId', addBatch],
  ['run_dry_run', 'dryRunId', addDryRun],
] as const)('wakes the work of %s that has lost its job, and no other', async (task, name, add) => {
  const promotion = await addPromotion(merchant, { trigger: 'coupon' })
  const lost = [await add(promotion.id, 'queued'), await add(promotion.id, 'running')]
  await add(promotion.id, 'done')
  const dead = await add(promotion.id, 'running')
  await merchant.inMerchant(
    (tx) => tx.sql`
    insert into dead_job (merchant_id, queue_id, task, payload, attempts, last_error, enqueued_at)
    values (${tx.merchantId}, 1, ${task}, ${JSON.stringify({ [name]: dead })}::jsonb, 10, 'x', now())`,
  )
  await wakeMerchant(merchant.inMerchant, now)
  await wakeMerchant(merchant.inMerchant, now)
  const { rows } = await admin.query(
    `select payload ->> $2 as id from graphile_worker._private_jobs
     where payload ->> 'merchantId' = $1 and payload ->> $2 is not null order by id`,
    [merchant.merchant.id, name],
  )
  expect(rows.map((row) => row.id)).toEqual(lost)
})

async function addBatch(promotionId: string, status: string): Promise<string> {
  const id = newId()
  await merchant.inMerchant(
    (tx) => tx.sql`
    insert into coupon_batch (merchant_id, id, promotion_id, name, prefix, code_length, quantity, status, author)
    values (${tx.merchantId}, ${id}, ${promotionId}, 'Letter', '', 10, 1, ${status}, '{}')`,
  )
  return id
}

async function addDryRun(promotionId: string, status: string): Promise<string> {
  const id = newId()
  await merchant.inMerchant(
    (tx) => tx.sql`
    insert into dry_run (merchant_id, id, promotion_id, version, source, sample, status, author)
    values (${tx.merchantId}, ${id}, ${promotionId}, 1, 'orders', 1, ${status}, '{}')`,
  )
  return id
}

test('wakes the mails that wait and have lost their job, and no others', async () => {
  const add = async (status: 'queued' | 'sent') => {
    const id = newId()
    await merchant.inMerchant(
      (tx) => tx.sql`
      insert into mail_message (merchant_id, id, key, template, recipient, data, status, settled_at)
      values (${tx.merchantId}, ${id}, ${id}, 'order_placed', 'a@b.example', '{}', ${status}, ${status === 'queued' ? null : now})`,
    )
    return id
  }
  const lost = [await add('queued'), await add('queued')]
  await add('sent')
  const dead = await add('queued')
  await merchant.inMerchant(
    (tx) => tx.sql`
    insert into dead_job (merchant_id, queue_id, task, payload, attempts, last_error, enqueued_at)
    values (${tx.merchantId}, 1, 'send_mail', ${JSON.stringify({ mailId: dead })}::jsonb, 10, 'x', now())`,
  )
  await wakeMerchant(merchant.inMerchant, now)
  await wakeMerchant(merchant.inMerchant, now)
  const { rows } = await admin.query(
    `select payload ->> 'mailId' as id from graphile_worker._private_jobs
     where payload ->> 'merchantId' = $1 and payload ->> 'mailId' is not null`,
    [merchant.merchant.id],
  )
  expect(rows.map((row) => row.id).sort()).toEqual(lost.sort())
})

test('wakes the sweep for what carts let expire and the fold for claims that are not counted over, and for nothing else', async () => {
  const goods = await addGoods(merchant, { onHand: 10n })
  const reserve = (orderId: string | null, ended: string) =>
    merchant.inMerchant(
      (tx) => tx.sql`
      insert into stock_reservation (merchant_id, cart_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity, status,
        ended_at, expires_at)
      values (${tx.merchantId}, ${newId()}, ${orderId}, ${goods.variantId}, ${goods.variantId}, ${merchant.locationId}, 1, 1, ${ended},
        case ${ended}::text when 'claimed' then now() end, now() - interval '1 minute')`,
    )
  const woken = async () => {
    await wakeMerchant(merchant.inMerchant, now)
    return (await jobs()).map((job) => job.task).filter((task) => task === 'sweep_reservations' || task === 'fold_claims')
  }
  // An order has a timer of its own.
  await reserve(newId(), 'active')
  expect(await woken()).toEqual([])
  await reserve(null, 'active')
  expect(await woken()).toEqual(['sweep_reservations'])
  await reserve(newId(), 'claimed')
  expect(await woken()).toEqual(['fold_claims', 'sweep_reservations'])
  expect(await woken()).toEqual(['fold_claims', 'sweep_reservations'])
})
