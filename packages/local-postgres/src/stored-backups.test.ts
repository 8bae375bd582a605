import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { createGunzip, gzipSync } from 'node:zlib'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { takeBaseBackup } from './base-backup.ts'
import { ObjectStore } from './object-store.ts'
import { restoreBackup } from './restore-backup.ts'
import { type LocalServer, startServer } from './server.ts'
import { fetchBackup, listStoredBackups, pruneStored, storeBaseBackup } from './stored-backups.ts'
import { type S3Server, startS3Server } from './testing/s3-server.ts'
import { makeFleetingFolder } from './throwaway-folder.ts'
import { type Shipping, shipEverything, shipOutbox } from './wal-outbox.ts'

const TIMEOUT_MS = 120_000

let place: string
let s3: S3Server
let store: ObjectStore
let server: LocalServer
let shipping: Shipping | undefined
let sql: postgres.Sql
const said: string[] = []

const outbox = () => join(place, 'outbox')
const ship = () => {
  shipping = shipOutbox({ folder: outbox(), store, log: (line) => said.push(line) })
}

beforeAll(async () => {
  place = makeFleetingFolder()
  s3 = await startS3Server(join(place, 's3'))
  store = openStore('here')
  server = await startServer({ dataDir: join(place, 'data'), durable: false, walOutbox: outbox() })
  sql = postgres(server.adminUrl(), { max: 2, onnotice: () => {} })
  await sql`create table sale (id bigint generated always as identity primary key, what text not null)`
  ship()
})
afterAll(async () => {
  await sql.end()
  await server.stop()
  await shipping?.stop()
  store.close()
  await s3.close()
  rmSync(place, { recursive: true, force: true })
})

function openStore(prefix: string): ObjectStore {
  return new ObjectStore({ ...s3, prefix })
}

const sell = (what: string) => sql`insert into sale (what) values (${what})`

/** A base backup that is in the store alone. */
async function backUp() {
  const staging = join(place, 'staging')
  const backup = await takeBaseBackup({
    adminUrl: server.adminUrl(),
    dataDir: join(place, 'data'),
    folder: staging,
    now: new Date(),
    durable: false,
  })
  await storeBaseBackup(store, staging, backup)
  rmSync(staging, { recursive: true })
  return backup
}

async function soldIn(name: string, at?: Date): Promise<string[]> {
  const [folder, dataDir] = [join(place, name, 'fetched'), join(place, name, 'data')]
  await fetchBackup(store, folder, at)
  await restoreBackup({ folder, dataDir, ...(at && { at }) })
  const copy = await startServer({ dataDir, durable: false, subscribes: false })
  const reading = postgres(copy.adminUrl(), { max: 1 })
  try {
    return (await reading`select what from sale order by id`).map((row) => row.what as string)
  } finally {
    await reading.end()
    await copy.stop()
  }
}

test('a backup in the store and the log after it bring back any moment', async () => {
  await sell('before the backup')
  await backUp()
  await sell('after it')
  // PostgreSQL compares commit times.
  await pause(50)
  const moment = new Date()
  await pause(50)
  await sell('too late')
  await shipEverything(server.adminUrl(), TIMEOUT_MS)
  expect(readdirSync(outbox())).toEqual([])
  expect(await soldIn('moment', moment)).toEqual(['before the backup', 'after it'])
  await expect(fetchBackup(store, join(place, 'early'), new Date('2001-01-01'))).rejects.toThrow('there is nothing before')
  expect(said).toEqual([])
})

test('while nobody sends, the server keeps what it has; what was sent before a crash is sent again without harm', async () => {
  await shipping?.stop()
  await sell('while nobody sends')
  const [{ segment }] = await sql<[{ segment: string }]>`select pg_walfile_name(pg_switch_wal() - 1) as segment`
  await expect.poll(() => existsSync(join(outbox(), segment))).toBe(true)
  await expect(shipEverything(server.adminUrl(), 500)).rejects.toThrow('did not take')
  const [{ last }] = await sql<[{ last: string }]>`select last_archived_wal as last from pg_stat_archiver`
  expect(last.slice(8) < segment.slice(8)).toBe(true)

  // As a sender that dies between the store's answer and its own next line: the store has it, and it lies here still.
  const sent = (await store.list('wal/')).filter((name) => name.endsWith(`${last}.gz`))
  expect(sent).toHaveLength(1)
  writeFileSync(join(outbox(), last), await buffer((await store.get(sent[0]!)).pipe(createGunzip())))
  ship()
  await shipEverything(server.adminUrl(), TIMEOUT_MS)
  expect(readdirSync(outbox())).toEqual([])
  expect(await store.facts(`wal/${segment}.gz`)).toMatchObject({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })

  // Of another server, under the same name: never written over.
  writeFileSync(join(outbox(), last), 'something else')
  await expect.poll(() => said.join()).toContain(`the store has another ${last}`)
  rmSync(join(outbox(), last))
})

test('a segment that was changed in the store is found before anything is started', async () => {
  const [segment] = (await store.list('wal/')).filter((name) => /[0-9A-F]{24}\.gz$/.test(name)).slice(-1)
  const content = await buffer(await store.get(segment!))
  const facts = await store.facts(segment!)
  await store.put(segment!, gzipSync('nothing of the kind'), facts)
  await expect(fetchBackup(store, join(place, 'changed'), undefined)).rejects.toThrow('is damaged')
  await store.put(segment!, content, facts)
})

test('old backups go with the segments that only they needed, and what a broken upload has left', async () => {
  await store.put('base/2001-01-01T00-00-00-000Z/data.tar.gz', Buffer.from('half of it'))
  const newest = await backUp()
  const before = await store.list('')
  const { backups, segments } = await pruneStored(store, 1)
  expect([backups.length, segments.length > 0]).toEqual([1, true])
  expect((await listStoredBackups(store)).map(({ name }) => name)).toEqual([newest.name])
  const after = await store.list('')
  expect(after.filter((name) => name.startsWith('base/'))).toHaveLength(2)
  expect(before.length - after.length).toBe(segments.length + 3)
  await shipEverything(server.adminUrl(), TIMEOUT_MS)
  expect(await soldIn('pruned')).toEqual(['before the backup', 'after it', 'too late', 'while nobody sends'])
})

test('servers of other prefixes are not seen', async () => {
  const other = openStore('elsewhere')
  expect(await other.list('')).toEqual([])
  await other.put('wal/x', Buffer.from('x'))
  expect(await store.list('wal/x')).toEqual([])
  other.close()
})
