import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { CrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Armed, CrashOrders } from './crash-orders.ts'
import { Seeded } from './faults/seeded.ts'
import { checkOut, type Good, openCart, productFile, publishOffer, stockShop } from './goods.ts'
import { House, type Shop } from './house.ts'

// Every point is died at in each run, in turn by the process and by its database: by whom first comes from a seed.
// SOUK_CRASH_CASES=all tries both.
const ALL = process.env.SOUK_CRASH_CASES === 'all'
const SEED = Number(process.env.SOUK_FAULT_SEED ?? 11)
const BUYERS = 4
const ORDERS_PER_BUYER = 5
const CRASH_AT_PASS = 7
const GIVE_UP_AFTER_MS = 180_000

let turn = new Seeded(SEED).between(0, 1)

/** Of each point the case of one victim, or of both. */
function chosen<Case extends { victim: string; point: string }>(cases: readonly Case[]): Case[] {
  if (ALL) return [...cases]
  return [...Map.groupBy(cases, ({ point }) => point).values()].map((same) => same[turn++ % same.length]!)
}

const victims = ['api', 'database'] as const
const CHECKOUTS = chosen(
  ['checkout.before_claim', 'checkout.claimed', 'checkout.committed'].flatMap((point) => victims.map((victim) => ({ victim, point }))),
)
const CANCELLINGS = chosen(victims.map((victim) => ({ victim, point: 'cancel.released' })))
const IMPORTS = chosen(
  [
    { by: 'api', point: 'import.part_received', nth: 1 },
    { by: 'api', point: 'import.sealed', nth: 1 },
    { by: 'worker', point: 'import.chunk_written', nth: 3 },
    { by: 'worker', point: 'import.chunk_committed', nth: 3 },
  ].flatMap((place) => [place.by, 'database'].map((victim) => ({ ...place, victim }) as ImportCase)),
)

interface ImportCase {
  by: Armed
  victim: Armed | 'database'
  point: CrashPoint
  nth: number
}

let house: House
let orders: CrashOrders
let shop: Shop
let variants: Map<string, string>

beforeAll(async () => {
  console.log(`seed ${SEED}: ${[...CHECKOUTS, ...CANCELLINGS, ...IMPORTS].map(({ victim, point }) => `${victim} at ${point}`).join(', ')}`)
  orders = await CrashOrders.open()
  house = await House.open()
  await house.startApi(orders.environment('api'))
  house.startWorker(orders.environment('worker'))
  shop = await house.addShop({ slug: 'crash' })
  variants = await stockShop(house, shop, [
    { handle: 'tea', price: '4.50', stock: 100_000 },
    { handle: 'cup', price: '9.00', stock: 100_000 },
  ])
  // So that every order also moves a counter that all of them share.
  await publishOffer(shop, 90_000)
})

afterAll(async () => {
  await house.close()
  await orders.close()
})

/** Has a process, or the database, die when the process comes by a point. */
async function orderCrash(by: Armed, victim: Armed | 'database', point: string, nth: number): Promise<void> {
  const [pid] = (await readFile(join(house.dataDir, 'postmaster.pid'), 'utf8')).split('\n')
  orders.give(by, { point: point as CrashPoint, nth, ...(victim === 'database' && { pid: Number(pid) }) })
}

/** Starts again whatever is down, until told to stop: what an operator's supervisor does. Answers what it had to start. */
function keepUp(): { stop(): Promise<Record<'api' | 'worker' | 'database', number>> } {
  const restarts = { api: 0, worker: 0, database: 0 }
  let stopped = false
  const revive = async () => {
    if (!house.databaseRuns()) {
      await house.restartDatabase()
      restarts.database += 1
    }
    if (!house.api.isRunning) {
      await house.startApi(orders.environment('api'))
      restarts.api += 1
    }
    if (!house.worker.isRunning) {
      restarts.worker += 1
      house.startWorker(orders.environment('worker'))
    }
  }
  const watching = (async () => {
    while (!stopped) {
      // A start that takes too long on a busy machine is tried again, as a supervisor would.
      await revive().catch(() => {})
      await pause(20)
    }
  })()
  return {
    stop: async () => {
      stopped = true
      await watching
      return restarts
    },
  }
}

/** Repeats a request until it gets a definite answer: a lost connection and a 5xx are neither yes nor no. */
async function insist<T extends { status: number; text: string }>(send: () => Promise<T>): Promise<T> {
  const end = performance.now() + GIVE_UP_AFTER_MS
  for (;;) {
    const answer = await send().catch(() => undefined)
    if (answer && answer.status < 500 && !answer.text.includes('/idempotency-in-progress')) return answer
    if (performance.now() > end) throw new Error(`no definite answer: ${answer?.text ?? 'no connection'}\n${house.api.output}`)
    await pause(25)
  }
}

/** Buyers who buy one thing after the other, and repeat with the same key what was not answered. Answers their orders' ids. */
async function buyThroughCrashes(round: string): Promise<string[]> {
  const buyer = async (number: number) => {
    const ids: string[] = []
    for (let order = 0; order < ORDERS_PER_BUYER; order++) {
      const lines = [...variants.values()].map((variant_id) => ({ variant_id, quantity: 1 + (order % 3) }))
      const cart = await insistOnCart(lines)
      const answer = await insist(() => checkOut(shop, cart, `${round}-${number}-${order}`))
      expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
      ids.push(answer.body.id)
    }
    return ids
  }
  return (await Promise.all(Array.from({ length: BUYERS }, (_, number) => buyer(number)))).flat()
}

