import { appendFileSync, cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { listBaseBackups, segmentsBetween, takeBaseBackup } from './base-backup.ts'
import { pruneBackups } from './prune-backups.ts'
import { restoreBackup } from './restore-backup.ts'
import { type LocalServer, startServer } from './server.ts'
import { makeFleetingFolder } from './throwaway-folder.ts'
import { archiveEverything } from './wal-archive.ts'

const ARCHIVE_TIMEOUT_MS = 60_000

let place: string
let server: LocalServer
let folder: string
let sql: postgres.Sql
const restored: LocalServer[] = []

beforeAll(async () => {
  place = makeFleetingFolder()
  folder = join(place, 'backups')
  server = await startServer({ dataDir: join(place, 'data'), durable: false, walArchive: join(folder, 'wal') })
  sql = postgres(server.adminUrl(), { max: 4, onnotice: () => {} })
  await sql`create table sale (id bigint generated always as identity primary key, what text not null, at timestamptz not null default clock_timestamp())`
})
afterEach(() => Promise.all(restored.splice(0).map((copy) => copy.stop())))
afterAll(async () => {
  await sql.end()
  await server.stop()
  rmSync(place, { recursive: true, force: true })
})

const backUp = (now = new Date()) =>
  takeBaseBackup({ adminUrl: server.adminUrl(), dataDir: join(place, 'data'), folder, now, durable: false })
const sell = async (what: string) => (await sql`insert into sale (what) values (${what}) returning at`)[0]?.at as Date
const archive = () => archiveEverything(server.adminUrl(), join(folder, 'wal'), ARCHIVE_TIMEOUT_MS)

/** What was sold, in a copy restored from the backups. */
async function soldIn(name: string, at?: Date, backups = folder): Promise<string[]> {
  const dataDir = join(place, name, 'data')
  await restoreBackup({ folder: backups, dataDir, ...(at && { at }) })
  const copy = await startServer({ dataDir, durable: false, subscribes: false })
  restored.push(copy)
  const reading = postgres(copy.adminUrl(), { max: 1 })
  try {
    return (await reading`select what from sale order by id`).map((row) => row.what as string)
  } finally {
    await reading.end()
  }
}

test('a base backup taken while everybody writes is whole by itself', async () => {
  let writing = true
  const writers = Array.from({ length: 3 }, async () => {
    while (writing) {
      await sell('under way')
      await pause(5)
    }
  })
  await sell('before')
  await backUp()
  writing = false
  await Promise.all(writers)
  const [backup] = await listBaseBackups(folder)
  const dataDir = join(place, 'alone', 'data')
  await restoreBackup({ folder: withoutArchive(), dataDir })
  const copy = await startServer({ dataDir, durable: false })
  restored.push(copy)
  const reading = postgres(copy.adminUrl(), { max: 1 })
  const [row] = await reading`select count(*) filter (where what = 'before')::int as before, count(*) = max(id) as whole from sale`
  await reading.end()
  expect(row).toEqual({ before: 1, whole: true })
  expect(backup?.bytes).toBeGreaterThan(1_000_000)
})

/** The same backups in a folder that has no archive. */
function withoutArchive(): string {
  const alone = join(place, 'backups-alone')
  cpSync(join(folder, 'base'), join(alone, 'base'), { recursive: true })
  return alone
}

describe('with the archive', () => {
  test('any moment since the backup is restored: what was done by mistake is not', async () => {
    await backUp()
    const good = await sell('worth keeping')
    // PostgreSQL compares commit times, which are later than what the row says.
    await pause(50)
    const moment = new Date()
    await pause(50)
    await sql`delete from sale`
    await sell('too late')
    await archive()
    expect(good.getTime()).toBeLessThan(moment.getTime())
    const sold = await soldIn('moment', moment)
    expect(sold).toContain('worth keeping')
    expect(sold).not.toContain('too late')
    expect(await soldIn('end')).toEqual(['too late'])
    const early = { folder, dataDir: join(place, 'early'), at: new Date('2001-01-01') }
    await expect(restoreBackup(early)).rejects.toThrow('there is nothing before')
    expect(existsSync(early.dataDir)).toBe(false)
  })

  test('a server that was restored to a moment is backed up and restored in its turn', async () => {
    await backUp()
    await sell('before all')
    await pause(50)
    const moment = new Date()
    await pause(50)
    await sell('undone')
    await archive()
    expect(await soldIn('first-life', moment)).not.toContain('undone')
    await Promise.all(restored.splice(0).map((copy) => copy.stop()))
    const dataDir = join(place, 'first-life', 'data')
    const own = join(place, 'own-backups')
    const second = await startServer({ dataDir, durable: false, walArchive: join(own, 'wal') })
    restored.push(second)
    const writing = postgres(second.adminUrl(), { max: 1 })
    await takeBaseBackup({ adminUrl: second.adminUrl(), dataDir, folder: own, now: new Date(), durable: false })
    await writing`insert into sale (what) values ('second life')`
    await writing.end()
    await archiveEverything(second.adminUrl(), join(own, 'wal'), ARCHIVE_TIMEOUT_MS)
    const sold = await soldIn('second-life', undefined, own)
    expect(sold).toContain('before all')
    expect(sold).toContain('second life')
    expect(sold).not.toContain('undone')
  })
})

test('a file that is not what was written is found before anything is started', async () => {
  const { name, files } = await backUp()
  const damaged = files.find(({ path }) => path.startsWith('base/')) as { path: string }
  appendFileSync(join(folder, 'base', name, 'data', damaged.path), 'x')
  await expect(restoreBackup({ folder, dataDir: join(place, 'damaged') })).rejects.toThrow(`is damaged: ${damaged.path}`)
  expect(readdirSync(place)).not.toContain('damaged')
  rmSync(join(folder, 'base', name), { recursive: true })
})

test('old backups go with the segments that only they needed', async () => {
  await backUp()
  await archive()
  const newest = await backUp()
  const before = readdirSync(join(folder, 'wal'))
  const { backups, segments } = await pruneBackups(folder, 1)
  expect(backups.length).toBeGreaterThan(0)
  expect(segments.length).toBeGreaterThan(0)
  expect((await listBaseBackups(folder)).map(({ name }) => name)).toEqual([newest.name])
  expect(segments.every((name) => before.includes(name) && name < newest.firstSegment)).toBe(true)
  await sell('still there')
  await archive()
  expect(await soldIn('pruned')).toContain('still there')
})

test('a backup that cannot be taken leaves nothing behind', async () => {
  const before = readdirSync(join(folder, 'base'))
  await expect(takeBaseBackup({ adminUrl: server.adminUrl(), dataDir: join(place, 'nowhere'), folder, now: new Date() })).rejects.toThrow(
    'ENOENT',
  )
  expect(readdirSync(join(folder, 'base'))).toEqual(before)
})

test('segments are counted over the end of a log', () => {
  expect(segmentsBetween('0000000100000000000000FE', '000000010000000100000001', 16 * 1024 * 1024)).toEqual([
    '0000000100000000000000FE',
    '0000000100000000000000FF',
    '000000010000000100000000',
    '000000010000000100000001',
  ])
})
