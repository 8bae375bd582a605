import { createTestMerchant } from '@souk/core/testing/merchant.ts'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { DEAD_AFTER_MS, LEASE_MS, Lease } from './lease.ts'

let merchant: Awaited<ReturnType<typeof createTestMerchant>>

beforeAll(async () => {
  merchant = await createTestMerchant()
})

// The lease counts by performance.now alone; the database and the timers keep real time.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'], now: 100_000 })
})

afterEach(() => {
  vi.useRealTimers()
})

afterAll(() => merchant.close())

function renewed(): Lease {
  const lease = new Lease()
  lease.renew(performance.now())
  return lease
}

async function addLocation(lease: Lease, name: string, meanwhile: () => void = () => {}): Promise<void> {
  await lease.guard(merchant.inMerchant)(async (tx) => {
    await tx.sql`insert into location (merchant_id, name) values (${tx.merchantId}, ${name})`
    meanwhile()
  })
}

async function hasLocation(name: string): Promise<boolean> {
  const rows = await merchant.inMerchant((tx) => tx.sql`select 1 from location where merchant_id = ${tx.merchantId} and name = ${name}`)
  return rows.length > 0
}

test('opens the door while heartbeats arrive', async () => {
  const lease = renewed()
  vi.advanceTimersByTime(LEASE_MS - 1)
  await addLocation(lease, 'in time')
  lease.renew(performance.now())
  vi.advanceTimersByTime(LEASE_MS - 1)
  await addLocation(lease, 'in time again')
  expect(await hasLocation('in time again')).toBe(true)
})

test('opens no door before the first heartbeat, after the last one has aged, or when the pool was taken for dead', async () => {
  const [never, aged, dead] = [new Lease(), renewed(), renewed()]
  dead.lose()
  await expect(addLocation(never, 'x')).rejects.toMatchObject({ name: 'LeaseLost' })
  await expect(addLocation(dead, 'x')).rejects.toMatchObject({ name: 'LeaseLost' })
  vi.advanceTimersByTime(LEASE_MS)
  await expect(addLocation(aged, 'x')).rejects.toMatchObject({ name: 'LeaseLost' })
  await expect(aged.guard(merchant.inMerchant).read((tx) => tx.sql`select 1`)).rejects.toMatchObject({ name: 'LeaseLost' })
  await expect(aged.guard(merchant.inMerchant).readOnce((tx) => [tx.sql`select 1`])).rejects.toMatchObject({ name: 'LeaseLost' })
})

test('takes back what was written in a transaction that outlived the lease', async () => {
  const lease = renewed()
  await expect(addLocation(lease, 'too late', () => vi.advanceTimersByTime(LEASE_MS))).rejects.toMatchObject({ name: 'LeaseLost' })
  expect(await hasLocation('too late')).toBe(false)
})

test('at the end of a shift the transaction that is open commits, and no other begins', async () => {
  const lease = renewed()
  await addLocation(lease, 'last one', () => lease.end())
  expect(await hasLocation('last one')).toBe(true)
  await expect(addLocation(lease, 'one more')).rejects.toMatchObject({ name: 'ShiftEnding' })
})

test('expires before others may take its jobs', () => {
  expect(LEASE_MS).toBeLessThan(DEAD_AFTER_MS)
})

test('believes nobody dead until it has been heard of for a while itself', () => {
  const lease = renewed()
  expect(lease.steady).toBe(false)
  vi.advanceTimersByTime(4_000)
  expect(lease.steady).toBe(true)
  lease.renew(performance.now())
  expect(lease.steady).toBe(true)
  vi.advanceTimersByTime(LEASE_MS)
  lease.renew(performance.now())
  expect([lease.valid, lease.steady]).toEqual([true, false])
})
