import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CELL, failureOf, openTestHouse, type TestHouse } from './test-merchants.ts'

let house: TestHouse
beforeAll(async () => {
  house = await openTestHouse({ connectionsPerCell: 1 })
})
afterAll(() => house.close())

/** A single connection as the application's role, without the door. */
async function bare<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(house.database.url('souk_app'), { max: 1, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end()
  }
}

describe('pitfall 17: a session-level setting leaks to the next borrower', () => {
  test('two merchants take turns on one connection and each sees its own rows alone', async () => {
    const pids = new Set<number>()
    for (let turn = 0; turn < 20; turn += 1) {
      const merchant = turn % 2 === 0 ? house.first : house.second
      const open = turn % 4 < 2 ? house.router.inMerchant(merchant) : house.router.inMerchant(merchant).read
      const rows = await open(
        (tx) => tx.sql<{ merchant_id: string; pid: number }[]>`select merchant_id, pg_backend_pid() as pid from location`,
      )
      expect(rows.map((row) => row.merchant_id)).toEqual([merchant.id])
      for (const row of rows) pids.add(row.pid)
    }
    expect(pids.size).toBe(1)
  })

  test('statements of two merchants that travel together on one connection each see their own rows alone', async () => {
    const stale = { ...house.second, epoch: 2n }
    const asked = Array.from({ length: 60 }, (_, n) => [house.first, house.second, stale][n % 3]!)
    const answers = await Promise.all(
      asked.map((merchant) => {
        const text = `asked for ${merchant.id}`
        return house.router.inMerchant(merchant).readOne(
          (door) => door.sql`
            with door as materialized (${door.entered})
            select l.merchant_id, pg_backend_pid() as pid, ${text}::text as asked
            from door cross join lateral (select merchant_id from location where merchant_id = door.merchant_id limit 5) l`,
        )
      }),
    )
    // The stale entry was refused in between, and followed home.
    expect(answers.map((rows) => rows.map((row) => [row.merchant_id, row.asked]))).toEqual(asked.map(({ id }) => [[id, `asked for ${id}`]]))
    expect(new Set(answers.flat().map((row) => row.pid)).size).toBe(1)
  })

  test('neither a commit, nor a rollback, nor a failed statement leaves the merchant on the connection', async () => {
    await bare(async (sql) => {
      const enter = () => sql`select tenancy.enter(${house.first.id}, 1)`
      for (const end of ['commit', 'rollback', 'failure'] as const) {
        await sql`begin`
        await enter()
        if (end === 'failure') await failureOf(sql`select 1 / 0`)
        await sql.unsafe(end === 'commit' ? 'commit' : 'rollback')
        const [setting] = await sql`select current_setting('app.merchant_id', true) as value`
        expect(setting?.value, end).toBe('')
      }
    })
  })
})

describe('pitfall 18: without a merchant a query must raise, never answer with nothing', () => {
  const statements = {
    select: 'select * from location',
    'select of one row': `select * from location where merchant_id = '00000000-0000-0000-0000-000000000001'`,
    insert: `insert into location (merchant_id, name) values ('00000000-0000-0000-0000-000000000001', 'x')`,
    update: `update location set name = 'x'`,
    delete: 'delete from location',
  }

  test.each(Object.entries(statements))('on a fresh connection: %s', async (_name, statement) => {
    // 42704: the setting has never been heard of.
    expect(await bare((sql) => failureOf(sql.unsafe(statement)))).toMatchObject({ code: '42704' })
  })

  test.each(Object.entries(statements))('on a connection that has served a merchant: %s', async (_name, statement) => {
    const failure = await bare(async (sql) => {
      await sql`begin`
      await sql`select tenancy.enter(${house.first.id}, 1)`
      await sql`select * from location`
      await sql`commit`
      return failureOf(sql.unsafe(statement))
    })
    // 22P02: the setting is there and is '', which is no uuid.
    expect(failure).toMatchObject({ code: '22P02' })
  })
})

describe('pitfall 19: a plan made for one merchant must not answer for another', () => {
  const prepareAsFirstAskAsSecond = (table: string) =>
    bare(async (sql) => {
      const ask = async (merchantId: string) => {
        await sql`begin`
        await sql`select tenancy.enter(${merchantId}, 1)`
        // No parameters, no condition: only the policy chooses, and PostgreSQL keeps the plan from the first time on.
        const rows = await sql<{ merchant_id: string }[]>`select merchant_id from ${sql(table)}`
        await sql`commit`
        return rows.map((row) => row.merchant_id)
      }
      for (let round = 0; round < 8; round += 1) expect(await ask(house.first.id)).toEqual([house.first.id])
      return ask(house.second.id)
    })

  test('prepared as the first merchant, executed as the second', async () => {
    expect(await prepareAsFirstAskAsSecond('location')).toEqual([house.second.id])
  })

  test('and an IMMUTABLE function in the policy would be caught doing it', async () => {
    await house.admin.unsafe(`
      create function app.frozen_merchant() returns uuid language sql immutable as $$ select current_setting('app.merchant_id')::uuid $$;
      create table frozen (merchant_id uuid not null, primary key (merchant_id));
      insert into frozen select merchant_id from location;
      alter table frozen enable row level security;
      create policy only_mine on frozen using (merchant_id = app.frozen_merchant());
      grant select on frozen to souk_app;`)
    try {
      expect(await prepareAsFirstAskAsSecond('frozen')).toEqual([house.first.id])
    } finally {
      await house.admin`drop table frozen`
      await house.admin`drop function app.frozen_merchant()`
    }
  })
})

