import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failureOf, openTestHouse, type TestHouse } from './test-merchants.ts'

let house: TestHouse
let app: postgres.Sql
let foreignId: string

beforeAll(async () => {
  house = await openTestHouse()
  app = postgres(house.database.url('souk_app'), { max: 1, onnotice: () => {} })
  for (const merchant of [house.first, house.second]) {
    await house.admin`
      insert into location (merchant_id, name) select ${merchant.id}::uuid, 'warehouse ' || n from generate_series(1, 2000) as n`
  }
  await house.admin`vacuum analyze location`
  const [row] = await house.admin`select id from location where merchant_id = ${house.second.id} order by id limit 1 offset 1000`
  foreignId = row!.id
})
afterAll(async () => {
  await app.end()
  await house.close()
})

describe('pitfall 30: what row security does not cover', () => {
  test('TRUNCATE, which ignores policies: denied on every table there is', async () => {
    const tables = await house.admin<{ name: string }[]>`
      select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'`
    expect(tables.length).toBeGreaterThan(20)
    for (const { name } of tables) expect(await failureOf(app.unsafe(`truncate ${name} cascade`)), name).toMatchObject({ code: '42501' })
  })

  test('sequences, which count everybody`s rows: none in tenant tables, none readable elsewhere', async () => {
    const sequences = await house.admin<{ name: string; schema: string }[]>`
      select c.oid::regclass::text as name, n.nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'S'`
    expect(sequences.filter((sequence) => sequence.schema === 'public')).toEqual([])
    for (const { name } of sequences) {
      expect(await failureOf(app.unsafe(`select last_value from ${name}`)), name).toMatchObject({ code: '42501' })
      expect(await failureOf(app.unsafe(`select nextval('${name}')`)), name).toMatchObject({ code: '42501' })
    }
  })

  test('time: a foreign id takes the same pages as a missing one', async () => {
    const foreign = await pagesFor(foreignId)
    const missing = await pagesFor(randomUUID())
    expect(foreign.rows).toBe(0)
    expect(foreign).toEqual(missing)
  })

  // A busy machine may be slower for a while at one of the two; a leak is there every time.
  test('time: a foreign id takes as long as a missing one', { retry: 10 }, async () => {
    const times = { foreign: [] as number[], missing: [] as number[] }
    await app`begin`
    await app`select tenancy.entered(${house.first.id}, 1)`
    for (let round = 0; round < 600; round += 1) {
      const pair = [['foreign', foreignId] as const, ['missing', randomUUID()] as const]
      // Each goes first as often as the other.
      for (const [kind, id] of round % 2 === 0 ? pair : pair.toReversed()) {
        const started = performance.now()
        const rows = await app`select name from location where merchant_id = ${house.first.id} and id = ${id}`
        // The first rounds plan and warm up.
        if (round >= 100) times[kind].push(performance.now() - started)
        expect(rows.length).toBe(0)
      }
    }
    await app`commit`
    // The quick ones: those in which the machine did nothing else.
    const [foreign, missing] = [tenth(times.foreign), tenth(times.missing)]
    expect(Math.abs(foreign - missing)).toBeLessThan(Math.max(0.03, 0.15 * missing))
  })

  test('pg_stat_activity: what other roles are doing is not shown', async () => {
    const owner = postgres(house.database.url('souk_owner'), { max: 1 })
    const [backend] = await owner`select pg_backend_pid() as pid, 'a secret of the owner' as marker`
    const [shown] = await app`select query from pg_stat_activity where pid = ${backend!.pid}`
    expect(shown?.query).toBe('<insufficient privilege>')
    await owner.end()
  })

  test('pg_stat_activity: what other merchants of the same role are doing is shown without their values', async () => {
    const secret = `secret-${randomUUID()}`
    const text = await house.router.inMerchant(house.second)(async (tx) => {
      const [row] = await tx.sql`select pg_backend_pid() as pid, ${secret}::text as value`
      const [shown] = await app`select query from pg_stat_activity where pid = ${row!.pid}`
      return shown!.query as string
    })
    expect(text).toContain('pg_backend_pid() as pid')
    expect(text).not.toContain(secret)
  })

  test('catalogue statistics: the values that ANALYZE kept are not shown for tables under row security', async () => {
    const rows = await app`select * from pg_stats where schemaname = 'public' and tablename = 'location'`
    expect(rows.length).toBe(0)
  })

  test('large objects and files are no way around', async () => {
    expect(await failureOf(app`select pg_read_file('/etc/hostname')`)).toMatchObject({ code: '42501' })
    expect(await failureOf(app.unsafe(`copy location to program 'cat'`))).toMatchObject({ code: '42501' })
  })

  async function pagesFor(id: string): Promise<{ rows: number; pages: number; node: string; index: string }> {
    await app`begin`
    await app`select tenancy.entered(${house.first.id}, 1)`
    const explain = `explain (analyze, buffers, format json) select name from location where merchant_id = '${house.first.id}' and id = '${id}'`
    // The first time loads the catalogue into this backend and counts those pages too.
    await app.unsafe(explain)
    const [row] = await app.unsafe(explain)
    await app`commit`
    const plan = JSON.parse(JSON.stringify(row!['QUERY PLAN']))[0].Plan
    const leaf = plan.Plans?.[0] ?? plan
    return {
      rows: plan['Actual Rows'],
      pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
      node: leaf['Node Type'],
      index: leaf['Index Name'],
    }
  }
})

function tenth(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 10)]!
}
