import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type FleetOptions, type FleetProgress, type FleetRefusal, migrateFleet } from './fleet.ts'
import { takeFleet } from './fleet-ledger.ts'
import { fleetStatus } from './fleet-status.ts'

// The cells are kept from test to test, and so are the files that tests add: each test leaves all cells at the newest file.
let home: TestDatabase
let directory: postgres.Sql
const cells = new Map<string, TestDatabase>()
let folder: string

beforeAll(async () => {
  home = await createTestDatabase()
  directory = postgres(home.url('souk_owner'), { max: 2, onnotice: () => {} })
  folder = mkdtempSync(join(tmpdir(), 'souk-fleet-'))
  for (const set of ['directory', 'cell']) cpSync(new URL(set, import.meta.url), join(folder, set), { recursive: true })
  await addCells(4)
})
afterAll(async () => {
  await directory.end()
  await Promise.all([home, ...cells.values()].map((database) => database.drop()))
  rmSync(folder, { recursive: true })
})
afterEach(async () => {
  await directory`update platform.cell set status = 'open'`
  await directory`delete from platform.process`
  expect(new Set(Object.values(await versions()))).toEqual(new Set([newest()]))
})

async function addCells(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `cell-${String(cells.size + index + 1).padStart(2, '0')}`)
  const made = await Promise.all(names.map(() => createTestDatabase()))
  for (const [index, name] of names.entries()) cells.set(name, made[index] as TestDatabase)
  await directory`insert into platform.cell (name, kind) select name, 'shared' from unnest(${names}::text[]) as name`
  return names
}

async function dropCells(names: string[]): Promise<void> {
  await directory`delete from platform.fleet_cell where cell = any(${names})`
  await directory`delete from platform.cell where name = any(${names})`
  await Promise.all(names.map((name) => cells.get(name)?.drop()))
  for (const name of names) cells.delete(name)
}

/** The number of the newest file of a cell. */
const newest = () => readdirSync(join(folder, 'cell')).length

/** A new file after all others. */
function write(text: string, name = 'probe'): void {
  writeFileSync(join(folder, 'cell', `${String(newest() + 1).padStart(4, '0')}_${name}.sql`), text)
}

/** A column that no earlier test has added. */
const column = () => `probe_${newest() + 1}`
const addColumn = (name = column()) => `alter table cart add column ${name} text`

const where = () => ({
  directoryUrl: home.url('souk_owner'),
  cells: Object.fromEntries([...cells].map(([name, database]) => [name, database.url('souk_owner')])),
  folder: pathToFileURL(`${folder}/`),
})
const run = (options: Partial<FleetOptions> = {}) => migrateFleet({ ...where(), ...options })
const status = () => fleetStatus(where())

async function versions(): Promise<Record<string, number | undefined>> {
  return Object.fromEntries((await status()).cells.map((cell) => [cell.cell, cell.version]))
}

