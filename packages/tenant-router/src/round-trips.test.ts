import { bigint, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CellPool } from './cell-pool.ts'
import type { InMerchant } from './router.ts'
import { CELL, openTestHouse, type TestHouse } from './test-merchants.ts'
import { openTestWire, type TestWire } from './test-wire.ts'

const counters = pgTable('merchant_counter', {
  merchantId: uuid('merchant_id').primaryKey(),
  orderNumber: bigint('order_number', { mode: 'bigint' }).notNull(),
})
const locations = pgTable('location', { merchantId: uuid('merchant_id').notNull(), id: uuid('id').notNull(), name: text('name').notNull() })

let house: TestHouse
let wire: TestWire
let inMerchant: InMerchant
let inOther: InMerchant

beforeAll(async () => {
  house = await openTestHouse()
  wire = await openTestWire(house.database.url('souk_app'))
  const router = house.openRouter({ cellUrls: { [CELL]: wire.url }, connectionsPerCell: 1 })
  inMerchant = router.inMerchant(house.first)
  inOther = router.inMerchant(house.second)
})
afterAll(async () => {
  await wire.close()
  await house.close()
})
afterEach(() => {
  wire.onMessage = undefined
})

/** What one run costs on the wire, once every statement has been seen before. */
async function costOf(run: () => Promise<unknown>): Promise<{ roundTrips: number; parses: number; simple: number }> {
  await run()
  await run()
  wire.reset()
  await run()
  return { roundTrips: wire.roundTrips, parses: wire.counts.P ?? 0, simple: wire.counts.Q ?? 0 }
}

describe('pitfall 32: unprepared queries cost a second round trip and a plan each', () => {
  test('a read of several statements is one round trip, and nothing is parsed again', async () => {
    const cost = await costOf(() =>
      inMerchant.readOnce((tx) => [
        tx.sql`select name from location where merchant_id = ${tx.merchantId}`,
        tx.sql`select order_number from merchant_counter where merchant_id = ${tx.merchantId}`,
      ]),
    )
    expect(cost).toEqual({ roundTrips: 1, parses: 0, simple: 0 })
  })

  test('one awaited tagged statement is two round trips: it travels with BEGIN, and COMMIT follows', async () => {
    const cost = await costOf(() => inMerchant((tx) => tx.sql`select name from location where merchant_id = ${tx.merchantId}`))
    expect(cost).toEqual({ roundTrips: 2, parses: 0, simple: 0 })
  })

  test('a write whose last statements go with `finish` is as many round trips as answers it needs', async () => {
    const cost = await costOf(() =>
      inMerchant(async (tx) => {
        const [counter] = await tx.sql`select order_number from merchant_counter where merchant_id = ${tx.merchantId}`
        await tx.finish([
          tx.sql`update merchant_counter set order_number = ${(counter!.order_number as bigint) + 1n} where merchant_id = ${tx.merchantId}`,
          tx.sql`update merchant_counter set event_sequence = event_sequence + 1 where merchant_id = ${tx.merchantId}`,
        ])
      }),
    )
    expect(cost).toEqual({ roundTrips: 2, parses: 0, simple: 0 })
  })

  test('Drizzle prepares: its second use parses nothing and takes one round trip a query', async () => {
    const cost = await costOf(() =>
      inMerchant(async (tx) => {
        await tx.select().from(locations)
        await tx.update(counters).set({ orderNumber: 7n }).returning({ number: counters.orderNumber })
        await tx.select().from(counters)
      }),
    )
    expect(cost).toEqual({ roundTrips: 4, parses: 0, simple: 0 })
  })

  test('statements prepared for one merchant serve the next one on the same connection', async () => {
    const ask = (door: InMerchant) => door.readOnce((tx) => [tx.sql`select name from location where merchant_id = ${tx.merchantId}`])
    await ask(inMerchant)
    wire.reset()
    await ask(inOther)
    expect(wire.counts.P ?? 0).toBe(0)
  })
})

describe('pitfall 33: the first reserve on a fresh connection hangs without the types of the server', () => {
  test('a new pool lends its first connection, and further ones, at all', async () => {
    const pool = new CellPool({ url: house.database.url('souk_app'), connectionsMax: 4, waitersMax: 8, waitMs: 60_000 })
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => pool.borrow(async (connection) => connection<{ n: number }[]>`select ${index}::int as n`)),
    )
    expect(answers.map(([row]) => row?.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    await pool.close()
  })

  test('arrays arrive as arrays, which needs those types', async () => {
    const [rows] = await inMerchant.readOnce((tx) => [tx.sql`select array['a', 'b'] as texts, array[1, 2]::bigint[] as numbers`])
    expect(rows).toEqual([{ texts: ['a', 'b'], numbers: [1n, 2n] }])
  })
})
