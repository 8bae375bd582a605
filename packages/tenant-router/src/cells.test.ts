import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { MerchantEntry } from './merchant-entry.ts'
import type { InMerchant } from './router.ts'
import { CELL, failureOf, openTestHouse, type TestHouse, until } from './test-merchants.ts'

let house: TestHouse
let other: { database: TestDatabase; admin: postgres.Sql; url: string }
let merchant: MerchantEntry

beforeAll(async () => {
  house = await openTestHouse()
  const database = await createTestDatabase()
  other = { database, admin: postgres(database.adminUrl, { max: 1, onnotice: () => {} }), url: database.url('souk_app') }
})
afterAll(async () => {
  await other.admin.end()
  await house.close()
  await other.database.drop()
})
beforeEach(async () => {
  const [added] = await house.addMerchants(1)
  merchant = added!
})

const here = () => house.database.url('souk_app')
const homeOf = (inMerchant: InMerchant, how: 'read' | 'readStale' = 'read') =>
  inMerchant[how](async (tx) => {
    const [row] = await tx.sql<{ name: string }[]>`select current_database() as name`
    return row!.name
  })

describe('addresses that change while a process runs', () => {
  test('a cell that was added is reached at once', async () => {
    const router = house.openRouter()
    await house.admin`insert into platform.cell (name, kind) values ('later', 'shared')`
    const [late] = await house.addMerchants(1, { cell: 'later', admin: other.admin })
    expect(await failureOf(homeOf(router.inMerchant(late!)))).toMatchObject({ code: 'cell_unavailable' })
    router.readdress({ cellUrls: { [CELL]: here(), later: other.url } })
    expect(await homeOf(router.inMerchant(late!))).toBe(other.database.name)
  })

  test('who is at work at an old address finishes there, and the next one goes to the new', async () => {
    const router = house.openRouter()
    await other.admin`insert into tenancy.home (merchant_id, epoch, state) values (${merchant.id}, 1, 'active')`
    const [begun, may] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const working = router.inMerchant(merchant)(async (tx) => {
      begun.resolve()
      await may.promise
      const [row] = await tx.sql<{ name: string }[]>`select current_database() as name`
      return row!.name
    })
    await begun.promise
    router.readdress({ cellUrls: { [CELL]: other.url } })
    expect(await homeOf(router.inMerchant(merchant))).toBe(other.database.name)
    may.resolve()
    expect(await working).toBe(house.database.name)
  })

  test('a cell that lost its address is reached no more', async () => {
    const router = house.openRouter()
    expect(await homeOf(router.inMerchant(merchant))).toBe(house.database.name)
    router.readdress({ cellUrls: {} })
    expect(await failureOf(homeOf(router.inMerchant(merchant)))).toMatchObject({ code: 'cell_unavailable' })
  })

  test('the directory tells of cells: that there is one more, and what became of it', async () => {
    let told = 0
    const router = house.openRouter({ onCells: () => (told += 1) })
    await router.listen()
    await until('it was told at the beginning', () => told > 0)
    let before = told
    await house.admin`insert into platform.cell (name, kind) values ('told', 'dedicated')`
    await until('it was told of the new cell', () => told > before)
    expect(await router.directory.cells()).toContainEqual({ name: 'told', kind: 'dedicated', status: 'open' })
    before = told
    await house.admin`update platform.cell set status = 'draining' where name = 'told'`
    await until('it was told of the change', () => told > before)
    expect(await router.directory.cells()).toContainEqual({ name: 'told', kind: 'dedicated', status: 'draining' })
  })
})

// A second database that is filled by hand stands for the replica: what counts here is who is asked, and when not.
describe('reads that may lag', () => {
  const withReplica = (replica = other.url) => house.openRouter({ replicaUrls: { [CELL]: replica } }).inMerchant(merchant)

  test('are asked of the replica, and all others of the database itself', async () => {
    await other.admin`insert into tenancy.home (merchant_id, epoch, state) values (${merchant.id}, 1, 'active')`
    const inMerchant = withReplica()
    expect(await homeOf(inMerchant, 'readStale')).toBe(other.database.name)
    expect(await homeOf(inMerchant)).toBe(house.database.name)
    expect(await inMerchant((tx) => tx.sql`select current_database() as name`)).toEqual([{ name: house.database.name }])
  })

  test('are asked of the database where the cell has no replica', async () => {
    expect(await homeOf(house.router.inMerchant(merchant), 'readStale')).toBe(house.database.name)
  })

  test.each([
    ['does not know the merchant yet', async () => other.url],
    ['is behind its last move', () => arrive(2).then(() => other.url)],
    ['is away', async () => Object.assign(new URL(other.url), { pathname: '/no_such_database' }).toString()],
  ])('are asked of the database when the replica %s', async (_what, replica) => {
    expect(await homeOf(withReplica(await replica()), 'readStale')).toBe(house.database.name)
  })

  test('see one merchant only, and cannot write', async () => {
    await arrive(1)
    await other.admin`insert into location (merchant_id, name) select id, 'hers' from unnest(${[merchant.id, house.first.id]}::uuid[]) as id`
    const inMerchant = withReplica()
    const names = await inMerchant.readStale((tx) => tx.sql`select merchant_id from location`)
    expect(names.map((row) => row.merchant_id)).toEqual([merchant.id])
    const refused = await failureOf(inMerchant.readStale((tx) => tx.sql`delete from location where merchant_id = ${tx.merchantId}`))
    expect(refused).toMatchObject({ code: '25006' })
  })

  test('of a suspended merchant are refused like any other', async () => {
    const suspended = house.openRouter({ replicaUrls: { [CELL]: other.url } }).inMerchant({ ...merchant, status: 'suspended' })
    expect(await failureOf(homeOf(suspended, 'readStale'))).toMatchObject({ code: 'merchant_suspended' })
  })

  const arrive = async (epoch: number) =>
    other.admin`insert into tenancy.home (merchant_id, epoch, state) values (${merchant.id}, ${epoch}, 'active')`
})