async function inCell<T>(cell: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres((cells.get(cell) as TestDatabase).url('souk_owner'), { max: 2, onnotice: () => {} })
  try {
    return await work(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

describe('over many databases', () => {
  test('one goes first, then a tenth, then the others; a second run finds nothing to do', async () => {
    const added = await addCells(17)
    write(addColumn())
    const seen: FleetProgress[] = []
    const looked: string[] = []
    const outcome = await run({
      parallel: 8,
      onProgress: (progress) => seen.push(progress),
      afterCanary: async (cell) => {
        looked.push(cell)
        expect(seen.filter(({ state }) => state === 'done').map(({ cell }) => cell)).toEqual([cell])
      },
    })
    expect(outcome.waves.map((wave) => wave.length)).toEqual([1, 2, 18])
    expect(looked).toEqual(outcome.waves[0])
    expect(seen.at(-1)).toMatchObject({ state: 'done', done: 21, total: 21 })
    expect(Object.values(await versions())).toEqual(Array.from({ length: 21 }, () => newest()))
    expect((await status()).latest).toMatchObject({ state: 'done', upTo: 'expand', failure: null })
    expect(await run()).toMatchObject({ waves: [], already: [...cells.keys()] })
    await dropCells(added)
  })

  test('the canary is the cell with the fewest merchants, or the one that is named', async () => {
    await directory`
      with merchant as (
        insert into platform.merchant (slug, name, status) select 'shop-' || n, 'Shop', 'active' from generate_series(1, 5) n returning id, slug)
      insert into platform.home (merchant_id, cell, epoch)
      select id, (array['cell-01', 'cell-01', 'cell-03', 'cell-04', 'cell-04'])[right(slug, 1)::integer], 1 from merchant`
    write(addColumn())
    expect((await run()).waves[0]).toEqual(['cell-02'])
    write(addColumn())
    expect((await run({ canary: 'cell-03' })).waves[0]).toEqual(['cell-03'])
    await expect(run({ canary: 'cell-99' })).rejects.toMatchObject({ code: 'unknown_canary' })
    await directory`with gone as (delete from platform.home returning merchant_id) delete from platform.merchant where id in (select merchant_id from gone)`
  })

  test('a retired cell is left alone; one without an address stops everything before it begins', async () => {
    const before = newest()
    await directory`update platform.cell set status = 'retired' where name = 'cell-02'`
    write(addColumn())
    const { 'cell-03': _missing, ...known } = where().cells
    await expect(run({ cells: known })).rejects.toThrow('no owner address was given: cell-03.')
    expect(await versions()).toEqual({ 'cell-01': before, 'cell-03': before, 'cell-04': before })
    expect((await run()).waves.flat().sort()).toEqual(['cell-01', 'cell-03', 'cell-04'])
    await directory`update platform.cell set status = 'open'`
    expect((await run()).waves).toEqual([['cell-02']])
  })

  test('is one run at a time', async () => {
    const other = await takeFleet(directory)
    await expect(run()).rejects.toMatchObject({ code: 'busy' })
    await other?.release()
    await expect(run()).resolves.toMatchObject({ already: [...cells.keys()] })
  })
})

describe('what goes wrong', () => {
  test('at the canary leaves every other cell as it was', async () => {
    const [before, name] = [newest(), column()]
    await inCell('cell-01', (sql) => sql.unsafe(addColumn(name)))
    write(addColumn(name))
    await expect(run({ canary: 'cell-01' })).rejects.toThrow(`cell-01: column "${name}" of relation "cart" already exists`)
    expect(Object.values(await versions())).toEqual([before, before, before, before])
    expect((await status()).latest).toMatchObject({ state: 'failed' })
    await inCell('cell-01', (sql) => sql`alter table cart drop column ${sql(name)}`)
    expect((await run()).waves.flat()).toHaveLength(4)
  })

  test('when the canary is looked at leaves the others as they were', async () => {
    const before = newest()
    write(addColumn())
    await expect(run({ canary: 'cell-02', afterCanary: () => Promise.reject(new Error('too slow')) })).rejects.toThrow('too slow')
    expect(await versions()).toEqual({ 'cell-01': before, 'cell-02': before + 1, 'cell-03': before, 'cell-04': before })
    expect((await status()).latest).toMatchObject({ state: 'failed', failure: 'too slow' })
    await run()
  })

  test('in one cell of a wave lets the others of the wave come to their end, and is put right by the next run', async () => {
    const [before, name] = [newest(), column()]
    await inCell('cell-03', (sql) => sql.unsafe(addColumn(name)))
    write(addColumn(name))
    await expect(run({ canary: 'cell-01' })).rejects.toMatchObject({ code: 'cell_failed' })
    const found = await status()
    expect(found.cells.map(({ version }) => version)).toEqual([before + 1, before + 1, before, before + 1])
    expect(found.cells[2]?.latest).toMatchObject({ state: 'failed', failure: expect.stringContaining('already exists'), attempts: 1 })
    await inCell('cell-03', (sql) => sql`alter table cart drop column ${sql(name)}`)
    expect(await run()).toMatchObject({ waves: [['cell-03']], already: ['cell-01', 'cell-02', 'cell-04'] })
  })

  test('a table that is in use is asked for again until it is free; nobody waits behind it for long', async () => {
    write(addColumn())
    const seen: FleetProgress[] = []
    await inCell('cell-03', async (sql) => {
      const holder = await sql.reserve()
      await holder`begin`
      await holder`lock table cart in access share mode`
      await run({
        lockTimeoutMs: 50,
        onProgress: (progress) => {
          seen.push(progress)
          if (progress.cell === 'cell-03' && progress.attempts === 2 && progress.failure) holder`commit`.execute()
        },
      })
      holder.release()
    })
    expect(seen.find(({ cell, failure }) => cell === 'cell-03' && failure)?.failure).toBe('canceling statement due to lock timeout')
    const found = (await status()).cells.find(({ cell }) => cell === 'cell-03')
    expect(found?.latest).toMatchObject({ state: 'done', failure: null })
    expect(found?.latest?.attempts).toBeGreaterThanOrEqual(3)
  })

  test('a run whose process was killed is gone on with by the next one', async () => {
    write(addColumn())
    const program = `
      import { migrateFleet } from ${JSON.stringify(new URL('./fleet.ts', import.meta.url).href)}
      const { folder, ...where } = ${JSON.stringify(where())}
      await migrateFleet({ ...where, folder: new URL(folder), canary: 'cell-01', lockTimeoutMs: 50, attemptsMax: 1000 })`
    await inCell('cell-03', async (sql) => {
      const holder = await sql.reserve()
      await holder`begin`
      await holder`lock table cart in access share mode`
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' })
      const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
      await expect
        .poll(async () => (await status()).cells.filter(({ version }) => version === newest()).map(({ cell }) => cell))
        .toEqual(['cell-01', 'cell-02', 'cell-04'])
      child.kill('SIGKILL')
      expect(await ended).toBe('SIGKILL')
      await holder`commit`
      holder.release()
    })
    expect((await status()).latest).toMatchObject({ state: 'running' })
    // The server lets go of what the dead one held as soon as it has noticed.
    await expect
      .poll(() => run().catch((error: FleetRefusal) => error.code))
      .toMatchObject({ waves: [['cell-03']], already: ['cell-01', 'cell-02', 'cell-04'] })
    const [dead] = await directory`select failure from platform.fleet_migration order by started_at desc offset 1 limit 1`
    expect(dead?.failure).toBe('It ended without a word.')
  })
})

describe('a contract', () => {
  const report = async (id: string, kind: string, known: number): Promise<boolean> => {
    const app = postgres(home.url('souk_app'), { max: 1 })
    const [row] = await app`select platform.report_process(${id}, ${kind}, 'host:1', 1000, ${known}) as served`
    await app.end()
    return row?.served
  }

  /** An expand, a contract, and an expand after it. */
  function writeContract(): void {
    const name = column()
    write(addColumn(name))
    write(`-- phase: contract\nalter table cart drop column ${name}`, 'contract')
    write(addColumn())
  }

  test('and what follows it wait in an ordinary run, and for every cell to have what precedes it', async () => {
    const before = newest()
    writeContract()
    await directory`update platform.cell set status = 'retired' where name = 'cell-03'`
    await run()
    expect(await versions()).toEqual({ 'cell-01': before + 1, 'cell-02': before + 1, 'cell-04': before + 1 })
    expect((await status()).contracts).toEqual({ files: [`cell/${String(before + 2).padStart(4, '0')}_contract.sql`], blockers: [] })
    await directory`update platform.cell set status = 'open'`
    await expect(run({ upTo: 'contract' })).rejects.toThrow(`cell-03 is at cell ${before}, before ${before + 1}`)
    expect(Object.values(await versions())).toEqual([before + 1, before + 1, before, before + 1])
    await run()
    await run({ upTo: 'contract' })
  })

  test('is not made while a program runs that does not know it, and shuts such ones out afterwards', async () => {
    const before = newest()
    writeContract()
    await run()
    const [old, young] = [randomUUID(), randomUUID()]
    expect(await report(old, 'worker', before + 1)).toBe(true)
    expect(await report(young, 'api', before + 2)).toBe(true)
    await expect(run({ upTo: 'contract' })).rejects.toThrow(`worker host:1 was written for cell ${before + 1}, before ${before + 2}`)
    expect(new Set(Object.values(await versions()))).toEqual(new Set([before + 1]))
    expect(await report(old, 'worker', before + 1)).toBe(true)

    await directory`update platform.process set beat_at = now() - interval '10 minutes' where id = ${old}`
    await run({ upTo: 'contract' })
    expect(new Set(Object.values(await versions()))).toEqual(new Set([before + 3]))
    expect((await status()).floor.cell).toBe(before + 2)
    // One that had only been silent, and one that starts now.
    expect(await report(old, 'worker', before + 1)).toBe(false)
    expect(await report(randomUUID(), 'worker', before + 1)).toBe(false)
    expect(await report(young, 'api', before + 2)).toBe(true)
  })
})
