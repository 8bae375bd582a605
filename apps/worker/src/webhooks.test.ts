import type { TestMerchant } from '@souk/core/testing/merchant.ts'
import { rotateSecret, testEndpoint, updateEndpoint } from '@souk/core/webhooks/change-endpoints.ts'
import { clearWebhookLog } from '@souk/core/webhooks/clear-log.ts'
import { listReplays, replayDelivery, startReplay } from '@souk/core/webhooks/deliveries.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { WebhookTest } from './testing/webhook-test.ts'

const BY = { actor: { kind: 'job', task: 'test' }, now: new Date(), reason: '' } as const
const SOON = { timeout: 180_000, interval: 25 }

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

it('delivers every event, signed, each aggregate in its order, and keeps a log', async () => {
  const { id, secret } = await test.endpoint(merchant, path)
  await test.startWorker()
  const orders = (await test.happen(merchant, 5)).slice(0, 5)
  await test.happen(merchant, 95, { aggregates: orders })
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 100 })
  const taken = await test.taken(path)
  expect(taken.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  for (const order of orders) {
    const sequences = taken.filter(({ aggregateId }) => aggregateId === order).map(({ sequence }) => sequence)
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
  }
  expect(await test.verified(path, secret)).toBe(100)
  expect(await test.broken()).toEqual([])
})

it('delivers no faster than the plan says, and everything', async () => {
  const { id } = await test.endpoint(merchant, path)
  const other = await test.queue.shop.addMerchant()
  const elsewhere = await test.endpoint(other, `/${other.merchant.slug}`)
  await test.startWorker({ webhooks: { deliveries_per_second: 10 } })
  const begun = performance.now()
  await test.happen(merchant, 40)
  await test.happen(other, 1)
  await expect.poll(() => test.states(elsewhere.id), SOON).toEqual({ delivered: 1 })
  expect((await test.states(id)).delivered ?? 0).toBeLessThan(40)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 40 })
  // A second's worth at once, and thirty more at ten a second.
  expect(performance.now() - begun).toBeGreaterThan(2_900)
  expect((await test.taken(path)).map(({ sequence }) => sequence).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 40 }, (_, n) => n + 1),
  )
})

it('holds back what belongs to a failing event, and nothing else, and sends it in order once the event is taken', async () => {
  test.outcomes.length = 0
  const { id } = await test.endpoint(merchant, path)
  await test.behave({ [path]: { status: 500, about: 'poison' } })
  await test.startWorker()
  const [order] = await test.happen(merchant, 1, { note: 'poison' })
  await test.happen(merchant, 3, { aggregates: [order!] })
  await test.happen(merchant, 20)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 20, pending: 4 })
  expect((await test.taken(path)).some(({ aggregateId }) => aggregateId === order)).toBe(false)
  expect(await test.broken()).toEqual([])
  await test.behave({})
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 24 })
  expect(test.outcomes.filter((outcome) => outcome === 'delivered')).toHaveLength(24)
  expect(new Set(test.outcomes)).toEqual(new Set(['delivered', 'refused']))
  const ofOrder = (await test.taken(path)).filter(({ aggregateId }) => aggregateId === order)
  expect(ofOrder.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
})

it('lets no receiver that hangs hold up another, of the same merchant or of others', async () => {
  const other = await test.queue.shop.addMerchant()
  await test.behave({ [`${path}/dead`]: { delayMs: 600_000 } })
  const dead = await test.endpoint(merchant, `${path}/dead`)
  const [beside, elsewhere] = [await test.endpoint(merchant, path), await test.endpoint(other, `/${other.merchant.slug}`)]
  await test.startWorker()
  await test.happen(merchant, 30)
  await expect.poll(() => test.states(beside.id), SOON).toEqual({ delivered: 30 })
  // Every connection to it is taken now, and stays so.
  await expect.poll(async () => (await test.received(`${path}/dead`)).length, SOON).toBe(8)
  await test.happen(merchant, 30)
  await test.happen(other, 30)
  await expect.poll(() => test.states(beside.id), SOON).toEqual({ delivered: 60 })
  await expect.poll(() => test.states(elsewhere.id), SOON).toEqual({ delivered: 30 })
  expect(await test.states(dead.id)).not.toHaveProperty('delivered')
})

