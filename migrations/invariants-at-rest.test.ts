import { setTimeout as pause } from 'node:timers/promises'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkInvariants, checkInvariantsAtRest } from './invariants.ts'

const WITHIN_MS = 1_500

let database: TestDatabase
let app: postgres.Sql

beforeAll(async () => {
  database = await createTestDatabase()
  app = postgres(database.url('souk_app'), { max: 3, onnotice: () => {} })
})
afterAll(async () => {
  await app.end()
  await database.drop()
})

const insideFor = (ms: number) =>
  app.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock_shared(1)`
    await pause(ms)
  })

/** Two at a time, so that somebody is inside at each moment. */
function busy(): { stop(): Promise<void> } {
  let isOver = false
  const one = async (waitMs: number) => {
    await pause(waitMs)
    while (!isOver) await insideFor(200)
  }
  const both = Promise.all([one(0), one(100)])
  return {
    stop: async () => {
      isOver = true
      await both
    },
  }
}

test('a database at rest is whole, and one in which somebody is inside is not at rest', async () => {
  expect(await checkInvariants(database.adminUrl)).toEqual([])
  const inside = insideFor(1_000)
  await pause(300)
  const broken = await checkInvariants(database.adminUrl)
  expect(broken).toMatchObject([{ invariant: '39_nothing_left_open', rows: [{ usename: 'souk_app' }, { usename: 'souk_app' }] }])
  expect(await checkInvariantsAtRest(database.adminUrl)).toEqual([])
  await inside
})

test('jobs that go on and on leave nothing open; what was open all the time is left open', async () => {
  const jobs = busy()
  await pause(300)
  expect(await checkInvariantsAtRest(database.adminUrl, WITHIN_MS)).toEqual([])
  const left = insideFor(2 * WITHIN_MS)
  await pause(300)
  expect(await checkInvariantsAtRest(database.adminUrl, WITHIN_MS)).toMatchObject([{ invariant: '39_nothing_left_open' }])
  await jobs.stop()
  await left
})
