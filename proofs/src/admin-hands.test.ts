import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { House, type Shop } from './house.ts'
import { Process } from './process.ts'

// An admin, at the command line, with the platform as in production: a cell is added while everything runs, a shop moves
// there and back, and a cell is emptied and retired.

const WITHIN_MS = 300_000
const folder = mkdtempSync(join(tmpdir(), 'souk-admin-'))
const cellsFile = join(folder, 'cells.json')

let house: House
let addresses: Record<string, Record<string, string>>
let shop: Shop

beforeAll(async () => {
  house = await House.open({ cells: 2 })
  addresses = JSON.parse(house.environment().SOUK_CELLS!)
  house.further = { SOUK_CELLS_FILE: cellsFile, SOUK_MOVE_WORK_PERCENT: '100' }
  writeFileSync(cellsFile, JSON.stringify({ 'shared-1': addresses['shared-1'] }))
  await house.startApi()
  house.startWorker()
  shop = await house.addShop({ slug: 'kaffa' })
}, WITHIN_MS)
afterAll(async () => {
  await house.close()
  rmSync(folder, { recursive: true })
}, WITHIN_MS)

/** What `souk` prints, and the code it ends with. */
async function souk(...typed: string[]): Promise<{ code: number; said: string }> {
  const child = new Process('apps/cli/src/main.ts')
  child.start(
    {
      HOME: folder,
      SOUK_API: house.origin.replace('127.0.0.1', 'platform.localhost'),
      SOUK_ADMIN_EMAIL: 'admin@platform.example',
      SOUK_ADMIN_PASSWORD: 'proof of the platform',
    },
    typed,
  )
  return { code: await child.finished(), said: child.output }
}

const homeOf = async () => (JSON.parse((await souk('merchants', 'show', 'kaffa', '--json')).said) as { cell: string }).cell
const isServed = async () => (await shop.staff.get('/v1/admin/settings')).status

test('a cell is added while everything runs, and a shop moves there and back', { timeout: WITHIN_MS }, async () => {
  expect(await souk('cells', 'add', 'shared-2')).toMatchObject({ code: 1, said: expect.stringContaining('Cell unreachable') })
  writeFileSync(cellsFile, JSON.stringify(addresses))
  await expect.poll(() => souk('cells', 'add', 'shared-2', '--dry-run')).toMatchObject({ code: 0 })
  expect(await souk('cells', 'add', 'shared-2')).toMatchObject({ code: 0, said: expect.stringContaining('registered and open') })
  expect(await souk('move', 'kaffa', '--to', 'shared-2', '--dry-run')).toMatchObject({ code: 0 })
  expect(await homeOf()).toBe('shared-1')
  const moved = await souk('move', 'kaffa', '--to', 'shared-2', '--watch')
  expect(moved).toMatchObject({ code: 0, said: expect.stringContaining('writers waited') })
  expect([await homeOf(), await isServed()]).toEqual(['shared-2', 200])
  expect(await souk('move', 'rollback', 'kaffa', '--watch')).toMatchObject({ code: 0, said: expect.stringContaining('taken back') })
  expect([await homeOf(), await isServed()]).toEqual(['shared-1', 200])
})

test('a cell is emptied and retired, and the doctor is content', { timeout: WITHIN_MS }, async () => {
  expect(await souk('cells', 'retire', 'shared-2', '--dry-run')).toMatchObject({ code: 0 })
  expect(await souk('cells', 'drain', 'shared-2', '--yes')).toMatchObject({ code: 0, said: expect.stringContaining('Nobody has to move.') })
  expect(await souk('cells', 'retire', 'shared-2', '--yes')).toMatchObject({
    code: 0,
    said: expect.stringContaining('shared-2 is retired.'),
  })
  expect(await souk('cells', 'retire', 'shared-1', '--yes')).toMatchObject({
    code: 1,
    said: expect.stringContaining('1 merchants live in the cell'),
  })
  await expect.poll(() => souk('doctor')).toMatchObject({ code: 0 })
  expect(await isServed()).toBe(200)
})
