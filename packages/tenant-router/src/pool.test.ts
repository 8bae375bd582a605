import { createTestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CellPool, type CellPoolOptions, type CellSql } from './cell-pool.ts'
import { errorCode, isLostConnection } from './door-error.ts'
import type { InMerchant } from './router.ts'
import { CELL, failureOf, openTestHouse, type TestHouse, until } from './test-merchants.ts'
import { openTestWire } from './test-wire.ts'

let house: TestHouse
beforeAll(async () => {
  house = await openTestHouse()
})
afterAll(() => house.close())

function openPool(options: Partial<CellPoolOptions> = {}): CellPool {
  return new CellPool({ url: house.database.url('souk_app'), connectionsMax: 1, waitersMax: 1, waitMs: 2_000, ...options })
}

/** A borrower that holds its connection until it is told to give it back. */
function hold(pool: CellPool): { done: Promise<void>; release: () => void } {
  let release: () => void = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  return { done: pool.borrow(() => released), release }
}

describe('pitfall 34: a pool per merchant explodes', () => {
  test('2,000 merchants read and written to at once use no more backends than the configured cap', async () => {
    const cap = 6
    const router = house.openRouter({ connectionsPerCell: cap, waitersPerCell: 5_000, waitMs: 25_000 })
    const merchants = await house.addMerchants(2_000)
    let backendsMax = 0
    let asking = true
    const watching = (async () => {
      while (asking) {
        const [row] = await house.admin`
          select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'souk'`
        backendsMax = Math.max(backendsMax, row!.n)
      }
    })()
    // Single statements have connections of their own: they count too.
    const ways: ((inMerchant: InMerchant) => Promise<object[][]>)[] = [
      (inMerchant) => inMerchant.readOne((door) => door.sql`${door.entered}`).then((rows) => [rows]),
      (inMerchant) => inMerchant.readOnce((tx) => [tx.sql`select merchant_id from location`]),
      (inMerchant) =>
        inMerchant((tx) => tx.sql`update merchant_counter set order_number = order_number + 1 returning merchant_id`).then((rows) => [
          rows,
        ]),
    ]
    const seen = await Promise.all(merchants.map((merchant, index) => ways[index % ways.length]!(router.inMerchant(merchant))))
    asking = false
    await watching
    expect(seen.map(([rows]) => rows!.map((row) => (row as { merchant_id: string }).merchant_id))).toEqual(
      merchants.map((merchant) => [merchant.id]),
    )
    expect(backendsMax).toBeGreaterThan(0)
    expect(backendsMax).toBeLessThanOrEqual(cap)
    await router.close()
  })

  test('cells beyond the limit of open ones are closed, the one not used for longest first, and nobody is cut off', async () => {
    const other = await createTestDatabase()
    const otherAdmin = postgres(other.adminUrl, { max: 1, onnotice: () => {} })
    await house.admin`insert into platform.cell (name, kind) values ('shared-2', 'shared')`
    const [there] = await house.addMerchants(1, { cell: 'shared-2', admin: otherAdmin })
    const router = house.openRouter({
      cellUrls: { [CELL]: house.database.url('souk_app'), 'shared-2': other.url('souk_app') },
      openCellsMax: 1,
      connectionsPerCell: 2,
    })
    const ask = (merchant: typeof there) => router.inMerchant(merchant!)((tx) => tx.sql`select merchant_id, pg_sleep(0.01) from location`)
    const asked = Array.from({ length: 40 }, (_, index) => (index % 4 < 2 ? there! : house.first))
    const answers = await Promise.all(asked.map(ask))
    expect(answers.map(([row]) => row?.merchant_id)).toEqual(asked.map((merchant) => merchant.id))
    expect(Object.keys(router.load())).toHaveLength(1)
    await until('the pools that were pushed out have hung up', async () => {
      const [row] = await house.admin`
        select count(*)::int as n from pg_stat_activity where datname in (current_database(), ${other.name}) and application_name = 'souk'`
      return row!.n <= 4
    })
    await router.close()
    await otherAdmin.end()
    await other.drop()
  })
})

