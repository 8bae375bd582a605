import { randomBytes } from 'node:crypto'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { TEST_WAIT_MS } from '@souk/local-postgres/test-server.ts'
import type { MerchantEntry } from '@souk/tenant-router/merchant-entry.ts'
import { type InMerchant, Router } from '@souk/tenant-router/router.ts'
import { sql } from 'drizzle-orm'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { TokenKeys } from '../capability.ts'
import { newId } from '../ids.ts'
import { merchantSettings } from '../merchant/tables.ts'

const CELL = 'shared-1'
const PLATFORM_IDLE_S = 1

export type MerchantOverrides = Partial<Omit<typeof merchantSettings.$inferInsert, 'merchantId' | 'defaultLocationId' | 'version'>>

/** A merchant with nothing in its shop yet, and the door facing it. */
export interface TestMerchant {
  inMerchant: InMerchant
  merchant: MerchantEntry
  /** Its only location, which holds all stock. */
  locationId: string
}

export interface TestShop {
  database: TestDatabase
  router: Router
  keys: TokenKeys
  addMerchant(overrides?: MerchantOverrides): Promise<TestMerchant>
  /** Ends every connection and drops the database. */
  close(): Promise<void>
}

/** A database of the caller's own, directory and one cell in it, where several merchants can be put side by side. */
export async function createTestShop(options: { connectionsPerCell?: number; waitMs?: number } = {}): Promise<TestShop> {
  const database = await createTestDatabase()
  const router = new Router({
    directoryUrl: database.url('souk_app'),
    baseDomain: 'localhost',
    cellUrls: { [CELL]: database.servedAt },
    waitMs: TEST_WAIT_MS,
    ...options,
  })
  // One connection for all merchants that are added in a row: to open it costs more than to add one.
  const platform = drizzle({ connection: { url: database.url('souk_platform'), max: 1, idle_timeout: PLATFORM_IDLE_S } })
  return {
    database,
    router,
    keys: { keys: [{ kid: 'test', secret: randomBytes(32) }] },
    addMerchant: (overrides = {}) => addMerchant(platform, router, overrides),
    close: async () => {
      await router.close()
      await platform.$client.end()
      await database.drop()
    },
  }
}

/** The usual case: a database with one merchant in it. */
export async function createTestMerchant(overrides: MerchantOverrides = {}): Promise<TestMerchant & Omit<TestShop, 'addMerchant'>> {
  const { addMerchant, ...shop } = await createTestShop()
  return { ...shop, ...(await addMerchant(overrides)) }
}

async function addMerchant(platform: PostgresJsDatabase, router: Router, overrides: MerchantOverrides): Promise<TestMerchant> {
  const merchantId = newId()
  const slug = overrides.slug ?? `shop-${merchantId.slice(-12)}`
  await admit(platform, merchantId, slug)
  const merchant = await router.directory.refresh(merchantId)
  if (!merchant) throw new Error(`the directory does not know the merchant ${merchantId} it was just given`)
  const inMerchant = router.inMerchant(merchant)
  const locationId = newId()
  await inMerchant(async (tx) => {
    await tx.insert(merchantSettings).values({
      name: 'Test shop',
      currency: 'EUR',
      country: 'DE',
      pricesIncludeTax: true,
      taxRatePpm: 190_000n,
      shippingName: 'Standard',
      shippingAmount: 490n,
      contactEmail: 'owner@shop.example',
      ...overrides,
      merchantId,
      slug,
      defaultLocationId: locationId,
    })
    await tx.sql`insert into location (merchant_id, id, name) values (${merchantId}, ${locationId}, 'Main')`
    await tx.sql`insert into merchant_counter (merchant_id) values (${merchantId})`
  })
  return { inMerchant, merchant, locationId }
}

/** What the platform writes: the directory's rows, and the cell opened to the merchant. */
async function admit(platform: PostgresJsDatabase, merchantId: string, slug: string): Promise<void> {
  await platform.transaction(async (tx) => {
    await tx.execute(sql`insert into platform.cell (name, kind) values (${CELL}, 'shared') on conflict (name) do nothing`)
    await tx.execute(sql`insert into platform.merchant (id, slug, name, status) values (${merchantId}, ${slug}, ${slug}, 'active')`)
    await tx.execute(sql`insert into platform.home (merchant_id, cell, epoch) values (${merchantId}, ${CELL}, 1)`)
    await tx.execute(sql`select tenancy.admit(${merchantId})`)
  })
}
