import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { TEST_WAIT_MS } from '@souk/local-postgres/test-server.ts'
import postgres from 'postgres'
import type { MerchantEntry } from './merchant-entry.ts'
import { Router, type RouterOptions } from './router.ts'

/** A directory, a cell in the same database, and two merchants at home there. What the door's tests need and no more. */
export interface TestHouse {
  database: TestDatabase
  /** As the administrator: past row security, for arranging and for looking. */
  admin: postgres.Sql
  router: Router
  first: MerchantEntry
  second: MerchantEntry
  /** A router over this house with settings of its own, closed with the house. */
  openRouter(options?: Partial<RouterOptions>): Router
  addMerchants(count: number, home?: { cell: string; admin: postgres.Sql }): Promise<MerchantEntry[]>
  close(): Promise<void>
}

export const CELL = 'shared-1'
export const BASE_DOMAIN = 'souk.test'

export async function openTestHouse(options: Partial<RouterOptions> = {}): Promise<TestHouse> {
  const database = await createTestDatabase()
  const admin = postgres(database.adminUrl, { max: 2, onnotice: () => {} })
  await admin`insert into platform.cell (name, kind) values (${CELL}, 'shared')`
  const routers: Router[] = []
  const openRouter = (own: Partial<RouterOptions> = {}) => {
    const url = database.url('souk_app')
    const usual = { directoryUrl: url, baseDomain: BASE_DOMAIN, cellUrls: { [CELL]: url }, waitMs: TEST_WAIT_MS }
    const router = new Router({ ...usual, ...options, ...own })
    routers.push(router)
    return router
  }
  const addMerchants: TestHouse['addMerchants'] = (count, home = { cell: CELL, admin }) => insertMerchants(admin, count, home)
  const [first, second] = await addMerchants(2)
  return {
    database,
    admin,
    router: openRouter(),
    first: first!,
    second: second!,
    openRouter,
    addMerchants,
    close: async () => {
      await Promise.all(routers.map((router) => router.close()))
      await admin.end()
      await database.drop()
    },
  }
}

/** Each merchant has one location, so that there is something to see, and a counter, so that there is something to change. */
async function insertMerchants(
  directory: postgres.Sql,
  count: number,
  home: { cell: string; admin: postgres.Sql },
): Promise<MerchantEntry[]> {
  const entries = Array.from({ length: count }, (): MerchantEntry => {
    const id = randomUUID()
    return { id, slug: `shop-${id.slice(-12)}`, status: 'active', cell: home.cell, epoch: 1n, sandbox: false }
  })
  const ids = entries.map((entry) => entry.id)
  const slugs = entries.map((entry) => entry.slug)
  await directory`
    insert into platform.merchant (id, slug, name, status)
    select id, slug, slug, 'active' from unnest(${ids}::uuid[], ${slugs}::text[]) as m (id, slug)`
  await directory`insert into platform.home (merchant_id, cell, epoch) select id, ${home.cell}, 1 from unnest(${ids}::uuid[]) as id`
  await home.admin`insert into tenancy.home (merchant_id, epoch, state) select id, 1, 'active' from unnest(${ids}::uuid[]) as id`
  await home.admin`insert into location (merchant_id, name) select id, 'location of ' || id from unnest(${ids}::uuid[]) as id`
  await home.admin`insert into merchant_counter (merchant_id) select id from unnest(${ids}::uuid[]) as id`
  return entries
}

/** Waits until `holds` answers true. A condition that never comes is a failed test, not a longer one. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, withinMs = 180_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms in vain until ${what}`)
    await pause(10)
  }
}

/** The error that a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return promise.then(
    () => {
      throw new Error('expected a rejection')
    },
    (error) => error as Error & { code?: string },
  )
}
