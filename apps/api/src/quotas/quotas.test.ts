import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { hotVariants } from '@souk/core/stock/heat.ts'
import { buyCart, fillCart, outcomes } from '@souk/core/testing/buying.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type ApiMerchant, createTestApi, type TestApi } from '../testing/api.ts'
import { parseAnswer, sendRaw } from '../testing/raw-socket.ts'
import { guardedDoor, progress } from './guarded-door.ts'

const PLATFORM = 'platform.localhost'
const HOLD = '/v1/carts/:cart_id/hold'

let api: TestApi
let admin: string
let shop: ApiMerchant
let neighbour: ApiMerchant

// Routes that hold a transaction open until they are told, one of each class.
let held: (() => void)[] = []
const holding = async (inMerchant: ApiMerchant['inMerchant']) => {
  await inMerchant(async (tx) => {
    await tx.sql`select 1`
    await new Promise<void>((resolve) => void held.push(resolve))
  })
  // What was let in is let in again.
  await inMerchant((tx) => tx.sql`select 1`)
  return { status: 'done' }
}

beforeAll(async () => {
  const schema = { response: { 200: z.object({ status: z.string() }) } }
  api = await createTestApi(
    {
      shedAt: { staff: 1, storefront: 2 },
      extraRoutes: (app) => {
        const params = z.strictObject({ cart_id: z.string() })
        app.get(HOLD, { config: { gate: 'store' }, schema: { ...schema, params } }, (request) => holding(request.inMerchant))
        app.get('/v1/held', { config: { gate: 'store' }, schema }, (request) => holding(request.inMerchant))
        app.get('/v1/admin/held', { config: { gate: 'staff', scopes: [] }, schema }, (request) => holding(request.inMerchant))
      },
    },
    // Six can be lent at a time.
    { waitMs: 60_000, connectionsPerCell: 8 },
  )
  admin = await api.adminToken()
  shop = await api.addMerchant()
  neighbour = await api.addMerchant()
})
afterAll(() => api.close())
beforeEach(() => {
  held = []
})

