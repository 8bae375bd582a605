import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { UnsafeRole } from './boot-check.ts'
import { SafeCells } from './safe-cells.ts'

const DEAD = 'postgres://souk_app:secret@127.0.0.1:1/gone'

let database: TestDatabase
let app: string
let away: string[]
let cells: SafeCells<{ app: string; replica?: string }>

beforeAll(async () => {
  database = await createTestDatabase()
  app = database.url('souk_app')
})
afterAll(() => database.drop())
beforeEach(() => {
  away = []
  cells = new SafeCells(
    ({ app }) => [app],
    (cell) => away.push(cell),
  )
})

test('a cell that does not answer keeps no other from being used', async () => {
  expect(await cells.sort({ one: { app }, two: { app: DEAD } })).toEqual({ safe: { one: { app } }, away: ['two'] })
  expect(away).toEqual(['two'])
  expect(await cells.sort({ one: { app }, two: { app } })).toEqual({ safe: { one: { app }, two: { app } }, away: [] })
})

test('a cell whose replica does not answer is used without it', async () => {
  expect(await cells.sort({ one: { app, replica: DEAD } })).toEqual({ safe: { one: { app, replica: undefined } }, away: ['one'] })
  expect(await cells.sort({ one: { app, replica: app } })).toEqual({ safe: { one: { app, replica: app } }, away: [] })
})

test.each([
  ['a cell', () => ({ app: database.adminUrl })],
  ['a replica', () => ({ app, replica: database.url('souk_owner') })],
])('a role of %s that could reach past row security is refused', async (_of, urls) => {
  await expect(cells.sort({ one: { app: DEAD }, two: urls() })).rejects.toBeInstanceOf(UnsafeRole)
})
