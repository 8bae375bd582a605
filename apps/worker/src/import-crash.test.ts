import { appendPart, openImport, sealImport } from '@souk/core/imports/upload.ts'
import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitOf, QueueTest } from './testing/queue-test.ts'

const PRODUCTS = 4_000
const KILLS = 2

let queue: QueueTest
let merchant: TestMerchant

beforeAll(async () => {
  queue = await QueueTest.create()
  merchant = await queue.shop.addMerchant()
})

afterAll(() => queue.close())

async function upload(): Promise<string> {
  const rows = Array.from(
    { length: PRODUCTS },
    (_, index) => `product-${index},Product ${index},true,SKU-${index},${index + 1}.00,3,shopify,deny`,
  )
  const header = 'Handle,Title,Published,Variant SKU,Variant Price,Variant Inventory Qty,Variant Inventory Tracker,Variant Inventory Policy'
  const file = Buffer.from([header, ...rows].join('\n'))
  return merchant.inMerchant(async (tx) => {
    const { id } = await openImport(tx, { fileName: 'many.csv', stockMode: 'set', now: new Date() })
    for (let position = 0; position * 200_000 < file.length; position += 1) {
      await appendPart(tx, id, position, file.subarray(position * 200_000, (position + 1) * 200_000))
    }
    await sealImport(tx, id)
    return id
  })
}

async function progress(id: string): Promise<{ status: string; done: number }> {
  const [row] = await queue.admin<{ status: string; done: number }>(
    'select status, products_done::int as done from catalog_import where id = $1',
    [id],
  )
  return row!
}

test('an import whose worker is killed twice goes on after its last chunk, and nothing of it is there twice', {
  timeout: 120_000,
}, async () => {
  const id = await upload()
  let done = 0
  for (let kill = 0; kill < KILLS; kill += 1) {
    const worker = queue.spawn(new URL('main.ts', import.meta.url))
    await expect.poll(async () => (await progress(id)).done, { timeout: 180_000, interval: 5 }).toBeGreaterThan(done)
    worker.kill('SIGKILL')
    await exitOf(worker)
    const killed = await progress(id)
    expect(killed.status).toBe('running')
    expect(killed.done).toBeLessThan(PRODUCTS)
    done = killed.done
  }
  queue.spawn(new URL('main.ts', import.meta.url))
  await expect.poll(async () => (await progress(id)).status, { timeout: 90_000, interval: 50 }).toBe('done')
  const [counts] = await queue.admin(
    `select products_done::int as done, created_count::int as created, unchanged_count::int as unchanged, failed_count::int as failed,
       (select count(*)::int from product where merchant_id = i.merchant_id) as products,
       (select count(*)::int from variant where merchant_id = i.merchant_id) as variants,
       (select sum(on_hand_change)::int from stock_movement where merchant_id = i.merchant_id) as moved
     from catalog_import i where id = $1`,
    [id],
  )
  expect(counts).toEqual({
    done: PRODUCTS,
    created: PRODUCTS,
    unchanged: 0,
    failed: 0,
    products: PRODUCTS,
    variants: PRODUCTS,
    moved: PRODUCTS * 3,
  })
  expect(await queue.admin('select 1 from dead_job')).toEqual([])
})