it('sends what was wanted when it happened, whatever is wanted later', async () => {
  const { id } = await test.endpoint(merchant, path, { eventTypes: ['product.updated', 'thing.*'] })
  await test.happen(merchant, 1, { type: 'thing.made' })
  await test.happen(merchant, 1, { type: 'product.deleted' })
  await test.happen(merchant, 1, { type: 'things.odd' })
  await merchant.inMerchant((tx) => updateEndpoint(tx, test.deps, id, { eventTypes: ['product.deleted'] }, BY))
  await test.happen(merchant, 1, { type: 'thing.made' })
  await test.happen(merchant, 1, { type: 'product.deleted' })
  await test.startWorker()
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 2 })
  expect((await test.taken(path)).map(({ sequence, type }) => [sequence, type])).toEqual([
    [1, 'thing.made'],
    [5, 'product.deleted'],
  ])
  expect(await test.broken()).toEqual([])
})

it('opens a circuit after failures in a row, makes no deliveries meanwhile, and drains everything in order when it closes', async () => {
  const { id } = await test.endpoint(merchant, path)
  await test.behave({ [path]: { status: 503, headers: { 'retry-after': '3600' } } })
  await test.startWorker()
  const orders = await test.happen(merchant, 10)
  const paused = () =>
    test.queue.admin("select failures > 0 and paused_until > now() + interval '50 minutes' as paused from webhook_endpoint where id = $1", [
      id,
    ])
  await expect.poll(paused, SOON).toEqual([{ paused: true }])
  const tried = (await test.received(path)).length
  await test.happen(merchant, 200, { aggregates: orders })
  await test.behave({})
  expect((await test.states(id)).pending).toBeLessThanOrEqual(10)
  expect((await test.received(path)).length).toBe(tried)
  await test.queue.admin('update webhook_endpoint set paused_until = now(), failures = 7 where id = $1', [id])
  await test.queue.admin(`update queue.follower set due_at = now() where merchant_id = $1`, [merchant.merchant.id])
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 210 })
  const taken = await test.taken(path)
  for (const order of orders) {
    const sequences = taken.filter(({ aggregateId }) => aggregateId === order).map(({ sequence }) => sequence)
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
  }
  expect(await test.broken()).toEqual([])
})

it('disables an endpoint that says it is gone, and says so in the log', async () => {
  const { id } = await test.endpoint(merchant, path, { eventTypes: ['thing.*'] })
  const witness = await test.endpoint(merchant, `${path}/witness`, { eventTypes: ['webhook.*'] })
  await test.behave({ [path]: { status: 410 } })
  await test.startWorker()
  await test.happen(merchant, 1)
  await expect.poll(() => test.states(witness.id), SOON).toEqual({ delivered: 1 })
  expect((await test.taken(`${path}/witness`)).map(({ type, aggregateId }) => [type, aggregateId])).toEqual([
    ['webhook.endpoint_disabled', id],
  ])
  const state = 'select status, disabled_reason from webhook_endpoint where id = $1'
  expect(await test.queue.admin(state, [id])).toEqual([{ status: 'disabled', disabled_reason: 'gone' }])
})

it('gives notice after three days of failure, disables after seven, and goes on where it was when enabled again', async () => {
  const { id } = await test.endpoint(merchant, path, { eventTypes: ['thing.*'] })
  await test.endpoint(merchant, `${path}/witness`, { eventTypes: ['webhook.*'] })
  await test.behave({ [path]: { status: 500 } })
  await test.startWorker()
  const told = async () => (await test.taken(`${path}/witness`)).map(({ type }) => type)
  const failingFor = (days: number) =>
    test.queue.admin(`update webhook_endpoint set failing_since = now() - $2 * interval '1 day' where id = $1`, [id, days])
  await test.happen(merchant, 1)
  await expect.poll(async () => (await test.received(path)).length, SOON).toBeGreaterThan(2)
  expect(await told()).toEqual([])
  await failingFor(3)
  await expect.poll(told, SOON).toEqual(['webhook.endpoint_failing'])
  await failingFor(7)
  await expect.poll(told, SOON).toEqual(['webhook.endpoint_failing', 'webhook.endpoint_disabled'])
  await test.happen(merchant, 5)
  await test.behave({})
  await merchant.inMerchant((tx) => updateEndpoint(tx, test.deps, id, { enabled: true }, BY))
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 6 })
  expect(await test.broken()).toEqual([])
})