async function insistOnCart(lines: { variant_id: string; quantity: number }[]) {
  const end = performance.now() + GIVE_UP_AFTER_MS
  for (;;) {
    const cart = await openCart(shop, lines).catch(() => undefined)
    if (cart) return cart
    if (performance.now() > end) throw new Error(`no cart:\n${house.api.output}`)
    await pause(25)
  }
}

async function placedOrders(): Promise<Set<string>> {
  const ids = new Set<string>()
  const staff = shop.buyer.with(await house.signIn(shop.buyer))
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: { body: { data: { id: string }[]; next_cursor: string | null } } = await staff.get(`/v1/admin/orders?limit=100${query}`)
    for (const order of page.body.data) ids.add(order.id)
    cursor = page.body.next_cursor
  }
  return ids
}

describe('checkout under kill -9', () => {
  it.each(CHECKOUTS)(
    'loses and doubles no order when the $victim dies at $point',
    async ({ victim, point }) => {
      const before = await placedOrders()
      await orderCrash('api', victim, point, CRASH_AT_PASS)
      const watch = keepUp()
      const acknowledged = await buyThroughCrashes(`${victim}-${point}`)
      expect((await watch.stop())[victim]).toBe(1)
      const placed = await placedOrders()
      for (const id of before) placed.delete(id)
      expect(placed).toEqual(new Set(acknowledged))
      expect(acknowledged).toHaveLength(BUYERS * ORDERS_PER_BUYER)
      expect(await house.invariants()).toEqual([])
    },
    600_000,
  )
})

describe('cancelling under kill -9', () => {
  it.each(CANCELLINGS)(
    'gives everything back once when the $victim dies in the middle',
    async ({ victim, point }) => {
      const ids = await buyThroughCrashes(`cancel-${victim}`)
      await orderCrash('api', victim, point, CRASH_AT_PASS)
      const watch = keepUp()
      const staff = shop.buyer.with(await house.signIn(shop.buyer))
      const cancel = (id: string) => insist(() => staff.post(`/v1/admin/orders/${id}/cancel`, { reason: 'a proof' }))
      const waiting = ids.values()
      const one = async () => {
        for (const id of waiting) expect((await cancel(id)).body).toMatchObject({ id, status: 'cancelled', payment_status: 'voided' })
      }
      await Promise.all(Array.from({ length: BUYERS }, one))
      expect((await watch.stop())[victim]).toBe(1)
      const [told] = await house.query<{ orders: number; events: number }>`
        select count(distinct aggregate_id)::int as orders, count(*)::int as events from event
        where merchant_id = ${shop.id} and type = 'order.cancelled' and aggregate_id::text = any (string_to_array(${ids.join(',')}, ','))`
      expect(told).toEqual({ orders: ids.length, events: ids.length })
      expect(await house.invariants()).toEqual([])
    },
    600_000,
  )
})

describe('import under kill -9', () => {
  const PRODUCTS = 160

  function goods(round: string): Good[] {
    return Array.from({ length: PRODUCTS }, (_, n) => ({ handle: `${round}-${n}`, price: '3.00', stock: 7 }))
  }

  it.each(IMPORTS)(
    'imports every product once when, by way of the $by, the $victim dies at $point',
    async ({ by, victim, point, nth }) => {
      const round = `${victim}-${point}`.replaceAll(/[._]/g, '-')
      // Bought meanwhile: an import under load is the ordinary case.
      const buying = buyThroughCrashes(`import-${round}`)
      await orderCrash(by, victim, point, nth)
      const watch = keepUp()
      const raw = { type: 'text/csv', content: productFile(goods(round), 'vendor-crash') }
      const upload = await insist(async () => {
        const staff = shop.buyer.with(await house.signIn(shop.buyer))
        return staff.call<{ id: string }>('/v1/admin/imports?file_name=crash.csv', { method: 'POST', raw })
      })
      expect([upload.status, upload.text]).toEqual([202, expect.any(String)])
      const finished = await house.importFinished({ ...shop, staff: shop.buyer.with(await insistOnSession()) }, upload.body.id)
      await buying
      expect((await watch.stop())[victim]).toBe(1)
      expect(finished).toMatchObject({ status: 'done', failed: 0 })
      const { products, levels } = await imported(round)
      expect({ products, levels }).toEqual({ products: PRODUCTS, levels: PRODUCTS })
      expect(await house.invariants()).toEqual([])
    },
    600_000,
  )

  async function insistOnSession(): Promise<Record<string, string>> {
    for (;;) {
      const headers = await house.signIn(shop.buyer).catch(() => undefined)
      if (headers) return headers
      await pause(50)
    }
  }

  /** How many products of a round there are, and how many of them have their opening stock exactly once. */
  async function imported(round: string): Promise<{ products: number; levels: number }> {
    const [row] = await house.query<{ products: number; levels: number }>`
      select count(distinct p.id)::int as products, count(*) filter (where l.on_hand = 7)::int as levels
      from product p left join stock_level l on l.merchant_id = p.merchant_id and l.product_id = p.id
      where p.merchant_id = ${shop.id} and p.handle like ${`${round}-%`}`
    return row!
  }
})
