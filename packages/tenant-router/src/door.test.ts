import { eq, sql } from 'drizzle-orm'
import { bigint, pgTable, uuid } from 'drizzle-orm/pg-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type DoorError, errorCode } from './door-error.ts'
import type { InMerchant } from './router.ts'
import { CELL, failureOf, openTestHouse, type TestHouse, until } from './test-merchants.ts'
import { openTestWire, type TestWire } from './test-wire.ts'
import type { Query, Tx } from './tx.ts'

const counters = pgTable('merchant_counter', {
  merchantId: uuid('merchant_id').primaryKey(),
  orderNumber: bigint('order_number', { mode: 'bigint' }).notNull(),
})

let house: TestHouse
let wire: TestWire
let inMerchant: InMerchant

beforeAll(async () => {
  house = await openTestHouse({ connectionsPerCell: 2 })
  wire = await openTestWire(house.database.url('souk_app'))
  inMerchant = house.openRouter({ cellUrls: { [CELL]: wire.url } }).inMerchant(house.first)
})
afterAll(async () => {
  await house.close()
  await wire.close()
})
afterEach(async () => {
  wire.onMessage = undefined
  wire.restore()
  await house.admin`update merchant_counter set order_number = 0`
})

async function numberNow(): Promise<bigint> {
  const [row] = await house.admin`select order_number::int as number from merchant_counter where merchant_id = ${house.first.id}`
  return BigInt(row!.number)
}

const setNumber = (tx: Pick<Tx, 'sql' | 'merchantId'>, value: number): Query =>
  tx.sql`update merchant_counter set order_number = ${value} where merchant_id = ${tx.merchantId}`

describe('pitfall 31: COMMIT overtakes a query', () => {
  test('the wrapper owns BEGIN and COMMIT: Drizzle queries started together all happen before the commit', async () => {
    for (let round = 1; round <= 50; round += 1) {
      await inMerchant((tx) =>
        Promise.all([
          tx
            .update(counters)
            .set({ orderNumber: BigInt(round) })
            .where(eq(counters.merchantId, tx.merchantId)),
          tx.execute(sql`update merchant_counter set event_sequence = ${round}`),
          tx.select().from(counters),
        ]),
      )
      expect(await numberNow()).toBe(BigInt(round))
    }
  })

  test('a Drizzle query started and not awaited never runs outside the transaction', async () => {
    let late = { execute: async (): Promise<unknown> => undefined }
    await inMerchant(async (tx) => {
      late = tx.update(counters).set({ orderNumber: 41n })
    })
    expect(((await failureOf(late.execute())).cause as Error).message).toMatch(/transaction has ended/)
    expect(await numberNow()).toBe(0n)
  })

  test('a tagged statement made inside and awaited afterwards never runs', async () => {
    let late: Query | undefined
    const outcome = inMerchant(async (tx) => {
      late = setNumber(tx, 42)
    })
    expect((await failureOf(outcome)).message).toMatch(/never sent/)
    expect((await failureOf(late as unknown as Promise<unknown>)).message).toMatch(/transaction has ended/)
    expect(await numberNow()).toBe(0n)
  })

  test('a transaction kept for later refuses every way to query', async () => {
    const kept = await inMerchant(async (tx) => ({ tx }))
    expect(() => kept.tx.sql`select 1`).toThrow(/transaction has ended/)
    expect(() => kept.tx.select()).toThrow(/transaction has ended/)
    expect(() => kept.tx.execute(sql`select 1`)).toThrow(/transaction has ended/)
    expect(() => kept.tx.finish([])).toThrow(/transaction has ended/)
  })

  test('statements sent but not awaited are part of the transaction', async () => {
    await inMerchant(async (tx) => {
      setNumber(tx, 43).execute()
    })
    expect(await numberNow()).toBe(43n)
  })
})

describe('a forgotten statement', () => {
  test('fails the transaction instead of being lost', async () => {
    const outcome = inMerchant(async (tx) => {
      await setNumber(tx, 1)
      tx.sql`update merchant_counter set event_sequence = 9`
    })
    expect((await failureOf(outcome)).message).toMatch(/never sent/)
    expect(await numberNow()).toBe(0n)
  })

  test('also in front of `finish`', async () => {
    const outcome = inMerchant(async (tx) => {
      tx.sql`update merchant_counter set event_sequence = 9`
      await tx.finish([setNumber(tx, 1)])
    })
    expect((await failureOf(outcome)).message).toMatch(/never sent/)
    expect(await numberNow()).toBe(0n)
  })

  test('is not a part of another statement', async () => {
    await inMerchant(async (tx) => {
      const mine = tx.sql`merchant_id = ${tx.merchantId}`
      const conditions = [tx.sql` and order_number >= ${0}`, tx.sql` and event_sequence >= ${0}`]
      await tx.sql`update merchant_counter set order_number = 5 where ${mine} ${conditions}`
    })
    expect(await numberNow()).toBe(5n)
  })
})