const put = (url: string, payload: object) => api.call(PLATFORM, { method: 'PUT', url, token: admin, payload })
const slugOf = (answer: { body: { type: string } }) => answer.body.type.split('/').at(-1)
const ask = (of: ApiMerchant, url: string) => api.app.inject({ url, headers: { host: of.host, authorization: `Bearer ${of.token}` } })

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 180_000
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error('waited for nothing')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Lets go of everything that is held, and of what comes after it, until all have their answers. */
async function finish(asked: ReturnType<typeof ask>[]): Promise<number[]> {
  let done = false
  const all = Promise.all(asked).finally(() => {
    done = true
  })
  while (!done) {
    for (const release of held.splice(0)) release()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return (await all).map((answer) => answer.statusCode)
}

async function onPlan(of: ApiMerchant, name: string, limits: object): Promise<void> {
  expect((await put(`/v1/plans/${name}`, { limits })).status).toBe(200)
  expect((await put(`/v1/merchants/${of.merchant.id}/plan`, { plan: name })).status).toBe(200)
}

describe('places before the pool', () => {
  it('keeps one merchant from taking all connections: the neighbour is served meanwhile', async () => {
    await onPlan(shop, 'two-at-once', { concurrency: { storefront: 2 }, queue: { length: 20, wait_ms: 15_000 } })
    const whale = Array.from({ length: 20 }, () => ask(shop, '/v1/held'))
    await until(() => held.length === 2)
    expect(api.shop.router.load()['shared-1']).toMatchObject({ taken: 2, waiting: 0 })
    expect((await ask(neighbour, '/v1/store')).statusCode).toBe(200)
    expect(held).toHaveLength(2)
    expect(new Set(await finish(whale))).toEqual(new Set([200]))
  })

  it('answers 429 with the limit and when to come again to those for whom there is no room to wait', async () => {
    await onPlan(shop, 'no-queue', { concurrency: { storefront: 1 }, queue: { length: 0, wait_ms: 0 } })
    const first = ask(shop, '/v1/held')
    await until(() => held.length === 1)
    const refused = await api.call(shop.host, { url: '/v1/held' })
    expect([refused.status, slugOf(refused)]).toEqual([429, 'quota-exceeded'])
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      'ratelimit-policy': '"storefront";q=1;qu="concurrent-requests"',
      ratelimit: '"storefront";r=0;t=1',
    })
    // Each class has its own places, and so has each merchant.
    const others = [ask(shop, '/v1/carts/any/hold'), ask(shop, '/v1/admin/held'), ask(neighbour, '/v1/held')]
    await until(() => held.length === 4)
    expect(await finish([first, ...others])).toEqual([200, 200, 200, 200])
  })

  it('finishes what was let in before it begins anything else', async () => {
    await onPlan(shop, 'one-at-once', { concurrency: { storefront: 1 }, queue: { length: 1, wait_ms: 15_000 } })
    const first = ask(shop, '/v1/held')
    await until(() => held.length === 1)
    const second = ask(shop, '/v1/held')
    const { bulkheads } = api.quotas
    await until(() => bulkheads.load.waiting === 1)
    held.splice(0)[0]!()
    // The second is inside, and the first needs a place once more: it takes nobody's room in the queue.
    await until(() => held.length === 1 && bulkheads.load.waiting === 1)
    const third = ask(shop, '/v1/held')
    await until(() => bulkheads.load.waiting === 2)
    expect((await ask(shop, '/v1/held')).statusCode).toBe(429)
    held.splice(0)[0]!()
    expect((await first).statusCode).toBe(200)
    expect(await finish([second, third])).toEqual([200, 200])
  })

  it('keeps its word to those who wait when the plan is lowered, and holds everybody to the lower one from then on', async () => {
    await onPlan(shop, 'lowered', { concurrency: { storefront: 2 }, queue: { length: 5, wait_ms: 15_000 } })
    const inside = [ask(shop, '/v1/held'), ask(shop, '/v1/held')]
    await until(() => held.length === 2)
    const waiting = [ask(shop, '/v1/held'), ask(shop, '/v1/held')]
    const { bulkheads, plans } = api.quotas
    await until(() => bulkheads.load.waiting === 2)
    await onPlan(shop, 'lowered', { concurrency: { storefront: 1 }, queue: { length: 0, wait_ms: 0 } })
    await until(() => plans.limitsOf(shop.merchant.id).queue?.length === 0)
    expect((await ask(shop, '/v1/held')).statusCode).toBe(429)
    expect(await finish([...inside, ...waiting])).toEqual([200, 200, 200, 200])
    const alone = ask(shop, '/v1/held')
    await until(() => held.length === 1)
    expect((await ask(shop, '/v1/held')).statusCode).toBe(429)
    expect(await finish([alone])).toEqual([200])
  })

  it('lets what everybody wants be sold in line: many reserve in one transaction, by the one place there is', async () => {
    const [buyers, units] = [24, 15]
    await onPlan(shop, 'one-till', { concurrency: { checkout: 1 }, queue: { length: 100, wait_ms: 15_000 } })
    let transactions = 0
    const counted = Object.assign((work: Parameters<InMerchant>[0]) => {
      transactions += 1
      return shop.inMerchant(work)
    }, shop.inMerchant) as InMerchant
    const door = guardedDoor(counted, 'checkout', {
      bulkheads: api.quotas.bulkheads,
      assertRoom: () => {},
      onDatabaseTime: () => {},
      onRefused: () => {},
    })
    const goods = await addGoods(shop, { onHand: BigInt(units) })
    const buy = (cartId: string) => progress.run({ begun: false }, () => buyCart({ inMerchant: door }, cartId))
    const rush = async (count: number) => {
      const carts = await Promise.all(Array.from({ length: count }, () => fillCart(shop, [{ goods }])))
      return outcomes(carts.map(({ id }) => buy(id)))
    }
    expect(await rush(buyers / 2)).toEqual({ ok: buyers / 2 })
    expect(hotVariants(shop.merchant.id)).toEqual([goods.variantId])
    transactions = 0
    expect(await rush(buyers / 2)).toEqual({ ok: units - buyers / 2, insufficient_stock: buyers - units })
    // One each in which it is ordered or refused, and fewer than that for what they all reserved before.
    expect(transactions - buyers / 2).toBeGreaterThan(0)
    expect(transactions).toBeLessThan(buyers)
  })

  it('leaves nothing behind', () => {
    expect(api.quotas.bulkheads.load).toEqual({ inUse: 0, waiting: 0 })
  })
})

describe('when many wait for the database', () => {
  it('staff give way first, then the storefront, and checkouts are let in', async () => {
    await put(`/v1/merchants/${shop.merchant.id}/plan`, { plan: 'standard' })
    await onPlan(neighbour, 'no-limits', {})
    const holders = Array.from({ length: 6 }, () => ask(neighbour, '/v1/carts/any/hold'))
    await until(() => held.length === 6)
    const waiting = [ask(neighbour, '/v1/carts/any/hold')]
    // The load of a cell is remembered for an instant.
    const untilWaiting = async (count: number) => {
      await until(() => api.shop.router.load()['shared-1']?.waiting === count)
      await sleep(50)
    }
    await untilWaiting(1)
    const staff = await ask(shop, '/v1/admin/held')
    expect([staff.statusCode, slugOf({ body: staff.json() }), staff.headers['retry-after']]).toEqual([
      503,
      'temporary-reduced-capacity',
      '2',
    ])
    waiting.push(ask(shop, '/v1/held'))
    await untilWaiting(2)
    expect((await ask(shop, '/v1/held')).statusCode).toBe(503)
    waiting.push(ask(shop, '/v1/carts/any/hold'))
    await untilWaiting(3)
    expect(new Set(await finish([...holders, ...waiting]))).toEqual(new Set([200]))
  })
})

