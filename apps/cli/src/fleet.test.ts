import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { readMigrations } from '@souk/migrations/files.ts'
import { migrate } from '@souk/migrations/run.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SoukTest } from './testing/run-souk.ts'

// Two cells that lack the newest file, and the program as an admin runs it.

let souk: SoukTest
let neighbour: TestDatabase
let admin: postgres.Sql
let folder: string
let newest: Awaited<ReturnType<typeof readMigrations>>[number]
let environment: Record<string, string>
const names: string[] = []

beforeAll(async () => {
  souk = new SoukTest()
  await souk.open()
  neighbour = await createTestDatabase()
  admin = postgres(neighbour.adminUrl, { max: 1, onnotice: () => {} })
  const files = await readMigrations('cell')
  newest = files.at(-1)!
  folder = mkdtempSync(join(tmpdir(), 'souk-fleet-'))
  for (const set of ['directory', 'cell']) {
    cpSync(fileURLToPath(new URL(`../../../migrations/${set}`, import.meta.url)), join(folder, set), { recursive: true })
  }
  rmSync(join(folder, 'cell', newest.name))
  for (const number of [1, 2]) names.push(`${neighbour.name}_cell_${number}`)
  const [first, second] = names as [string, string]
  await admin`create database ${admin(first)} owner souk_owner`
  await migrate({ url: urlOf(first), folder: pathToFileURL(`${folder}/`) })
  await admin`create database ${admin(second)} owner souk_owner template ${admin(first)}`
  const directory = postgres(urlOf(first), { max: 1 })
  await directory`insert into platform.cell (name, kind) values ('shared-1', 'shared'), ('shared-2', 'shared')`
  await directory.end()
  environment = {
    SOUK_DIRECTORY_OWNER_URL: urlOf(first),
    SOUK_CELLS: JSON.stringify({ 'shared-1': { owner: urlOf(first) }, 'shared-2': { owner: urlOf(second) } }),
  }
})
afterAll(async () => {
  for (const name of names) await admin`drop database if exists ${admin(name)} with (force)`
  await admin.end()
  await neighbour.drop()
  rmSync(folder, { recursive: true })
  await souk.close()
})

function urlOf(database: string): string {
  const url = new URL(neighbour.url('souk_owner'))
  url.pathname = `/${database}`
  return url.toString()
}

/** How many files each cell lacks, as the program tells it. */
async function behind(): Promise<Record<string, number>> {
  const { out } = await souk.run(['fleet', 'status', '--json'], environment)
  const { cells } = JSON.parse(out) as { cells: { cell: string; behind: number }[] }
  return Object.fromEntries(cells.map((cell) => [cell.cell, cell.behind]))
}

test('souk fleet migrate brings both cells to the newest file, one first, and says so', async () => {
  expect(await behind()).toEqual({ 'shared-1': 1, 'shared-2': 1 })
  const typed = ['fleet', 'migrate', ...(newest.phase === 'contract' ? ['--contract', '--yes'] : [])]
  expect((await souk.run([...typed, '--dry-run'], environment)).out).toContain('Nothing was done.')
  expect(await behind()).toEqual({ 'shared-1': 1, 'shared-2': 1 })

  const migrated = await souk.spawn([...typed, '--canary', 'shared-2'], environment)
  expect(migrated).toMatchObject({ code: 0, err: '' })
  expect(migrated.out).toMatch(/shared-2 \(canary\) done\n(.*\n)*shared-1 \(wave 1\) done\n2 of 2 cells migrated\.\n/)
  expect(await behind()).toEqual({ 'shared-1': 0, 'shared-2': 0 })

  const again = await souk.run([...typed, '--json'], environment)
  expect(JSON.parse(again.out)).toMatchObject({ waves: [], already: ['shared-1', 'shared-2'] })
  expect(await souk.run([...typed, '--canary', 'nowhere'], environment)).toMatchObject({
    code: 1,
    err: expect.stringContaining('The canary is no cell in use: nowhere.'),
  })
})
