import { buffer } from 'node:stream/consumers'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'

const SIZES = 200
const TEXT = 1_000

let database: TestDatabase
let sql: postgres.Sql

beforeAll(async () => {
  database = await createTestDatabase()
  sql = postgres(database.adminUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await sql.end()
  await database.drop()
})

test('a connection goes on after a copy out, however much its last chunk had overfilled the stream', async () => {
  for (let size = 0; size < SIZES; size++) {
    const stream = await sql.unsafe(`copy (select repeat('x', ${TEXT}) from generate_series(1, ${size})) to stdout`).readable()
    expect(await buffer(stream)).toHaveLength(size * (TEXT + 1))
  }
  expect(await sql`select 1 as one`).toEqual([{ one: 1 }])
})