describe('what the work throws', () => {
  test('rolls back and reaches the caller as it is', async () => {
    const refusal = new Error('no')
    const outcome = inMerchant(async (tx) => {
      await setNumber(tx, 7)
      throw refusal
    })
    expect(await failureOf(outcome)).toBe(refusal)
    expect(await numberNow()).toBe(0n)
  })

  test('a failed statement that the work swallows still fails the transaction', async () => {
    const outcome = inMerchant(async (tx) => {
      await setNumber(tx, 7)
      await tx.sql`select 1 / 0`.catch(() => {})
      return 'fine'
    })
    expect((await failureOf(outcome)).message).toMatch(/rolled back/)
    expect(await numberNow()).toBe(0n)
  })

  test('a failed `finish` that the work swallows, or does not wait for, still fails the transaction', async () => {
    const broken = (tx: Tx) => tx.finish([setNumber(tx, 7), tx.sql`select 1 / 0`])
    const swallowed = inMerchant(async (tx) => {
      await broken(tx).catch(() => {})
    })
    expect(await failureOf(swallowed)).toMatchObject({ code: '22012' })
    const unawaited = inMerchant(async (tx) => {
      broken(tx)
    })
    expect(await failureOf(unawaited)).toMatchObject({ code: '22012' })
    expect(await numberNow()).toBe(0n)
  })

  test('the connection serves the next caller after each of these', async () => {
    for (let round = 0; round < 10; round += 1) {
      await failureOf(inMerchant((tx) => tx.sql`select 1 / 0`))
      const [row] = await inMerchant((tx) => tx.sql`select count(*)::int as n from location`)
      expect(row?.n).toBe(1)
    }
  })

  test('what fails first is told, in whatever order statements that travel together are awaited', async () => {
    const later = (first: (tx: Tx) => Promise<unknown>) =>
      inMerchant(async (tx) => {
        first(tx).catch(() => {})
        await tx.sql`select 1`
      })
    expect(await failureOf(later((tx) => tx.sql`select 1 / 0`.execute()))).toMatchObject({ code: '22012' })
    expect(errorCode(await failureOf(later((tx) => tx.execute(sql`select 1 / 0`).then())))).toBe('22012')
    // So that what is done again after a deadlock is, also then.
    await house.admin`
      create function public.raise_deadlock() returns void language plpgsql as $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$`
    let times = 0
    const deadlocked = inMerchant(async (tx) => {
      times += 1
      if (times === 1) tx.sql`select raise_deadlock()`.execute().catch(() => {})
      const [row] = await tx.sql`select 1 as one`
      return row!.one
    })
    expect(await deadlocked).toBe(1)
    expect(times).toBe(2)
  })

  test('an error while opening outranks the failures it causes', async () => {
    const stranger = { ...house.first, id: '00000000-0000-0000-0000-000000000009' }
    const router = house.openRouter({ cellUrls: { [CELL]: wire.url } })
    // Every query after the failed opening answers 25P02, "current transaction is aborted"; nobody wants to hear that.
    const outcome = failureOf(router.inMerchant(stranger)((tx) => Promise.all([tx.sql`select 1`, tx.sql`select 2`])))
    expect(await outcome).toMatchObject({ code: 'merchant_unknown' })
    expect(errorCode(((await outcome) as DoorError).cause)).toBe('MV001')
  })
})

describe('the read door', () => {
  test.each(['insert', 'update', 'delete'])('lets nobody %s: a reader holds no lock against a move', async (verb) => {
    const statements: Record<string, (tx: Tx) => Query> = {
      insert: (tx) => tx.sql`insert into location (merchant_id, name) values (${tx.merchantId}, 'x')`,
      update: (tx) => setNumber(tx, 1),
      delete: (tx) => tx.sql`delete from location where merchant_id = ${tx.merchantId}`,
    }
    expect(await failureOf(inMerchant.read(async (tx) => statements[verb]!(tx)))).toMatchObject({ code: '25006' })
  })

  test('answers while the home is fenced; the write door does not', async () => {
    await house.admin`update tenancy.home set state = 'fenced' where merchant_id = ${house.first.id}`
    try {
      const [rows] = await inMerchant.readOnce((tx) => [tx.sql`select 1 as one`])
      expect(rows).toEqual([{ one: 1 }])
      expect(await failureOf(inMerchant((tx) => tx.sql`select 1`))).toMatchObject({ code: 'merchant_moving' })
    } finally {
      await house.admin`update tenancy.home set state = 'active' where merchant_id = ${house.first.id}`
    }
  })
})

