import { setTimeout as pause } from 'node:timers/promises'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkInvariants, checkInvariantsAtRest } from './invariants.ts'

const WITHIN_MS = 3_000
const TURN_MS = 200

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

/** Somebody inside, from when this answers until they are told to leave. */
async function enter(): Promise<{ leave(): Promise<void> }> {
  const entered = Promise.withResolvers<void>()
  const toLeave = Promise.withResolvers<void>()
  const inside = app.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock_shared(1)`
    entered.resolve()
    await toLeave.promise
  })
  await Promise.race([entered.promise, inside])
  return {
    leave: async () => {
      toLeave.resolve()
      await inside
    },
  }
}

/** Two that take turns, so that somebody is inside at each moment and nobody for long. */
function busy(): { stop(): Promise<void> } {
  let isOver = false
  const jobs = (async () => {
    let one = await enter()
    while (!isOver) {
      await pause(TURN_MS)
      const next = await enter()
      await one.leave()
      one = next
    }
    await one.leave()
  })()
  return {
    stop: async () => {
      isOver = true
      await jobs
    },
  }
}

test('a database at rest is whole, and one in which somebody is inside is not at rest', async () => {
  expect(await checkInvariants(database.adminUrl)).toEqual([])
  const inside = await enter()
  let left = Promise.resolve()
  try {
    const broken = await checkInvariants(database.adminUrl)
    expect(broken).toMatchObject([{ invariant: '39_nothing_left_open', rows: [{ usename: 'souk_app' }, { usename: 'souk_app' }] }])
  } finally {
    left = pause(TURN_MS).then(inside.leave)
  }
  expect(await checkInvariantsAtRest(database.adminUrl)).toEqual([])
  await left
})

test('jobs that go on and on leave nothing open', async () => {
  const jobs = busy()
  try {
    expect(await checkInvariantsAtRest(database.adminUrl, WITHIN_MS)).toEqual([])
  } finally {
    await jobs.stop()
  }
})

test('what was open all the time is left open', async () => {
  const left = await enter()
  try {
    expect(await checkInvariantsAtRest(database.adminUrl, WITHIN_MS)).toMatchObject([{ invariant: '39_nothing_left_open' }])
  } finally {
    await left.leave()
  }
})
