import { type Pooler, pgBouncer, startPgBouncer } from '@souk/local-postgres/pgbouncer.ts'
import { TEST_PATIENCE } from '@souk/local-postgres/test-server.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MerchantEntry } from './merchant-entry.ts'
import { CELL, failureOf, openTestHouse, type TestHouse } from './test-merchants.ts'

// The door through a real PgBouncer in transaction mode: a connection of ours is another backend's in each transaction. The use cases
// of core go through it by `npm run through-pgbouncer`.

const BACKENDS = 3
const MERCHANTS = 40
const WITHIN_MS = 300_000

if (!pgBouncer.isThere) console.log(`Not tried through PgBouncer: there is no ${pgBouncer.program} here.`)

describe.skipIf(!pgBouncer.isThere)('through PgBouncer in transaction mode', () => {
  let house: TestHouse
  let pooler: Pooler
  let merchants: MerchantEntry[]

  beforeAll(async () => {
    house = await openTestHouse()
    merchants = await house.addMerchants(MERCHANTS)
    pooler = await startPgBouncer(house.database.url('souk_app'), BACKENDS)
  })
  afterAll(async () => {
    await house.close()
    await pooler?.stop()
  })

  const openRouter = () =>
    house.openRouter({ cellUrls: { [CELL]: pooler.through(house.database.url('souk_app')) }, connectionsPerCell: 12, waitMs: WITHIN_MS })

  test('forty merchants at once write and read their own, over fewer backends than connections', async () => {
    const router = openRouter()
    const seen = await Promise.all(
      merchants.flatMap((merchant) => {
        const inMerchant = router.inMerchant(merchant)
        const count = () =>
          inMerchant(
            (tx) =>
              tx.sql`update merchant_counter set order_number = order_number + 1 where merchant_id = ${tx.merchantId} returning merchant_id`,
          )
        const look = () => inMerchant.read((tx) => tx.sql`select merchant_id from location`)
        const peek = () => inMerchant.readOne((door) => door.sql`${door.entered}`)
        return [count, look, peek, count].map(async (ask) => ({ merchant: merchant.id, rows: await ask() }))
      }),
    )
    for (const { merchant, rows } of seen) expect(rows.map((row) => row.merchant_id)).toEqual([merchant])
    const [counted] = await house.admin`select count(*)::int as n from merchant_counter where order_number = 2`
    expect(counted!.n).toBe(MERCHANTS)
    const [backends] =
      await house.admin`select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name = 'souk'`
    expect(backends!.n).toBeLessThanOrEqual(BACKENDS)
  })

  test('a transaction that fails leaves nothing to whoever gets its backend next', async () => {
    const router = openRouter()
    for (const merchant of merchants) {
      const broken = router.inMerchant(merchant)(
        (tx) => tx.sql`select 1 / (select count(*) - 1 from location where merchant_id = ${tx.merchantId})`,
      )
      expect(await failureOf(broken)).toMatchObject({ code: '22012' })
    }
    const rows = await Promise.all(
      merchants.map((merchant) => router.inMerchant(merchant).read((tx) => tx.sql`select merchant_id from location`)),
    )
    expect(rows.map(([row]) => row!.merchant_id)).toEqual(merchants.map(({ id }) => id))
  })

  test('the limits of the role hold there too', async () => {
    const [row] = await openRouter().inMerchant(merchants[0]!)((tx) => tx.sql`select current_setting('statement_timeout') as timeout`)
    expect(row!.timeout).toBe(`${5 * TEST_PATIENCE}s`)
  })
})