describe('a connection that is lost', () => {
  /** The server gets the COMMIT; the connection ends before the client hears of it. */
  const cutAfterCommit = () => {
    let committing = false
    wire.onMessage = (letter, body) => {
      if (letter === 'P' && body.includes('\0commit\0')) committing = true
      return letter === 'S' && committing ? 'cut' : 'pass'
    }
  }

  test('after COMMIT was sent the outcome is unknown, never "not committed"', async () => {
    const router = house.openRouter({ cellUrls: { [CELL]: wire.url } })
    cutAfterCommit()
    const failure = await failureOf(router.inMerchant(house.first)((tx) => setNumber(tx, 99)))
    expect(failure).toMatchObject({ code: 'commit_unknown' })
    await until('the server has committed what the caller was not told of', async () => (await numberNow()) === 99n)
  })

  test('after COMMIT of `finish` too', async () => {
    const router = house.openRouter({ cellUrls: { [CELL]: wire.url } })
    cutAfterCommit()
    const failure = await failureOf(router.inMerchant(house.first)((tx) => tx.finish([setNumber(tx, 98)])))
    expect(failure).toMatchObject({ code: 'commit_unknown' })
    await until('the server has committed what the caller was not told of', async () => (await numberNow()) === 98n)
  })

  test('a reader has nothing to be unsure of: the database is unavailable', async () => {
    const router = house.openRouter({ cellUrls: { [CELL]: wire.url } })
    cutAfterCommit()
    const failure = await failureOf(router.inMerchant(house.first).readOnce((tx) => [tx.sql`select 1`]))
    expect(failure).toMatchObject({ code: 'cell_unavailable' })
  })

  test('in the middle of the work nothing was committed, and says so', async () => {
    const router = house.openRouter({ cellUrls: { [CELL]: wire.url } })
    const failure = await failureOf(
      router.inMerchant(house.first)(async (tx) => {
        await setNumber(tx, 97)
        wire.sever()
        await tx.sql`select 1`
      }),
    )
    expect(failure).toMatchObject({ code: 'cell_unavailable' })
    expect(await numberNow()).toBe(0n)
  })
})

describe('two transactions that wait for each other', () => {
  test('both succeed: the one that the database chose to end is run again, from its beginning', async () => {
    await house.admin`insert into location (merchant_id, name) values (${house.first.id}, 'a'), (${house.first.id}, 'b')`
    let runs = 0
    let holding = 0
    let bothHoldOne: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      bothHoldOne = resolve
    })
    const lockBoth = (one: string, other: string) =>
      house.router.inMerchant(house.first)(async (tx) => {
        runs += 1
        const attempt = runs
        await tx.sql`update location set name = name where merchant_id = ${tx.merchantId} and name = ${one}`
        holding += 1
        if (holding === 2) bothHoldOne()
        if (attempt <= 2) await held
        await tx.sql`update location set name = name where merchant_id = ${tx.merchantId} and name = ${other}`
      })
    await Promise.all([lockBoth('a', 'b'), lockBoth('b', 'a')])
    // Who runs again may be quicker to the first row than the other is to wake up: then they meet once more.
    expect(runs).toBeGreaterThanOrEqual(3)
  })
})

test('a statement that a migration made stale is prepared afresh, unseen by the caller, by reader and writer', async () => {
  const router = house.openRouter({ connectionsPerCell: 1 })
  const open = router.inMerchant(house.first)
  const doors = {
    read: () => open.readOnce((tx) => [tx.sql`select * from merchant_counter`]),
    write: () => open((tx) => tx.sql`select * from merchant_counter`),
  }
  for (const [name, ask] of Object.entries(doors)) {
    await ask()
    await house.admin.unsafe(`alter table merchant_counter add added_for_${name} integer`)
    const rows = (await ask()).flat() as Record<string, unknown>[]
    expect(rows).toHaveLength(1)
    expect(rows[0]).toHaveProperty(`added_for_${name}`)
  }
})
