import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { extract, type Pack, pack } from 'tar-stream'
import type { BaseBackup } from './base-backup.ts'
import { CannotStart } from './cannot-start.ts'
import type { ObjectStore } from './object-store.ts'
import { chooseBackup } from './restore-backup.ts'
import { storedName } from './wal-outbox.ts'

const SEGMENTS_AT_ONCE = 4
const COMPRESSION_LEVEL = 3
const SEGMENT = /^wal\/([0-9A-F]{24})\.gz$/
const MANIFEST = /^base\/[^/]+\/manifest\.json$/

const dataOf = (name: string) => `base/${name}/data.tar.gz`
const manifestOf = (name: string) => `base/${name}/manifest.json`

/** Sends a base backup that lies complete in a folder. It is one of the store's when its manifest is there, which comes last. */
export async function storeBaseBackup(store: ObjectStore, folder: string, backup: BaseBackup): Promise<void> {
  const place = join(folder, 'base', backup.name)
  const entries = pack()
  const filling = fill(entries, place, ['password', ...backup.files.map(({ path }) => `data/${path}`), 'data/backup_label']).catch(
    (error) => {
      entries.destroy(error as Error)
      throw error
    },
  )
  await Promise.all([filling, store.put(dataOf(backup.name), entries.pipe(createGzip({ level: COMPRESSION_LEVEL })))])
  await store.put(manifestOf(backup.name), createReadStream(join(place, 'manifest.json')))
}

async function fill(entries: Pack, place: string, names: string[]): Promise<void> {
  for (const name of names) {
    const path = join(place, name)
    await pipeline(createReadStream(path), entries.entry({ name, size: (await stat(path)).size, mode: 0o600 }))
  }
  entries.finalize()
}

/** The complete ones, oldest first. */
export async function listStoredBackups(store: ObjectStore): Promise<BaseBackup[]> {
  const names = (await store.list('base/')).filter((name) => MANIFEST.test(name))
  return Promise.all(names.map(async (name) => JSON.parse(await text(await store.get(name))) as BaseBackup))
}

/**
 * Brings the newest base backup before that moment into a folder, and all segments after it: what `restoreBackup` restores from. Every
 * segment is held to its checksum here, every file of the backup there.
 */
export async function fetchBackup(store: ObjectStore, folder: string, at: Date | undefined): Promise<BaseBackup> {
  const backup = chooseBackup(await listStoredBackups(store), 'the store', at)
  const place = join(folder, 'base', backup.name)
  // The server's account passes through this folder to the archive, and through none of what is in the other.
  await mkdir(folder, { recursive: true })
  await mkdir(join(place, 'data', 'pg_wal', 'archive_status'), { recursive: true, mode: 0o700 })
  await unpack(store, place, backup)
  await writeFile(join(place, 'manifest.json'), JSON.stringify(backup), { mode: 0o600 })
  const archive = join(folder, 'wal')
  await mkdir(archive, { recursive: true })
  const wanted = (await store.list('wal/')).filter((name) => isNeeded(name, backup))
  const lanes = Array.from({ length: SEGMENTS_AT_ONCE }, async () => {
    for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) await fetchSegment(store, archive, name)
  })
  await Promise.all(lanes)
  return backup
}

/** Histories of timelines, and segments of any timeline from the backup's first one on. */
function isNeeded(name: string, { firstSegment }: BaseBackup): boolean {
  const [, segment] = SEGMENT.exec(name) ?? []
  return segment === undefined ? name.endsWith('.history.gz') : segment.slice(8) >= firstSegment.slice(8)
}

async function unpack(store: ObjectStore, place: string, backup: BaseBackup): Promise<void> {
  const known = new Set(['password', 'data/backup_label', ...backup.files.map(({ path }) => `data/${path}`)])
  // Folders that are empty in every backup, and have to be there.
  for (const folder of backup.folders) await mkdir(join(place, 'data', folder), { recursive: true, mode: 0o700 })
  const entries = extract()
  const reading = pipeline(await store.get(dataOf(backup.name)), createGunzip(), entries)
  for await (const entry of entries) {
    const { name } = entry.header
    // No name of another's making becomes a path here.
    if (!known.delete(name)) throw new CannotStart(`The backup ${backup.name} is damaged: ${name} is none of its files.`)
    await mkdir(dirname(join(place, name)), { recursive: true, mode: 0o700 })
    await pipeline(entry, createWriteStream(join(place, name), { flags: 'wx', mode: 0o600 }))
  }
  await reading
  for (const name of known) throw new CannotStart(`The backup ${backup.name} is damaged: ${name} is missing.`)
}

async function fetchSegment(store: ObjectStore, archive: string, stored: string): Promise<void> {
  const name = stored.slice('wal/'.length, -'.gz'.length)
  const hash = createHash('sha256')
  const content = (await store.get(stored)).pipe(createGunzip())
  content.on('data', (chunk: Buffer) => hash.update(chunk))
  await pipeline(content, createWriteStream(join(archive, name), { flags: 'wx', mode: 0o644 }))
  const expected = (await store.facts(storedName(name)))?.sha256
  if (hash.digest('hex') !== expected) throw new CannotStart(`The segment ${name} is damaged: it is not what was written.`)
}

/** Keeps that many of the newest base backups and every segment they need. Answers what went. */
export async function pruneStored(store: ObjectStore, keep: number): Promise<{ backups: string[]; segments: string[] }> {
  const backups = await listStoredBackups(store)
  const oldest = backups.slice(-Math.max(1, keep))[0]
  if (!oldest) return { backups: [], segments: [] }
  const gone = backups.filter(({ name }) => name < oldest.name).map(({ name }) => name)
  // The manifest first: a backup without one is none. What a broken upload has left has no manifest either.
  await store.remove(gone.map(manifestOf))
  await store.remove((await store.list('base/')).filter((name) => name < `base/${oldest.name}`))
  const segments = (await store.list('wal/')).filter((name) => SEGMENT.test(name) && !isNeeded(name, oldest))
  await store.remove(segments)
  return { backups: gone, segments }
}
