import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { migrate, readVersion } from './run.ts'

let neighbour: TestDatabase
let admin: postgres.Sql
let name: string
/** As souk_owner, at an empty database. */
let url: string
let owner: postgres.Sql
let folder: string

beforeAll(async () => {
  neighbour = await createTestDatabase()
  admin = postgres(neighbour.adminUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await admin.end()
  await neighbour.drop()
})

beforeEach(async () => {
  name = `${neighbour.name}_${randomBytes(4).toString('hex')}`
  await admin`create database ${admin(name)} owner souk_owner`
  url = urlAs('souk_owner')
  owner = postgres(url, { max: 2, onnotice: () => {} })
  folder = mkdtempSync(join(tmpdir(), 'souk-migrations-'))
  mkdirSync(join(folder, 'directory'))
})
afterEach(async () => {
  await owner.end()
  await admin`drop database ${admin(name)} with (force)`
  rmSync(folder, { recursive: true })
})

function urlAs(role: 'souk_owner' | 'souk_app'): string {
  const address = new URL(neighbour.url(role))
  address.pathname = `/${name}`
  return address.toString()
}

function write(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, 'directory', file), text)
}

/** Runs the files that the test has written. */
const run = () => migrate({ url, sets: ['directory'], folder: pathToFileURL(`${folder}/`) })

async function tables(): Promise<string[]> {
  const rows = await owner`select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`
  return rows.map((row) => row.relname as string)
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 180_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await pause(10)
  }
}

describe('the real files', () => {
  test('build a database from nothing, and change nothing the second time', async () => {
    const { applied } = await migrate({ url })
    expect(applied).toContain('directory/0001_platform.sql')
    expect(applied).toContain('cell/0001_tenancy.sql')
    expect(await migrate({ url })).toEqual({ applied: [] })
    const rows = await owner`select set || '/' || name as file from migration.history order by applied_at, file`
    expect(rows.map((row) => row.file).sort()).toEqual([...applied].sort())
  })

  test('of the cell alone make a second cell: merchants can be entered, and there is no directory', async () => {
    const { applied } = await migrate({ url, sets: ['cell'] })
    expect(applied.every((file) => file.startsWith('cell/'))).toBe(true)
    const [found] = await owner`select to_regnamespace('platform') as platform, to_regnamespace('graphile_worker') as queue`
    expect(found).toEqual({ platform: null, queue: 'graphile_worker' })
    const merchantId = '00000000-0000-0000-0000-000000000001'
    await owner`select tenancy.admit(${merchantId})`
    const app = postgres(urlAs('souk_app'), { max: 1 })
    await app`begin`
    await app`select tenancy.enter(${merchantId}, 1)`
    await app`insert into location (merchant_id, name) values (${merchantId}, 'here')`
    await app`commit`
    await app.end()
    expect(await migrate({ url, sets: ['cell'] })).toEqual({ applied: [] })
  })

  test('leave souk_queue without the right to create schemas, which it had for a moment', async () => {
    await migrate({ url })
    const [right] = await owner`select has_database_privilege('souk_queue', current_database(), 'create') as creates`
    expect(right?.creates).toBe(false)
  })

  test('run by four at once are applied once', async () => {
    const runs = await Promise.all(Array.from({ length: 4 }, () => migrate({ url })))
    const applied = runs.flatMap((result) => result.applied)
    expect(new Set(applied).size).toBe(applied.length)
    expect(runs.filter((result) => result.applied.length > 0)).toHaveLength(1)
    const [row] = await owner`select count(*)::int as n from migration.history`
    expect(row?.n).toBe(applied.length)
  })
})

describe('limits', () => {
  test('lock_timeout and statement_timeout are set where a file runs', async () => {
    write({
      '0001_look.sql': `create table seen as
        select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement, current_user::text as role`,
    })
    await run()
    expect([...(await owner`select * from seen`)]).toEqual([{ lock: '2s', statement: '1min', role: 'souk_owner' }])
  })

  test('a file that waits for a lock gives up, changes nothing, and goes through when it is run again', async () => {
    write({ '0001_table.sql': 'create table busy (n integer)' })
    await run()
    write({ '0002_column.sql': 'create table first (n integer); alter table busy add m integer' })
    const holder = await owner.reserve()
    await holder`begin`
    await holder`select * from busy`
    await expect(run()).rejects.toMatchObject({ code: '55P03' })
    await holder`commit`
    holder.release()
    expect(await tables()).toEqual(['busy'])
    expect(await run()).toEqual({ applied: ['directory/0002_column.sql'] })
  })
})

describe('refuses', () => {
  test('a file that was edited after it was applied, and applies nothing after it', async () => {
    write({ '0001_one.sql': 'create table one (n integer)' })
    await run()
    write({ '0001_one.sql': 'create table one (n bigint)', '0002_two.sql': 'create table two (n integer)' })
    await expect(run()).rejects.toThrow('Migration directory/0001_one.sql was edited after it was applied.')
    expect(await tables()).toEqual(['one'])
  })

  test('a database whose migrations have vanished from the files', async () => {
    write({ '0001_one.sql': 'create table one (n integer)', '0002_two.sql': 'create table two (n integer)' })
    await run()
    rmSync(join(folder, 'directory', '0002_two.sql'))
    await expect(run()).rejects.toThrow('Migration directory/0002_two.sql was applied to this database but is not among the files.')
    write({ '0002_other.sql': 'create table other (n integer)' })
    await expect(run()).rejects.toThrow('Migration directory/0002_two.sql was applied to this database but is not among the files.')
  })

  test.each([
    ['a gap', { '0001_one.sql': '', '0003_three.sql': '' }],
    ['a number that is taken twice', { '0001_one.sql': '', '0001_uno.sql': '' }],
    ['a beginning other than 0001', { '0002_two.sql': '' }],
    ['a name that is none', { '0001-One.sql': '' }],
  ])('%s in the numbers, before anything is applied', async (_name, files) => {
    write(Object.fromEntries(Object.keys(files).map((file, index) => [file, `create table t${index} (n integer)`])))
    await expect(run()).rejects.toThrow('files are numbered 0001_, 0002_, ... without a gap')
    expect(await tables()).toEqual([])
  })

  test('a file that would end the transaction it runs in', async () => {
    write({ '0001_one.sql': 'create table one (n integer);\ncommit;\ncreate table two (n integer);' })
    await expect(run()).rejects.toThrow('each file is one transaction already')
    expect(await tables()).toEqual([])
  })
})

