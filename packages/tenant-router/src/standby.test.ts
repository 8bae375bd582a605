import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { roleUrl, TEST_PATIENCE } from '@souk/local-postgres/test-server.ts'
import { type Standby, startStandby } from '@souk/local-postgres/testing/standby.ts'
import { makeFleetingFolder } from '@souk/local-postgres/throwaway-folder.ts'
import { ensureRoles, ROLE_NAMES, type RoleName } from '@souk/migrations/roles.ts'
import { migrate } from '@souk/migrations/run.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MerchantEntry } from './merchant-entry.ts'
import type { InMerchant } from './router.ts'
import { failureOf, openTestHouse, type TestHouse, until } from './test-merchants.ts'

// Reads that may lag, on a real standby that streams from its primary. Who is asked when is in cells.test.ts.

const REPLICATED = 'replicated-1'

let house: TestHouse
let folder: string
let primary: LocalServer
let standby: Standby
let atPrimary: postgres.Sql
let atStandby: postgres.Sql
let merchant: MerchantEntry
let inMerchant: InMerchant

beforeAll(async () => {
  house = await openTestHouse()
  folder = makeFleetingFolder()
  primary = await startServer({ dataDir: join(folder, 'data'), durable: false })
  const passwords = Object.fromEntries(ROLE_NAMES.map((role) => [role, randomUUID()])) as Record<RoleName, string>
  await ensureRoles({ adminUrl: primary.adminUrl(), database: 'cell', passwords, patience: TEST_PATIENCE })
  const url = (server: LocalServer, role: RoleName) => roleUrl({ adminUrl: server.adminUrl(), passwords }, role, 'cell')
  await migrate({ url: url(primary, 'souk_owner'), sets: ['cell'] })
  atPrimary = postgres(primary.adminUrl('cell'), { max: 2, onnotice: () => {} })
  standby = await startStandby(primary, join(folder, 'data'))
  atStandby = postgres(standby.server.adminUrl('cell'), { max: 2, onnotice: () => {} })
  await house.admin`insert into platform.cell (name, kind) values (${REPLICATED}, 'shared')`
  const [added] = await house.addMerchants(1, { cell: REPLICATED, admin: atPrimary })
  merchant = added!
  const [cellUrls, replicaUrls] = [primary, standby.server].map((server) => ({ [REPLICATED]: url(server, 'souk_app') }))
  inMerchant = house.openRouter({ cellUrls: cellUrls!, replicaUrls: replicaUrls! }).inMerchant(merchant)
  await standby.caughtUp()
})
afterAll(async () => {
  await Promise.all([atPrimary?.end(), atStandby?.end()])
  await house?.close()
  await standby?.stop()
  await primary?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** While it holds back what it receives. */
async function whileBehind<T>(work: () => Promise<T>): Promise<T> {
  await atStandby`select pg_wal_replay_pause()`
  await until('it holds back', async () => (await atStandby`select pg_get_wal_replay_pause_state() as is`)[0]!.is === 'paused')
  try {
    return await work()
  } finally {
    await atStandby`select pg_wal_replay_resume()`
  }
}

const look = async (how: 'read' | 'readStale') => {
  const [row] = await inMerchant[how](
    (tx) => tx.sql`
      select order_number::int as number, pg_is_in_recovery() as "isStandby" from merchant_counter where merchant_id = ${tx.merchantId}`,
  )
  return row
}
const countUp = () =>
  inMerchant((tx) => tx.sql`update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId}`)

test('reads that may lag are asked of the standby, and are as old as what it has', async () => {
  expect(await look('readStale')).toEqual({ number: 0, isStandby: true })
  await whileBehind(async () => {
    await countUp()
    expect(await look('readStale')).toEqual({ number: 0, isStandby: true })
    expect(await look('read')).toEqual({ number: 1, isStandby: false })
  })
  await standby.caughtUp()
  expect(await look('readStale')).toEqual({ number: 1, isStandby: true })
})

test('nothing can be written there, by whoever asks', async () => {
  const deleting = inMerchant.readStale((tx) => tx.sql`delete from location where merchant_id = ${tx.merchantId}`)
  expect(await failureOf(deleting)).toMatchObject({ code: '25006' })
})

test('a standby that has not heard of the last move of a merchant is passed over', async () => {
  await whileBehind(async () => {
    await atPrimary`update tenancy.home set epoch = 2 where merchant_id = ${merchant.id}`
    await house.admin`update platform.home set epoch = 2 where merchant_id = ${merchant.id}`
    // As soon as this process knows of it.
    await look('read')
    expect(await look('readStale')).toMatchObject({ isStandby: false })
  })
  await standby.caughtUp()
  expect(await look('readStale')).toMatchObject({ isStandby: true })
})

test('a reader who has to give way to what is replayed is served by the primary', async () => {
  const asked: boolean[] = []
  const rows = await inMerchant.readStale(async (tx) => {
    const [row] = await tx.sql`select pg_is_in_recovery() as is, count(*)::int as n from location where merchant_id = ${tx.merchantId}`
    asked.push(row!.is as boolean)
    if (row!.is) {
      await atPrimary`alter table location add column given_way_to boolean`
      // Ended by the standby, which cannot take the column while somebody reads.
      await tx.sql`select pg_sleep(4)`
    }
    return tx.sql`select name from location where merchant_id = ${tx.merchantId}`
  })
  expect(asked).toEqual([true, false])
  expect(rows).toHaveLength(1)
  await atPrimary`alter table location drop column given_way_to`
  await standby.caughtUp()
})

test('one that is away is passed over', async () => {
  await standby.stop()
  expect(await look('readStale')).toMatchObject({ number: 1, isStandby: false })
})
