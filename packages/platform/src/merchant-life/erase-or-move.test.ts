import { randomUUID } from 'node:crypto'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { requestMove } from '@souk/tenant-router/moves/move.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPlatformSql, type PlatformSql } from '../platform-sql.ts'
import { requestErasure } from './request-works.ts'

// A merchant is in two places while it moves, so it is erased or moved, never both, however close together the two are asked for.

const NOW = new Date('2026-03-01T10:00:00Z')

let database: TestDatabase
let directory: PlatformSql
let admin: postgres.Sql
let adminId: string

beforeAll(async () => {
  database = await createTestDatabase()
  directory = openPlatformSql(database.url('souk_platform'))
  admin = postgres(database.adminUrl, { max: 2, onnotice: () => {} })
  await admin`insert into platform.cell (name, kind) values ('shared-1', 'shared'), ('shared-2', 'shared')`
  const [row] = await admin`insert into platform.admin (email, password_hash) values ('admin@souk.example', 'none') returning id`
  adminId = row!.id as string
})
afterAll(async () => {
  await directory.end()
  await admin.end()
  await database.drop()
})

async function addMerchant(): Promise<{ id: string; slug: string }> {
  const merchant = { id: randomUUID(), slug: `shop-${randomUUID().slice(-12)}` }
  await admin`insert into platform.merchant (id, slug, name, status) values (${merchant.id}, ${merchant.slug}, 'Shop', 'active')`
  await admin`insert into platform.home (merchant_id, cell, epoch) values (${merchant.id}, 'shared-1', 1)`
  return merchant
}

const erase = (sql: PlatformSql, { id, slug }: { id: string; slug: string }) =>
  requestErasure(sql, id, { slug, reason: 'It asked for it.', archives: 'erase' }, { adminId, now: NOW })
const move = (sql: PlatformSql, { id }: { id: string }) => requestMove(sql, { merchantId: id, toCell: 'shared-2', by: adminId, now: NOW })

/** Begins the first, and the second while the first is not committed yet. Answers what came of the second. */
async function beside(first: (sql: PlatformSql) => Promise<unknown>, second: () => Promise<unknown>): Promise<string> {
  let outcome: Promise<string> | undefined
  await directory.begin(async (tx) => {
    // Its transaction is the one here.
    await first(Object.assign(tx, { begin: (work: (sql: unknown) => unknown) => work(tx) }) as unknown as PlatformSql)
    outcome = second().then(
      () => 'granted',
      (error) => error.code as string,
    )
    const waits = () => admin`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    for (let look = 0; look < 200 && (await waits()).length === 0; look += 1) await admin`select pg_sleep(0.05)`
    expect(await waits()).toHaveLength(1)
  })
  return outcome!
}

test('an erasure that is asked for while a move is being asked for is refused', async () => {
  const merchant = await addMerchant()
  expect(
    await beside(
      (sql) => move(sql, merchant),
      () => erase(directory, merchant),
    ),
  ).toBe('invalid_state')
  expect(await admin`select status from platform.merchant where id = ${merchant.id}`).toEqual([{ status: 'active' }])
})

test('a move that is asked for while an erasure is being asked for is refused', async () => {
  const merchant = await addMerchant()
  expect(
    await beside(
      (sql) => erase(sql, merchant),
      () => move(directory, merchant),
    ),
  ).toBe('merchant_unknown')
  expect(await admin`select from platform.move where merchant_id = ${merchant.id}`).toEqual([])
})
