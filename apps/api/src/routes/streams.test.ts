import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { capabilityToken } from '@souk/core/capability.ts'
import { recordEvents } from '@souk/core/events/record-many.ts'
import { newId } from '@souk/core/ids.ts'
import { buyCart, fillCart } from '@souk/core/testing/buying.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { EventFeeds, STREAMS_PER_SUBJECT_MAX } from '../event-feeds.ts'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'

const SOON = { timeout: 180_000, interval: 20 }

let api: TestApi
let merchant: ApiMerchant
let open: { destroy(): void }[]

beforeAll(async () => {
  api = await createTestApi()
  await api.app.listen({ host: '127.0.0.1', port: 0 })
})
beforeEach(async () => {
  open = []
  merchant = await api.addMerchant()
  return () => {
    for (const stream of open) stream.destroy()
  }
})
afterAll(() => api.close())

interface Stream {
  status: number
  text(): string
  /** What came, without heartbeats and the like. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what they check
  events(): { id?: string; event?: string; data: any }[]
  ended(): boolean
}

function follow(path: string, headers: Record<string, string>, at = api): Promise<Stream> {
  const { port } = at.app.server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', port, path, headers: { host: merchant.host, ...headers }, agent: false },
      (response: IncomingMessage) => {
        let text = ''
        let ended = false
        response.on('data', (chunk) => (text += chunk))
        response.on('end', () => {
          ended = true
        })
        resolve({ status: response.statusCode!, text: () => text, events: () => parse(text), ended: () => ended })
      },
    )
    request.on('error', reject)
    open.push(request)
  })
}

function parse(text: string): ReturnType<Stream['events']> {
  return text
    .split('\n\n')
    .map((block) =>
      Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])),
    )
    .filter((block) => block.data !== undefined)
    .map((block) => ({ ...block, data: JSON.parse(block.data!) }))
}

const asStaff = () => ({ authorization: `Bearer ${merchant.token}` })

function happen(count: number): Promise<unknown> {
  const events = Array.from({ length: count }, (_, step) => ({
    type: 'thing.happened',
    aggregateType: 'thing',
    aggregateId: newId(),
    data: { step },
  }))
  return merchant.inMerchant((tx) => recordEvents(tx, events, { actor: { kind: 'buyer' }, now: new Date() }))
}

it('shows a buyer the status of an order as it changes, and ends when nothing more can come', async () => {
  const goods = await addGoods(merchant)
  const cart = await fillCart(merchant, [{ goods }])
  const { order } = await buyCart(merchant, cart.id)
  const token = capabilityToken(api.shop.keys, merchant.merchant.id, 'order', order.id)
  const stream = await follow(`/v1/orders/${order.id}/stream?for_seconds=600`, { 'order-token': token })
  await expect.poll(() => stream.events(), SOON).toMatchObject([{ event: 'order', data: { id: order.id, status: 'placed' } }])
  await happen(3)
  const cancelled = await api.call(merchant.host, {
    method: 'POST',
    url: `/v1/admin/orders/${order.id}/cancel`,
    token: merchant.token,
    payload: { reason: 'changed their mind' },
  })
  expect(cancelled.status).toBe(200)
  await expect.poll(() => stream.ended(), SOON).toBe(true)
  expect(stream.events().map(({ event, data }) => [event, data.status ?? data.reason, data.payment_status])).toEqual([
    ['order', 'placed', 'pending'],
    ['order', 'cancelled', 'voided'],
    ['end', 'final', undefined],
  ])
})

it("takes no other order's token", async () => {
  const token = capabilityToken(api.shop.keys, merchant.merchant.id, 'order', newId())
  expect((await follow(`/v1/orders/${newId()}/stream?for_seconds=600`, { 'order-token': token })).status).toBe(404)
})

it('shows staff what happens, in order and without a gap, from where they were', async () => {
  await happen(600)
  const resumed = await follow('/v1/admin/events/stream?for_seconds=600', { ...asStaff(), 'last-event-id': '20' })
  const fromNow = await follow('/v1/admin/events/stream?for_seconds=600', asStaff())
  await expect.poll(() => resumed.events().length, SOON).toBe(580)
  await happen(2)
  await expect.poll(() => [resumed.events().length, fromNow.events().length], SOON).toEqual([582, 2])
  expect(resumed.events().map(({ id }) => Number(id))).toEqual(Array.from({ length: 582 }, (_, index) => index + 21))
  expect(fromNow.events()).toMatchObject([{ id: '601', data: { sequence: 601, type: 'thing.happened' } }, { id: '602' }])
})

it('ends at once when only what is there is asked for', async () => {
  await happen(3)
  const answer = await api.call(merchant.host, { url: '/v1/admin/events/stream?for_seconds=0&after=1', token: merchant.token })
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8'])
  expect(parse(answer.text).map((event) => event.id)).toEqual(['2', '3'])
})

it.each([
  ['/v1/admin/events/stream?for_seconds=600', { 'last-event-id': 'yesterday' }, 400, 'invalid-cursor'],
  ['/v1/admin/events/stream?for_seconds=0&after=-1', {}, 400, 'invalid-cursor'],
  ['/v1/admin/events/stream?for_seconds=4000', {}, 400, 'invalid-parameter'],
  ['/v1/admin/events/stream', {}, 400, 'invalid-parameter'],
])('refuses %s with %j', async (url, headers, status, type) => {
  const answer = await api.call(merchant.host, { url, headers, token: merchant.token })
  expect([answer.status, answer.body.type]).toEqual([status, expect.stringMatching(new RegExp(`${type}$`))])
})

it('opens only so many for one caller, and more when some have gone', async () => {
  const streams = await Promise.all(
    Array.from({ length: STREAMS_PER_SUBJECT_MAX }, () => follow('/v1/admin/events/stream?for_seconds=600', asStaff())),
  )
  expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200))
  expect((await follow('/v1/admin/events/stream?for_seconds=600', asStaff())).status).toBe(429)
  open[0]!.destroy()
  await happen(1)
  await expect.poll(async () => (await follow('/v1/admin/events/stream?for_seconds=0', asStaff())).status, SOON).toBe(200)
})

it('ends all streams when the server is closed, and closes', async () => {
  const closing = await createTestApi()
  merchant = await closing.addMerchant()
  await closing.app.listen({ host: '127.0.0.1', port: 0 })
  const stream = await follow('/v1/admin/events/stream?for_seconds=600', asStaff(), closing)
  await expect.poll(() => stream.text(), SOON).toContain('retry:')
  await closing.close()
  await expect.poll(() => stream.ended(), SOON).toBe(true)
})

it('asks the database for a merchant, not for each of its streams', async () => {
  let asked = 0
  const counting = Object.assign((...given: Parameters<InMerchant>) => merchant.inMerchant(...given), merchant.inMerchant, {
    read: ((work) => {
      asked += 1
      return merchant.inMerchant.read(work)
    }) as InMerchant['read'],
  }) as InMerchant
  const feeds = new EventFeeds(() => {})
  const streams = Array.from({ length: 100 }, (_, index) => feeds.open(counting, `caller ${index}`))
  const start = await streams[0]!.start
  const waiting = Promise.all(streams.map((stream) => stream.next(start, 60_000)))
  const before = asked
  await happen(2)
  const seen = await waiting
  expect(seen.map((events) => events.length)).toEqual(streams.map(() => 2))
  expect(asked - before).toBeLessThan(100)
  for (const stream of streams) stream.close()
  feeds.close()
})