describe('a rate', () => {
  it('lets the burst through, and answers 429 with what is allowed and when there is more', async () => {
    // The least that a plan can say: nothing is made up for meanwhile.
    await onPlan(shop, 'slow', { requests: { per_second: 0.01, burst: 2 } })
    const answers = []
    for (let n = 0; n < 3; n++) answers.push(await api.call(shop.host, { url: '/v1/store' }))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(answers[0]!.headers['ratelimit-policy']).toBe('"requests";q=2;w=200')
    expect(slugOf(answers[2]!)).toBe('quota-exceeded')
    expect(answers[2]!.headers.ratelimit).toMatch(/^"requests";r=0;t=\d+$/)
    const retryAfter = Number(answers[2]!.headers['retry-after'])
    expect(retryAfter).toBeGreaterThan(0)
    expect(retryAfter).toBeLessThanOrEqual(100)
    // Staff of the same merchant draw from the same bucket, and another merchant from its own.
    expect((await api.call(shop.host, { url: '/v1/admin/me', token: shop.token })).status).toBe(429)
    const unlimited = await api.call(neighbour.host, { url: '/v1/store' })
    expect([unlimited.status, unlimited.headers['ratelimit-policy']]).toEqual([200, undefined])
    await put(`/v1/merchants/${shop.merchant.id}/plan`, { plan: 'standard' })
    expect((await api.call(shop.host, { url: '/v1/store' })).status).toBe(200)
  })
})

