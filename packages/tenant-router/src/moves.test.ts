import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DoorError, errorCode } from './door-error.ts'
import type { MerchantEntry } from './merchant-entry.ts'
import type { Router } from './router.ts'
import { CELL, failureOf, openTestHouse, type TestHouse, until } from './test-merchants.ts'
import type { Tx } from './tx.ts'

const FLIPS = 10

let house: TestHouse
let second: { database: TestDatabase; admin: postgres.Sql }
let router: Router

beforeAll(async () => {
  house = await openTestHouse()
  const database = await createTestDatabase()
  second = { database, admin: postgres(database.adminUrl, { max: 2, onnotice: () => {} }) }
  await house.admin`insert into platform.cell (name, kind) values ('shared-2', 'shared')`
  router = openRouter()
})
afterAll(async () => {
  await second.admin.end()
  await house.close()
  await second.database.drop()
})

/** A process with both cells in its configuration. It is never told of changes: it does not listen. */
function openRouter(): Router {
  return house.openRouter({ cellUrls: { [CELL]: house.database.url('souk_app'), 'shared-2': second.database.url('souk_app') } })
}

const adminOf = (cell: string) => (cell === CELL ? house.admin : second.admin)

async function addMerchant(): Promise<MerchantEntry> {
  const [merchant] = await house.addMerchants(1)
  return merchant!
}

