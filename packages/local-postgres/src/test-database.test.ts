import postgres from 'postgres'
import { afterAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from './test-database.ts'

const made: TestDatabase[] = []
afterAll(() => Promise.all(made.map((database) => database.drop())))

async function fresh(): Promise<TestDatabase> {
  const database = await createTestDatabase()
  made.push(database)
  return database
}

test('gives a migrated database owned by souk_owner, reachable as each role', async () => {
  const database = await fresh()
  const owner = postgres(database.url('souk_owner'), { max: 1 })
  const app = postgres(database.url('souk_app'), { max: 1 })
  try {
    const [history] = await owner`select count(*)::int as files from migration.history`
    expect(history?.files).toBeGreaterThan(0)
    const [row] = await owner`select pg_get_userbyid(datdba) as owner from pg_database where datname = current_database()`
    expect(row?.owner).toBe('souk_owner')
    const [me] = await app`select current_user as name, current_database() as database`
    expect(me).toEqual({ name: 'souk_app', database: database.name })
  } finally {
    await Promise.all([owner.end(), app.end()])
  }
})

test('clones many at once, each apart from the others', async () => {
  const [first, ...others] = await Promise.all(Array.from({ length: 6 }, fresh))
  const writer = postgres(first!.adminUrl, { max: 1 })
  await writer`create table only_here (id int)`
  await writer.end()
  for (const other of others) {
    const reader = postgres(other.adminUrl, { max: 1 })
    const [found] = await reader`select to_regclass('only_here') as name`
    await reader.end()
    expect(found?.name).toBeNull()
  }
})

test('drops a database that still has sessions', async () => {
  const database = await createTestDatabase()
  const session = postgres(database.adminUrl, { max: 1, onnotice: () => {} })
  await session`select 1`
  await database.drop()
  await expect(session`select 1`).rejects.toThrow()
  await session.end({ timeout: 1 })
})
