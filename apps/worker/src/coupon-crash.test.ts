import { openBatch } from '@souk/core/promotions/generate-coupons.ts'
import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { addPromotion } from '@souk/core/testing/promotions.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitOf, QueueTest } from './testing/queue-test.ts'

const CODES = 20_000
const KILLS = 2

let queue: QueueTest
let merchant: TestMerchant

beforeAll(async () => {
  queue = await QueueTest.create()
  merchant = await queue.shop.addMerchant()
})

afterAll(() => queue.close())

async function progress(id: string): Promise<{ status: string; generated: number }> {
  const [row] = await queue.admin<{ status: string; generated: number }>('select status, generated from coupon_batch where id = $1', [id])
  return row!
}

test('a batch of codes whose worker is killed twice goes on after its last chunk, and has as many codes as were asked for', {
  timeout: 120_000,
}, async () => {
  const promotion = await addPromotion(merchant, { trigger: 'coupon' })
  const terms = { usesMax: 1, usesPerCustomer: null, startsAt: null, expiresAt: null }
  const { id } = await merchant.inMerchant((tx) =>
    openBatch(
      tx,
      { promotionId: promotion.id, name: 'Letter', prefix: 'A-', codeLength: 10, quantity: CODES, ...terms },
      { actor: { kind: 'job', task: 'test' }, now: new Date(), reason: '' },
    ),
  )
  let generated = 0
  for (let kill = 0; kill < KILLS; kill += 1) {
    const worker = queue.spawn(new URL('main.ts', import.meta.url))
    await expect.poll(async () => (await progress(id)).generated, { timeout: 180_000, interval: 5 }).toBeGreaterThan(generated)
    worker.kill('SIGKILL')
    await exitOf(worker)
    const killed = await progress(id)
    expect(killed.status).toBe('running')
    expect(killed.generated).toBeLessThan(CODES)
    generated = killed.generated
  }
  queue.spawn(new URL('main.ts', import.meta.url))
  await expect.poll(async () => (await progress(id)).status, { timeout: 90_000, interval: 50 }).toBe('done')
  const [counts] = await queue.admin(
    `select generated, (select count(distinct code_key)::int from coupon where merchant_id = b.merchant_id and batch_id = b.id) as codes
     from coupon_batch b where id = $1`,
    [id],
  )
  expect(counts).toEqual({ generated: CODES, codes: CODES })
  expect(await queue.admin('select 1 from dead_job')).toEqual([])
})
