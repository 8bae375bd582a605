import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFleetingFolder } from '@souk/local-postgres/throwaway-folder.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Database, openDatabase } from './database.ts'
import { openSecrets, openState, statePaths } from './state.ts'

let folder: string
let database: Database
let environment: NodeJS.ProcessEnv

beforeAll(async () => {
  folder = makeFleetingFolder()
  environment = { ...process.env, SOUK_STATE_DIR: join(folder, 'state'), SOUK_BACKUP_DIR: join(folder, 'backups'), DATABASE_URL: '' }
  for (const name of ['SOUK_BACKUP_DIR', 'DATABASE_URL']) vi.stubEnv(name, environment[name] as string)
  const state = statePaths(environment.SOUK_STATE_DIR)
  openState(state)
  database = await openDatabase(state, openSecrets(state), () => {})
})
afterAll(async () => {
  await database?.server?.stop()
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

function run(script: string, ...parameters: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(import.meta.dirname, script), ...parameters], { env: environment }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: out + err }),
    )
  })
}

async function asOwner(work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(database.url('souk_owner'), { max: 1 })
  await work(sql)
  await sql.end()
}

test('what was backed up and archived is restored elsewhere and held to the invariants; the original goes on', async () => {
  const backup = await run('backup.ts', '--keep', '3')
  expect(backup.output).toMatch(/base.*: \d+ MiB in \d+ files/)
  expect(backup.code).toBe(0)
  await asOwner((sql) => sql`select tenancy.admit('00000000-0000-0000-0000-000000000001')`)

  const drill = await run('restore-drill.ts')
  expect(drill.output).toContain('It holds 1 merchants and 0 orders')
  expect(drill.output).toContain('Every invariant holds.')
  expect(drill.code).toBe(0)

  // Something that must not be: a table of merchants that anybody can read.
  await asOwner((sql) => sql`create table loose (merchant_id uuid not null primary key)`)
  await asOwner((sql) => sql`grant select on loose to souk_app`)
  const broken = await run('restore-drill.ts')
  expect(broken.output).toContain('23_tenant_tables_are_protected')
  expect(broken.code).toBe(1)
})

test('a moment that cannot be restored is explained', async () => {
  expect(await run('restore-drill.ts', '--at', 'yesterday')).toEqual({ code: 1, output: '--at is a time such as 2026-03-01T14:30:00Z.\n' })
  const early = await run('restore-drill.ts', '--at', '2001-01-01T00:00:00Z')
  expect(early.code).toBe(1)
  expect(early.output).toContain('there is nothing before')
  const late = await run('restore-drill.ts', '--at', '2999-01-01T00:00:00Z')
  expect(late).toEqual({ code: 1, output: '2999-01-01T00:00:00.000Z is still to come.\n' })
  // Nothing was committed since, so nothing tells that the log goes on until then.
  const quiet = await run('restore-drill.ts', '--at', new Date().toISOString())
  expect(quiet.output).toMatch(/^Nothing in the log is later than .*Z: leave --at out for the newest state there is\.\n$/)
  expect(quiet.code).toBe(1)
})

test('the fleet of this machine is asked without being told where it is', async () => {
  const status = await run('fleet.ts', 'status')
  expect(status.output).toMatch(/Newest files: directory (\d+), cell \d+\. The directory is at \1\./)
  expect(status.code).toBe(0)
  expect((await run('fleet.ts', 'migrate', '--parallel', 'many')).output).toContain('--parallel is a whole number')
  const nothing = await run('fleet.ts', 'migrate')
  expect(nothing).toEqual({ code: 0, output: 'Every cell was where it shall be.\n' })
})