test('pitfall 24: a table shows everything until it is protected, and then one merchant alone', async () => {
  await house.admin.unsafe(`
    set role souk_owner;
    create table unguarded (merchant_id uuid not null, primary key (merchant_id));
    grant select on unguarded to souk_app;
    reset role;
    insert into unguarded select merchant_id from location;`)
  const seen = () => house.router.inMerchant(house.first).read((tx) => tx.sql<{ merchant_id: string }[]>`select merchant_id from unguarded`)
  try {
    expect((await seen()).length).toBe(2)
    await house.admin.unsafe(`set role souk_owner; select app.protect('unguarded'); reset role`)
    expect((await seen()).map((row) => row.merchant_id)).toEqual([house.first.id])
  } finally {
    await house.admin`drop table unguarded`
  }
})

describe('pitfall 7: a snapshot older than the fence', () => {
  test.each(['repeatable read', 'serializable'])('a writer in %s is refused', async (level) => {
    const failure = await bare(async (sql) => {
      await sql.unsafe(`begin isolation level ${level}`)
      return failureOf(sql`select tenancy.enter(${house.first.id}, 1)`)
    })
    expect(failure).toMatchObject({ code: 'MV002' })
  })

  test('a writer who waited for the lock while the home was fenced is refused, because it looks after it has the lock', async () => {
    const [merchant] = await house.addMerchants(1)
    const mover = await house.admin.reserve()
    await mover`begin`
    await mover`select pg_advisory_xact_lock(hashtextextended(${merchant!.id}, 4242))`
    const outcome = bare(async (sql) => {
      await sql`begin`
      return failureOf(sql`select tenancy.enter(${merchant!.id}, 1)`)
    })
    await waitingForLock()
    await mover`update tenancy.home set state = 'fenced' where merchant_id = ${merchant!.id}`
    await mover`commit`
    mover.release()
    expect(await outcome).toMatchObject({ code: 'MV001' })
  })

  async function waitingForLock(): Promise<void> {
    const deadline = performance.now() + 180_000
    for (;;) {
      const waiting = await house.admin`select 1 from pg_locks where locktype = 'advisory' and not granted and database = (
        select oid from pg_database where datname = current_database())`
      if (waiting.length > 0) return
      if (performance.now() > deadline) throw new Error('nobody came to wait for the lock')
    }
  }
})

describe('another merchant is out of reach inside the door', () => {
  test('its rows are not found, not changed and not deleted, whatever the condition says', async () => {
    const other = house.second.id
    const counts = await house.router.inMerchant(house.first)(async (tx) => {
      const found = await tx.sql`select 1 from location where merchant_id = ${other}`
      const changed = await tx.sql`update location set name = 'stolen' where merchant_id = ${other}`
      const deleted = await tx.sql`delete from location where merchant_id = ${other}`
      return [found.count, changed.count, deleted.count]
    })
    expect(counts).toEqual([0, 0, 0])
    const rows = await house.router.inMerchant(house.second).read((tx) => tx.sql`select name from location`)
    expect(rows.map((row) => row.name)).toEqual([`location of ${other}`])
  })

  test('a row cannot be written for it, nor handed over to it', async () => {
    const into = failureOf(
      house.router.inMerchant(house.first)((tx) => tx.sql`insert into location (merchant_id, name) values (${house.second.id}, 'x')`),
    )
    expect(await into).toMatchObject({ code: '42501' })
    const over = failureOf(house.router.inMerchant(house.first)((tx) => tx.sql`update location set merchant_id = ${house.second.id}`))
    expect(await over).toMatchObject({ code: '42501' })
  })

  test('a foreign key does not accept its rows', async () => {
    const variant = house.admin
    const [product] = await variant`
      insert into product (merchant_id, handle, title, option_names, status, published)
      values (${house.second.id}, 'tea', 'Tea', '{Size}', 'active', true) returning id`
    const failure = await failureOf(
      house.router.inMerchant(house.first)(
        (tx) =>
          tx.sql`insert into product_image (merchant_id, product_id, position, url) values (${tx.merchantId}, ${product!.id}, 1, 'https://x')`,
      ),
    )
    expect(failure).toMatchObject({ code: '23503' })
    expect((failure as { detail?: string }).detail ?? '').not.toContain(house.second.id)
  })

  test('a cell name it has no address for opens nothing', async () => {
    const lost = { ...house.first, cell: `${CELL}-of-nobody` }
    expect(await failureOf(house.router.inMerchant(lost)((tx) => tx.sql`select 1`))).toMatchObject({ code: 'cell_unavailable' })
  })
})