describe('goes on where it stopped', () => {
  test('after a file that failed, of which nothing is left', async () => {
    write({
      '0001_one.sql': 'create table one (n integer)',
      '0002_two.sql': 'create table two (n integer); select 1 / 0',
      '0003_three.sql': 'create table three (n integer)',
    })
    await expect(run()).rejects.toMatchObject({ code: '22012' })
    expect(await tables()).toEqual(['one'])
    write({ '0002_two.sql': 'create table two (n integer)' })
    expect(await run()).toEqual({ applied: ['directory/0002_two.sql', 'directory/0003_three.sql'] })
    expect(await tables()).toEqual(['one', 'three', 'two'])
  })

  test('after its connection was killed in the middle of a file', async () => {
    write({ '0001_one.sql': 'create table one (n integer)', '0002_two.sql': 'create table two (n integer); select pg_sleep(20)' })
    const outcome = run().then(
      () => 'done',
      () => 'failed',
    )
    await until('the second file runs', async () => {
      const killed = await admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = ${name} and application_name = 'souk-migrate' and wait_event = 'PgSleep'`
      return killed.length > 0
    })
    expect(await outcome).toBe('failed')
    expect(await tables()).toEqual(['one'])
    write({ '0002_two.sql': 'create table two (n integer)' })
    expect(await run()).toEqual({ applied: ['directory/0002_two.sql'] })
  })

  test('after its process was killed in the middle of a file, whose lock the next one waits for', async () => {
    write({ '0001_one.sql': 'create table one (n integer)', '0002_two.sql': 'create table two (n integer); select pg_sleep(5)' })
    const program = `
      import { migrate } from ${JSON.stringify(new URL('./run.ts', import.meta.url).href)}
      await migrate({ url: ${JSON.stringify(url)}, sets: ['directory'], folder: new URL(${JSON.stringify(pathToFileURL(`${folder}/`).href)}) })`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' })
    const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
    await until('the second file runs', async () => {
      const rows = await admin`select 1 from pg_stat_activity where datname = ${name} and wait_event = 'PgSleep'`
      return rows.length > 0
    })
    child.kill('SIGKILL')
    expect(await ended).toBe('SIGKILL')
    expect(await tables()).toEqual(['one'])
    write({ '0002_two.sql': 'create table two (n integer)' })
    expect(await run()).toEqual({ applied: ['directory/0002_two.sql'] })
  })
})

describe('a file without a transaction', () => {
  const INDEX = '-- transaction: none\n-- Nobody waits for it.\ncreate unique index concurrently if not exists one_n on one (n);\n'

  test('builds an index beside writers, and may be repeated after it failed, over the invalid index that is left', async () => {
    write({ '0001_one.sql': 'create table one (n integer); insert into one values (1), (1)', '0002_index.sql': INDEX })
    await expect(run()).rejects.toMatchObject({ code: '23505' })
    const indexes = () => owner`select indisvalid as valid from pg_index where indexrelid = to_regclass('one_n')`
    expect([...(await indexes())]).toEqual([{ valid: false }])
    await owner`truncate one`
    expect(await run()).toEqual({ applied: ['directory/0002_index.sql'] })
    expect([...(await indexes())]).toEqual([{ valid: true }])
  })

  test('is not held up by another migrator that waits for its turn', async () => {
    write({ '0001_one.sql': 'create table one (n integer)', '0002_index.sql': INDEX })
    const runs = await Promise.all([run(), run(), run()])
    expect(runs.flatMap((result) => result.applied)).toEqual(['directory/0001_one.sql', 'directory/0002_index.sql'])
  })
})

describe('contracts', () => {
  test('are applied with everything, and hold back what follows where only expands are asked for', async () => {
    write({
      '0001_one.sql': 'create table one (n integer, m integer)',
      '0002_less.sql': '-- What nobody reads any more.\n-- phase: contract\nalter table one drop column m',
      '0003_three.sql': 'create table three (n integer)',
    })
    const expand = () => migrate({ url, sets: ['directory'], folder: pathToFileURL(`${folder}/`), upTo: 'expand' })
    expect(await expand()).toEqual({ applied: ['directory/0001_one.sql'] })
    expect(await expand()).toEqual({ applied: [] })
    expect(await readVersion(url)).toEqual({ directory: 1, cell: 0 })
    expect(await run()).toEqual({ applied: ['directory/0002_less.sql', 'directory/0003_three.sql'] })
    expect(await readVersion(url)).toEqual({ directory: 3, cell: 0 })
  })

  test('a database without any migration has version 0', async () => {
    expect(await readVersion(url)).toEqual({ directory: 0, cell: 0 })
  })
})
