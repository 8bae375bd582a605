import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { answered, DriverLoad, eventually, LEDGER } from './driver-load.ts'

const POOLS = [
  { name: 'a pool of one', options: { max: 1 }, workers: 4, kills: 300 },
  { name: 'a pool of one that fetches no types', options: { max: 1, fetch_types: false }, workers: 3, kills: 200 },
  { name: 'a pool of several', options: { max: 4 }, workers: 12, kills: 300 },
  { name: 'a pool of several with short pipelines', options: { max: 3, max_pipeline: 2, fetch_types: false }, workers: 9, kills: 200 },
]

let database: TestDatabase
let admin: postgres.Sql
const escaped: unknown[] = []
const noteEscape = (error: unknown) => escaped.push(error)

beforeAll(async () => {
  process.on('uncaughtException', noteEscape)
  process.on('unhandledRejection', noteEscape)
  database = await createTestDatabase()
  admin = postgres(database.adminUrl, { max: 8, onnotice: () => {} })
  await admin.unsafe(LEDGER)
})

afterAll(async () => {
  process.off('uncaughtException', noteEscape)
  process.off('unhandledRejection', noteEscape)
  await admin.end()
  await database.drop()
})

describe.each(POOLS)('a thousand backends killed in mid-transaction: $name', ({ name, options, workers, kills }) => {
  test(`${kills} kills leave no stray row, no foreign row, no call unanswered and no connection behind`, async () => {
    await admin`truncate driver_leg`
    escaped.length = 0
    const sql = postgres(database.url('souk_app'), { ...options, connection: { application_name: name }, onnotice: () => {} })
    onTestFinished(() => answered(sql.end({ timeout: 1 }), 2_000).catch(() => {}))
    const load = new DriverLoad(sql, admin)

    await load.run(kills, workers)

    expect({ findings: load.findings, ledger: await findingsOfLedger(load), escaped }).toEqual({ findings: [], ledger: [], escaped: [] })
    expect(load.killed).toBeGreaterThanOrEqual(kills)
    await eventually(async () => (await sessions(name, 'xact_start is not null')) === 0, 'nothing is left in a transaction')
    expect(await placesOf(sql, options.max)).toBe(options.max)
    await answered(sql.end())
    await eventually(async () => (await sessions(name, 'true')) === 0, 'no connection is left')
    expect(escaped).toEqual([])
  })
})

/** What the rows say against what the callers were told: all legs of a committed transfer, none of a failed one, none of another's. */
async function findingsOfLedger(load: DriverLoad): Promise<string[]> {
  const rows = await admin<{ transfer: number; legs: number; foreign: boolean }[]>`
    select transfer, count(*)::int as legs, bool_or(intended <> merchant) as foreign from driver_leg group by transfer`
  const legs = new Map(rows.map((row) => [row.transfer, row.legs]))
  const foreign = rows.filter((row) => row.foreign).map((row) => `transfer ${row.transfer} was written as another merchant`)
  const torn = [...load.transfers.values()].flatMap(({ id, outcome, finishing }) => {
    const found = legs.get(id) ?? 0
    const allowed = outcome === 'committed' ? [2] : finishing ? [0, 2] : [0]
    return allowed.includes(found) ? [] : [`transfer ${id}, ${outcome}, has ${found} of 2 legs`]
  })
  return [...foreign, ...torn]
}

async function sessions(name: string, condition: string): Promise<number> {
  const [row] = await admin<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity
    where datname = current_database() and application_name = ${name} and ${admin.unsafe(condition)}`
  return row!.count
}

/** How many connections the pool can use at once. */
async function placesOf(sql: postgres.Sql, max: number): Promise<number> {
  const held = Array.from({ length: max }, () =>
    sql.begin(async (scope) => {
      const [backend] = await scope<{ pid: number }[]>`select pg_backend_pid() as pid, pg_sleep(0.1)`
      return backend!.pid
    }),
  )
  return new Set(await answered(Promise.all(held))).size
}
