import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { exitOf } from './testing/queue-test.ts'
import { WebhookTest } from './testing/webhook-test.ts'

const SOON = { timeout: 120_000, interval: 25 }
const MAIN = new URL('main.ts', import.meta.url)
const EVENTS = 20

let test: WebhookTest
let merchant: TestMerchant
let path: string

beforeAll(async () => {
  test = await WebhookTest.create()
})
beforeEach(async () => {
  merchant = await test.queue.shop.addMerchant()
  path = `/${merchant.merchant.slug}`
})
afterEach(() => test.queue.stopAll())
afterAll(() => test.close())

it.each(['webhook.before_send:2', 'webhook.after_send:3', 'webhook.recorded:1'])(
  'a worker that is killed at %s: whatever is sent again has the same id and the same bytes, in the same order',
  { timeout: 300_000 },
  async (point) => {
    const { id, secret } = await test.endpoint(merchant, path)
    const [order] = await test.happen(merchant, 1)
    await test.happen(merchant, EVENTS - 1, { aggregates: [order!] })
    const killed = test.queue.spawn(MAIN, { SOUK_CRASH_AT: point })
    expect(await exitOf(killed)).toBe('SIGKILL')
    expect((await test.states(id)).delivered ?? 0).toBeLessThan(EVENTS)
    test.queue.spawn(MAIN)
    await expect.poll(() => test.states(id), SOON).toEqual({ delivered: EVENTS })
    expect((await test.taken(path)).map(({ sequence }) => sequence)).toEqual(Array.from({ length: EVENTS }, (_, index) => index + 1))
    const sent = await test.verified(path, secret)
    if (point.startsWith('webhook.after_send')) expect(sent).toBeGreaterThan(EVENTS)
    expect(await test.broken()).toEqual([])
  },
)

it('a worker that was stopped, and wakes up when another has taken over, writes nothing of what it had begun', {
  timeout: 300_000,
}, async () => {
  const { id, secret } = await test.endpoint(merchant, path)
  await test.behave({ [path]: { delayMs: 1_500 } })
  const sleeper = test.queue.spawn(MAIN)
  await test.happen(merchant, 1)
  await expect.poll(async () => (await test.received(path)).length, SOON).toBe(1)
  sleeper.kill('SIGSTOP')
  await test.startWorker()
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 1 })
  sleeper.kill('SIGCONT')
  await expect.poll(() => sleeper.output(), SOON).toContain('follower broke off')
  expect(await test.queue.admin('select attempts::int from webhook_delivery where endpoint_id = $1', [id])).toEqual([{ attempts: 1 }])
  expect(await test.verified(path, secret)).toBe(2)
  await test.behave({})
  await test.happen(merchant, 10)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 11 })
  expect(await test.broken()).toEqual([])
})