describe('a cell that is busy', () => {
  test('refuses at once when the queue is full, and serves those in it', async () => {
    // Whoever waited would wait for longer than this test may take.
    const pool = openPool({ waitMs: 3_600_000 })
    const holder = hold(pool)
    const waiter = pool.borrow(async () => 'served')
    expect(pool.load).toEqual({ taken: 1, waiting: 1 })
    expect(await failureOf(pool.borrow(async () => {}))).toMatchObject({ code: 'cell_busy' })
    holder.release()
    expect(await waiter).toBe('served')
    expect(pool.load).toEqual({ taken: 0, waiting: 0 })
    await pool.close()
  })

  test('refuses whoever has waited too long, and forgets them', async () => {
    const pool = openPool({ waitMs: 100 })
    const holder = hold(pool)
    const started = performance.now()
    expect(await failureOf(pool.borrow(async () => {}))).toMatchObject({ code: 'cell_busy' })
    expect(performance.now() - started).toBeGreaterThanOrEqual(95)
    expect(pool.load).toEqual({ taken: 1, waiting: 0 })
    holder.release()
    await holder.done
    expect(await pool.borrow(async () => 'served')).toBe('served')
    await pool.close()
  })

  test('serves those who wait in the order they came', async () => {
    const pool = openPool({ waitersMax: 10 })
    const holder = hold(pool)
    const served: number[] = []
    const waiters = Array.from({ length: 10 }, (_, index) =>
      pool.borrow(async () => {
        served.push(index)
      }),
    )
    holder.release()
    await Promise.all(waiters)
    expect(served).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await pool.close()
  })

  test('gives the place back when the borrower throws', async () => {
    const pool = openPool()
    for (let round = 0; round < 5; round += 1) {
      await failureOf(
        pool.borrow(async () => {
          throw new Error('no')
        }),
      )
    }
    expect(pool.load).toEqual({ taken: 0, waiting: 0 })
    await pool.close()
  })
})

describe('statements that share a connection', () => {
  // Four connections: one that is shared, three that are lent.
  const openSharing = (options: Partial<CellPoolOptions> = {}) => openPool({ connectionsMax: 4, waitersMax: 100, ...options })
  const backend = (connection: CellSql, n: number) => connection`select pg_backend_pid() as pid, ${n}::int as n`

  test('each get their own answer, and the next connection is used when eight are on their way', async () => {
    const pool = openSharing({ connectionsMax: 7 })
    const ask = (count: number) => Promise.all(Array.from({ length: count }, (_, n) => pool.send((connection) => backend(connection, n))))
    for (const [count, connections] of [
      [8, 1],
      [9, 2],
      [60, 2],
    ] as const) {
      const rows = (await ask(count)).map(([row]) => row!)
      expect(rows.map((row) => row.n)).toEqual(Array.from({ length: count }, (_, n) => n))
      expect(new Set(rows.map((row) => row.pid)).size).toBe(connections)
    }
    await pool.close()
  })

  test('fail alone: those before and behind are answered', async () => {
    const pool = openSharing()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => pool.send((connection) => connection`select 12 / ${n % 3}::int as n`)),
    )
    expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value[0]?.n : errorCode(outcome.reason)))).toEqual(
      Array.from({ length: 8 }, (_, n) => [undefined, 12, 6][n % 3] ?? '22012'),
    )
    await pool.close()
  })

  test('are refused when too many are on their way, whatever connections are lent', async () => {
    const pool = openSharing({ waitersMax: 1 })
    const holder = hold(pool)
    const sent = [0, 1, 2, 3, 4].map((n) => pool.send((connection) => backend(connection, n)))
    expect(await failureOf(pool.send((connection) => backend(connection, 5)))).toMatchObject({ code: 'cell_busy' })
    await Promise.all(sent)
    await pool.send((connection) => backend(connection, 6))
    holder.release()
    await pool.close()
  })

  test('all fail when their connection dies, and the next one is answered', async () => {
    const pool = openSharing()
    const [row] = await pool.send((connection) => backend(connection, 0))
    const failures = Array.from({ length: 4 }, () => failureOf(pool.send((connection) => connection`select pg_sleep(5)`)))
    await until('the first of them runs', async () => {
      const rows =
        await house.admin`select 1 from pg_stat_activity where pid = ${row!.pid} and state = 'active' and query like '%pg_sleep%'`
      return rows.length === 1
    })
    await house.admin`select pg_terminate_backend(${row!.pid})`
    for (const failure of await Promise.all(failures)) expect(isLostConnection(failure)).toBe(true)
    const [again] = await pool.send((connection) => backend(connection, 7))
    expect(again?.n).toBe(7)
    await pool.close()
  })

  test('borrow like all others where there are too few connections to share one', async () => {
    const pool = openPool({ waitersMax: 10 })
    const pids = await Promise.all([
      pool.borrow(async (connection) => (await backend(connection, 0))[0]!.pid),
      ...[1, 2].map(async (n) => (await pool.send((connection) => backend(connection, n)))[0]!.pid),
    ])
    expect(new Set(pids).size).toBe(1)
    await pool.close()
  })
})