/** What a move does, in small: fence behind the lock, copy, open the new home, and tell the directory. */
async function move(merchant: MerchantEntry, from: string, to: string, epoch: number): Promise<bigint> {
  await adminOf(from).begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${merchant.id}, 4242))`
    await sql`update tenancy.home set state = 'fenced' where merchant_id = ${merchant.id}`
  })
  const number = await numberIn(from, merchant)
  await adminOf(to).begin(async (sql) => {
    await sql`
      insert into merchant_counter (merchant_id, order_number) values (${merchant.id}, ${number.toString()})
      on conflict (merchant_id) do update set order_number = excluded.order_number`
    await sql`
      insert into tenancy.home (merchant_id, epoch, state) values (${merchant.id}, ${epoch}, 'active')
      on conflict (merchant_id) do update set epoch = excluded.epoch, state = 'active'`
  })
  await house.admin`update platform.home set cell = ${to}, epoch = ${epoch} where merchant_id = ${merchant.id}`
  await adminOf(from)`update tenancy.home set state = 'moved' where merchant_id = ${merchant.id}`
  return number
}

async function numberIn(cell: string, merchant: MerchantEntry): Promise<bigint> {
  const [row] = await adminOf(cell)`select order_number::text as number from merchant_counter where merchant_id = ${merchant.id}`
  return BigInt(row!.number)
}

const countUp = (door: Router, merchant: MerchantEntry) =>
  door.inMerchant(merchant)(
    (tx) => tx.sql`update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId}`,
  )

test('who still waits for a connection when the merchant moves is not sent to the old home any more', async () => {
  const merchant = await addMerchant()
  const narrow = house.openRouter({
    cellUrls: { [CELL]: house.database.url('souk_app'), 'shared-2': second.database.url('souk_app') },
    connectionsPerCell: 1,
  })
  const holding = Promise.withResolvers<void>()
  const other = narrow.withMerchant(house.second, () => holding.promise)
  const writing = countUp(narrow, merchant)
  await move(merchant, CELL, 'shared-2', 2)
  // Somebody else has met the new home. The old one would let a writer in: it must not be asked.
  await narrow.directory.refresh(merchant.id)
  await house.admin`update tenancy.home set state = 'active', epoch = 1 where merchant_id = ${merchant.id}`
  holding.resolve()
  await Promise.all([other, writing])
  expect([await numberIn(CELL, merchant), await numberIn('shared-2', merchant)]).toEqual([0n, 1n])
})

test('a process that knows a merchant has a connection where it is about to live', async () => {
  const merchant = await addMerchant()
  const listening = openRouter()
  await listening.listen()
  const connections = async () => {
    const [row] = await second.admin`
      select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'souk'`
    return row!.n as number
  }
  const announce = () => house.admin`select pg_notify('souk_switching', ${`${merchant.id} ${CELL} shared-2`})`
  const before = await connections()
  await announce()
  // Heard of in their order.
  const heard = listening.directory.nextChange(house.second.id, 60_000)
  await house.admin`select pg_notify('souk_directory', ${house.second.id})`
  expect(await heard).toBe(true)
  await listening.directory.byId(merchant.id)
  expect(await connections()).toBe(before)
  await announce()
  await until('there is one more', async () => (await connections()) === before + 1)
})

describe('pitfall 37: a stale router writes to the old home', () => {
  test(`through ${FLIPS} flips an entry from before the first one only meets MV001 and follows: nothing lost, nothing at an old home`, async () => {
    const merchant = await addMerchant()
    let acknowledged = 0n
    let moving = true
    const failures: unknown[] = []
    const writers = Array.from({ length: 4 }, async () => {
      const frozen = openRouter()
      while (moving) {
        try {
          await countUp(frozen, merchant)
          acknowledged += 1n
        } catch (error) {
          failures.push(error)
        }
      }
    })
    const left: { cell: string; number: bigint }[] = []
    for (let flip = 0; flip < FLIPS; flip += 1) {
      const [from, to] = flip % 2 === 0 ? [CELL, 'shared-2'] : ['shared-2', CELL]
      const before = acknowledged
      await until('something was written since the last flip', () => acknowledged > before + 5n)
      left.push({ cell: from!, number: await move(merchant, from!, to!, flip + 2) })
      // Nobody writes where the merchant no longer lives.
      expect(await numberIn(from!, merchant)).toBe(left.at(-1)!.number)
    }
    const before = acknowledged
    await until('something was written after the last flip', () => acknowledged > before + 5n)
    moving = false
    await Promise.all(writers)
    expect(failures).toEqual([])
    // An even number of flips: it is home again, and the other cell still has what it had when it was left.
    expect(await numberIn(CELL, merchant)).toBe(acknowledged)
    expect(await numberIn('shared-2', merchant)).toBe(left.at(-1)!.number)
  })

  test('readers follow too', async () => {
    const merchant = await addMerchant()
    await move(merchant, CELL, 'shared-2', 2)
    const [rows] = await router.inMerchant(merchant).readOnce((tx) => [tx.sql`select current_database() as name`])
    expect(rows).toEqual([{ name: second.database.name }])
  })

  test('an entry that was kept since before a move is good for as long as somebody keeps it, when the old cell is gone too', async () => {
    const merchant = await addMerchant()
    const kept = openRouter()
    const stream = kept.inMerchant(merchant)
    const homeNow = (sql: Tx['sql']) => sql<{ name: string }[]>`select current_database() as name`
    expect(await stream.read((tx) => homeNow(tx.sql))).toEqual([{ name: house.database.name }])
    await move(merchant, CELL, 'shared-2', 2)
    kept.readdress({ cellUrls: { 'shared-2': second.database.url('souk_app') } })
    expect(await stream.read((tx) => homeNow(tx.sql))).toEqual([{ name: second.database.name }])
    expect(await stream((tx) => homeNow(tx.sql))).toEqual([{ name: second.database.name }])
    // From then on it is not even looked for at the old home.
    expect(kept.directory.newest(merchant)).toMatchObject({ cell: 'shared-2', epoch: 2n })
    await house.admin`update platform.merchant set status = 'suspended' where id = ${merchant.id}`
    await kept.directory.refresh(merchant.id)
    expect(await failureOf(stream.read((tx) => homeNow(tx.sql)))).toMatchObject({ code: 'merchant_suspended' })
  })

  test('the right cell at an old epoch is refused and followed as well', async () => {
    const merchant = await addMerchant()
    await move(merchant, CELL, 'shared-2', 2)
    await move(merchant, 'shared-2', CELL, 3)
    await countUp(router, merchant)
    expect(await numberIn(CELL, merchant)).toBe(1n)
    expect(await numberIn('shared-2', merchant)).toBe(0n)
  })

  test('an epoch ahead of the home is no more welcome than one behind it', async () => {
    const merchant = await addMerchant()
    // Wrong in the hand of the caller: the directory puts it right.
    await countUp(router, { ...merchant, epoch: 9n })
    expect(await numberIn(CELL, merchant)).toBe(1n)
    // Wrong in the directory, as after a restore of the cell alone: nothing opens.
    await house.admin`update platform.home set epoch = 9 where merchant_id = ${merchant.id}`
    expect(await failureOf(countUp(openRouter(), { ...merchant, epoch: 9n }))).toMatchObject({ code: 'merchant_moving' })
    expect(await numberIn(CELL, merchant)).toBe(1n)
  })
})

describe('a home that cannot be written to', () => {
  test('is waited for: work goes on when the fence is lifted in time', async () => {
    const merchant = await addMerchant()
    await house.admin`update tenancy.home set state = 'fenced' where merchant_id = ${merchant.id}`
    const written = countUp(router, merchant)
    await until('it has asked the directory again', async () => (await router.directory.byId(merchant.id)) !== undefined)
    await house.admin`update tenancy.home set state = 'active' where merchant_id = ${merchant.id}`
    await written
    expect(await numberIn(CELL, merchant)).toBe(1n)
  })

  test('and given up after a while, with a reason to try again', async () => {
    const merchant = await addMerchant()
    await house.admin`update tenancy.home set state = 'fenced' where merchant_id = ${merchant.id}`
    const failure = await failureOf(countUp(router, merchant))
    expect(failure).toMatchObject({ code: 'merchant_moving' })
    expect(errorCode((failure as DoorError).cause)).toBe('MV001')
  })

  test('a merchant that left the directory, or was suspended meanwhile, is not waited for', async () => {
    const merchant = await addMerchant()
    await house.admin`update tenancy.home set state = 'moved' where merchant_id = ${merchant.id}`
    await house.admin`update platform.merchant set status = 'suspended' where id = ${merchant.id}`
    expect(await failureOf(countUp(openRouter(), merchant))).toMatchObject({ code: 'merchant_suspended' })
    await house.admin`delete from platform.home where merchant_id = ${merchant.id}`
    expect(await failureOf(countUp(openRouter(), merchant))).toMatchObject({ code: 'merchant_unknown' })
  })

  test('the work is run again from its beginning at the new home', async () => {
    const merchant = await addMerchant()
    await move(merchant, CELL, 'shared-2', 2)
    const homes: string[] = []
    await router.inMerchant(merchant)(async (tx) => {
      const [row] = await tx.sql<{ name: string }[]>`select current_database() as name`
      homes.push(row!.name)
    })
    expect(homes).toEqual([second.database.name])
  })
})