it('gives an event up after seven days, and sends what waited for it', async () => {
  const { id } = await test.endpoint(merchant, path)
  await test.behave({ [path]: { status: 422, about: 'poison' } })
  await test.startWorker()
  const [order] = await test.happen(merchant, 1, { note: 'poison' })
  await test.happen(merchant, 2, { aggregates: [order!] })
  await expect.poll(async () => (await test.received(path)).length, SOON).toBeGreaterThan(2)
  await test.queue.admin(
    `update webhook_delivery set pending_since = now() - interval '8 days', created_at = now() - interval '8 days' where endpoint_id = $1 and sequence = 1`,
    [id],
  )
  await expect.poll(() => test.states(id), SOON).toEqual({ dead: 1, delivered: 2 })
  expect(await test.broken()).toEqual([])
})

it('signs with the old and the new secret for a day after a rotation', async () => {
  const { id, secret } = await test.endpoint(merchant, path)
  const rotated = await merchant.inMerchant((tx) => rotateSecret(tx, test.deps, id, BY))
  await test.startWorker()
  await test.happen(merchant, 1)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 1 })
  expect([await test.verified(path, secret), await test.verified(path, rotated.secret)]).toEqual([1, 1])
  await test.queue.admin('update webhook_endpoint set previous_until = now() where id = $1', [id])
  await test.happen(merchant, 1)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 2 })
  expect(await test.verified(path, rotated.secret)).toBe(2)
  await expect(test.verified(path, secret)).rejects.toThrow('No matching signature found')
})

it('sends one delivery, and a range of them, again: the same ids and bytes', async () => {
  const { id, secret } = await test.endpoint(merchant, path)
  await test.startWorker()
  const before = new Date(Date.now() - 60_000)
  await test.happen(merchant, 250)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 250 })
  const first = (await test.taken(path))[0]!
  await merchant.inMerchant((tx) => replayDelivery(tx, { endpointId: id, deliveryId: first.id }))
  await expect.poll(async () => (await test.received(path)).length, SOON).toBe(251)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 250 })
  const range = { since: before, until: new Date(Date.now() + 60_000) }
  await merchant.inMerchant((tx) => startReplay(tx, id, range, BY))
  await expect(merchant.inMerchant((tx) => startReplay(tx, id, range, BY))).rejects.toMatchObject({ code: 'too_many_in_progress' })
  await expect.poll(async () => (await test.received(path)).length, SOON).toBe(501)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 250 })
  const [replay] = await merchant.inMerchant.read((tx) => listReplays(tx, id, 1))
  expect(replay).toMatchObject({ replayed: 250n, doneAt: expect.any(Date) })
  expect(await test.verified(path, secret)).toBe(501)
  expect((await test.taken(path)).length).toBe(250)
  expect(await test.broken()).toEqual([])
})

it('sends a test event to the endpoint it is about, and to no other', async () => {
  const { id } = await test.endpoint(merchant, path, { eventTypes: ['thing.made'] })
  await test.endpoint(merchant, `${path}/other`)
  await test.startWorker()
  await merchant.inMerchant((tx) => testEndpoint(tx, id, BY))
  await test.happen(merchant, 1)
  await expect.poll(async () => (await test.taken(`${path}/other`)).length, SOON).toBe(1)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 1 })
  expect((await test.taken(path)).map(({ type }) => type)).toEqual(['webhook.test'])
  expect((await test.taken(`${path}/other`)).map(({ type }) => type)).toEqual(['thing.happened'])
  expect(await test.broken()).toEqual([])
})

it('is worked for by one worker at a time: nothing is sent twice', async () => {
  const { id, secret } = await test.endpoint(merchant, path)
  for (let count = 0; count < 3; count += 1) await test.startWorker()
  for (let round = 0; round < 10; round += 1) await test.happen(merchant, 20)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 200 })
  expect(await test.verified(path, secret)).toBe(200)
})

it('forgets what is older than the log is kept, but for what is still to be delivered', async () => {
  const { id } = await test.endpoint(merchant, path)
  await test.behave({ [path]: { status: 422, about: 'poison' } })
  await test.startWorker()
  await test.happen(merchant, 1, { note: 'poison' })
  await test.happen(merchant, 3)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 3, pending: 1 })
  await clearWebhookLog(merchant.inMerchant, new Date())
  expect(await test.states(id)).toEqual({ delivered: 3, pending: 1 })
  await clearWebhookLog(merchant.inMerchant, new Date(Date.now() + 31 * 86_400_000))
  expect(await test.states(id)).toEqual({ pending: 1 })
  await test.happen(merchant, 1)
  await expect.poll(() => test.states(id), SOON).toEqual({ delivered: 1, pending: 1 })
  expect(await test.broken()).toEqual([])
})