describe('closing', () => {
  test('lets statements that were sent be answered, and takes no others', async () => {
    const pool = openPool({ connectionsMax: 4, waitersMax: 100 })
    const sent = Array.from({ length: 5 }, () => pool.send((connection) => connection`select pg_sleep(0.02)::text, 1 as one`))
    const closing = pool.close()
    expect(await failureOf(pool.send((connection) => connection`select 1`))).toMatchObject({ code: 'cell_unavailable' })
    for (const rows of await Promise.all(sent)) expect(rows[0]?.one).toBe(1)
    await closing
  })

  test('lets holders and waiters finish, and takes nobody new', async () => {
    const pool = openPool()
    const holder = hold(pool)
    const waiter = pool.borrow(async (connection) => (await connection`select 1 as one`)[0]?.one)
    const closing = pool.close()
    expect(await failureOf(pool.borrow(async () => {}))).toMatchObject({ code: 'cell_unavailable' })
    holder.release()
    expect(await waiter).toBe(1)
    await closing
    expect(await failureOf(pool.borrow(async () => {}))).toMatchObject({ code: 'cell_unavailable' })
  })

  test('a router that was closed opens no door', async () => {
    const router = house.openRouter()
    const inMerchant = router.inMerchant(house.first)
    await inMerchant((tx) => tx.sql`select 1`)
    await router.close()
    expect(await failureOf(inMerchant((tx) => tx.sql`select 1`))).toMatchObject({ code: 'cell_unavailable' })
    await until('its connections are gone', async () => {
      const rows = await house.admin`select 1 from pg_stat_activity where datname = current_database() and application_name = 'souk'`
      return rows.length === 0
    })
  })
})

describe('a database that is away', () => {
  test('is said to be unavailable, and serves again soon after it is back', async () => {
    const wire = await openTestWire(house.database.url('souk_app'))
    const router = house.openRouter({ cellUrls: { [CELL]: wire.url }, connectionsPerCell: 3 })
    const ask = () => router.inMerchant(house.first).read((tx) => tx.sql`select merchant_id from location`)
    await ask()
    await wire.stopListening()
    for (let round = 0; round < 12; round += 1) expect(await failureOf(ask())).toMatchObject({ code: 'cell_unavailable' })
    await wire.listenAgain()
    const answers = await Promise.all(Array.from({ length: 9 }, ask))
    expect(answers.map(([row]) => row?.merchant_id)).toEqual(Array(9).fill(house.first.id))
    await router.close()
    await wire.close()
  })

  test('one that takes connections and drops them does not keep callers waiting for ever', async () => {
    const wire = await openTestWire(house.database.url('souk_app'))
    const pool = openPool({ url: wire.url, connectionsMax: 4 })
    wire.sever()
    const [lent, sent] = await Promise.all([
      failureOf(pool.borrow((connection) => connection`select 1`)),
      failureOf(pool.send((connection) => connection`select 1`)),
    ])
    expect(lent).toMatchObject({ code: 'cell_unavailable' })
    expect(isLostConnection(sent)).toBe(true)
    expect(pool.load.taken).toBe(0)
    wire.restore()
    const [row] = await pool.borrow((connection) => connection`select 1 as one`)
    expect(row?.one).toBe(1)
    await pool.close()
    await wire.close()
  })

  test('wrong credentials are no secret to the operator: the cause is kept', async () => {
    const url = new URL(house.database.url('souk_app'))
    url.password = 'wrong'
    const pool = openPool({ url: url.toString() })
    const failure = await failureOf(pool.borrow(async () => {}))
    expect(failure).toMatchObject({ code: 'cell_unavailable', cause: { code: '28P01' } })
    await pool.close()
  })
})