describe('far more than the rate', () => {
  it('is refused before there is a route or a body, at the address where the gate refused it, until the plan says otherwise', async () => {
    await onPlan(shop, 'slow', { requests: { per_second: 0.01, burst: 2 } })
    await api.app.listen({ host: '127.0.0.1', port: 0 })
    const port = (api.app.server.address() as AddressInfo).port
    const send = async (host: string, path = '/v1/store', head = '') =>
      parseAnswer(await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${head}\r\n`))
    await until(async () => (await send(shop.host)).status === 429)
    const before = api.quotas.early.figures.refused
    api.log.length = 0
    const refused = await send(shop.host, '/v1/no/such/route', 'Content-Length: 900000\r\n')
    expect([refused.status, slugOf(refused), refused.headers.connection]).toEqual([429, 'quota-exceeded', 'close'])
    expect(refused.headers).toMatchObject({ 'content-type': 'application/problem+json', 'ratelimit-policy': '"requests";q=2;w=200' })
    expect(api.quotas.early.figures.refused).toBe(before + 1)
    await until(() => api.log.some((line) => line.includes('over the rate')))
    expect(api.log.filter((line) => line.includes(shop.merchant.id))).toHaveLength(1)
    expect((await send(neighbour.host)).status).toBe(200)
    expect((await send(shop.host, '/healthz')).status).not.toBe(429)
    await put(`/v1/merchants/${shop.merchant.id}/plan`, { plan: 'standard' })
    expect((await send(shop.host)).status).toBe(200)
  })
})

describe('what else a plan limits', () => {
  let limited: ApiMerchant
  const post = (url: string, payload: unknown, headers = {}) =>
    api.call(limited.host, { method: 'POST', url, token: limited.token, payload: payload as never, headers })
  const refusal = (answer: Awaited<ReturnType<typeof post>>) => [answer.status, slugOf(answer), answer.body.limit, answer.body.allowed]

  beforeAll(async () => {
    limited = await api.addMerchant()
    await onPlan(limited, 'small', { imports: { at_once: 1 }, webhooks: { endpoints: 1 }, plugins: { calls_per_day: 7 } })
  })

  it('imports, which come again later', async () => {
    const upload = () =>
      post('/v1/admin/imports?file_name=a.csv', 'Handle,Title,Variant Price\ncup,Cup,2.50\n', { 'content-type': 'text/csv' })
    expect((await upload()).status).toBe(202)
    const second = await upload()
    expect(refusal(second)).toEqual([429, 'quota-exceeded', 'imports.at_once', 1])
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('webhook endpoints', async () => {
    const add = () => post('/v1/admin/webhook-endpoints', { url: 'https://8.8.8.8/hook', events: ['order.placed'] })
    expect((await add()).status).toBe(201)
    expect(refusal(await add())).toEqual([409, 'plan-limit-reached', 'webhooks.endpoints', 1])
  })

  it('calls of plugins a day, unless the merchant has a budget of its own', async () => {
    const url = `/v1/merchants/${limited.merchant.id}/plugin-budget`
    expect((await api.call(PLATFORM, { url, token: admin })).body).toMatchObject({ calls_per_day: 7, cpu_ms_per_day: 2_000_000 })
    await put(url, { calls_per_day: 9, cpu_ms_per_day: 1_000 })
    expect((await api.call(PLATFORM, { url, token: admin })).body).toMatchObject({ calls_per_day: 9, cpu_ms_per_day: 1_000 })
  })

  it('stored rows: staff add none, buyers buy, and who was refused is counted again once', async () => {
    await onPlan(limited, 'full', { rows: { stored: 10 } })
    await api.platformSql`
      insert into platform.usage (merchant_id, day, rows_stored) values (${limited.merchant.id}, ${api.clock.now}, 12)`
    await api.quotas.plans.refresh()
    const add = () => post('/v1/admin/customers', { email: 'b@buyer.example' })
    expect(refusal(await add())).toEqual([409, 'plan-limit-reached', 'rows.stored', 10])
    expect((await add()).status).toBe(409)
    const queue = postgres(api.shop.database.adminUrl, { max: 1 })
    const jobs = await queue`
      select 1 from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
      where t.identifier = 'count_rows' and j.payload ->> 'merchantId' = ${limited.merchant.id}`
    await queue.end()
    expect(jobs).toHaveLength(1)
    const goods = await addGoods(limited)
    const cart = await api.call(limited.host, {
      method: 'POST',
      url: '/v1/carts',
      payload: { lines: [{ variant_id: goods.variantId, quantity: 1 }] },
    })
    expect(cart.status).toBe(201)
    await put('/v1/plans/full', { limits: { rows: { stored: 13 } } })
    expect((await add()).status).toBe(201)
  })
})

describe('the platform', () => {
  const get = (url: string) => api.call(PLATFORM, { url, token: admin })

  it('sees what merchants used, page by page', async () => {
    const fresh = await api.addMerchant()
    for (let n = 0; n < 3; n++) await api.call(fresh.host, { url: '/v1/store' })
    await api.quotas.usage.flush()
    const today = api.clock.now.toISOString().slice(0, 10)
    const used = await get(`/v1/usage?merchant_id=${fresh.merchant.id}`)
    expect(used.body).toMatchObject({ data: [{ merchant_id: fresh.merchant.id, day: today, requests: 3, refused: 0 }], next_cursor: null })
    const days: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await get(`/v1/usage?limit=1${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
      days.push(...page.body.data.map((day: { merchant_id: string }) => day.merchant_id))
      cursor = page.body.next_cursor
    }
    expect(days).toHaveLength(new Set(days).size)
    expect(days).toContain(shop.merchant.id)
    expect((await get('/v1/usage?until_day=2000-01-01')).body.data).toEqual([])
  })

  it('is told who should live elsewhere', async () => {
    await api.platformSql`
      insert into platform.usage (merchant_id, day, database_ms, rows_stored) values (${neighbour.merchant.id}, ${api.clock.now}, 400000000, 77)
      on conflict (merchant_id, day) do update set database_ms = excluded.database_ms, rows_stored = excluded.rows_stored`
    expect((await get('/v1/advice')).body.data).toMatchObject([
      { merchant_id: neighbour.merchant.id, from_cell: 'shared-1', to_cell: null, reason: 'outgrown', rows_stored: 77 },
    ])
  })

  it('makes, lists and removes plans, and refuses limits that say nothing', async () => {
    expect((await put('/v1/plans/odd', { limits: { requests: { per_second: 0, burst: 1 } } })).status).toBe(400)
    expect((await put('/v1/plans/made', { limits: { concurrency: { checkout: 1 } } })).body).toMatchObject({
      name: 'made',
      merchant_count: 0,
    })
    expect((await get('/v1/plans')).body.data.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['made', 'standard']),
    )
    const remove = (name: string) => api.call(PLATFORM, { method: 'DELETE', url: `/v1/plans/${name}`, token: admin })
    expect((await remove('made')).status).toBe(204)
    expect(slugOf(await remove('made'))).toBe('not-found')
    expect(slugOf(await remove('standard'))).toBe('invalid-state')
    expect(slugOf(await put(`/v1/merchants/${shop.merchant.id}/plan`, { plan: 'made' }))).toBe('not-found')
  })
})
