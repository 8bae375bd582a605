import { expect, test, vi } from 'vitest'
import { newId } from '../ids.ts'
import { createTestMerchant } from '../testing/merchant.ts'

test('a table that has doubled is analysed, once', async () => {
  const merchant = await createTestMerchant()
  await merchant.inMerchant(async (tx) => {
    const ids = Array.from({ length: 500 }, () => newId())
    await tx.sql`insert into location (merchant_id, id, name) select ${tx.merchantId}, id, id::text from unnest(${ids}::uuid[]) as given (id)`
    await tx.sql`select pg_stat_force_next_flush()`
  })
  const refresh = async () => {
    const [row] = await merchant.inMerchant.read((tx) => tx.sql<{ analysed: number }[]>`select app.refresh_statistics() as analysed`)
    return row!.analysed
  }
  await vi.waitUntil(async () => (await refresh()) > 0, { timeout: 180_000 })
  const [location] = await merchant.inMerchant.read((tx) => tx.sql`select reltuples from pg_class where oid = 'location'::regclass`)
  expect(location?.reltuples).toBe(501)
  await vi.waitUntil(async () => (await refresh()) === 0, { timeout: 180_000 })
  await merchant.close()
})
