import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Database } from './database.ts'
import { FIRST_CELL, hasSecondCell, SECOND_CELL, writeCells } from './second-cell.ts'
import { type State, statePaths } from './state.ts'

let folder: string
let state: State
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'souk-cells-'))
  state = statePaths(folder)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const database = (name: string): Database => ({ server: undefined, url: (role) => `postgres://${role}@127.0.0.1/${name}` })
const written = () => JSON.parse(readFileSync(state.cells, 'utf8')) as Record<string, Record<string, string>>

test('one cell has no mover: there is nowhere to go', () => {
  expect(hasSecondCell(state)).toBe(false)
  writeCells(state, database('one'), undefined)
  expect(hasSecondCell(state)).toBe(false)
  expect(Object.keys(written()[FIRST_CELL]!)).toEqual(['app', 'queue', 'platform'])
})

test('two cells are remembered, with the addresses of their movers, for nobody else to read', () => {
  writeCells(state, database('one'), database('two'))
  expect(hasSecondCell(state)).toBe(true)
  expect(written()).toMatchObject({
    [FIRST_CELL]: { mover: 'postgres://souk_mover@127.0.0.1/one' },
    [SECOND_CELL]: { app: 'postgres://souk_app@127.0.0.1/two', mover: 'postgres://souk_mover@127.0.0.1/two' },
  })
  expect(statSync(state.cells).mode & 0o077).toBe(0)
})
