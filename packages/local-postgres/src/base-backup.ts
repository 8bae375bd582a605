import { createHash } from 'node:crypto'
import { copyFile, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import postgres from 'postgres'
import { CannotStart } from './cannot-start.ts'

/** What a base backup says of itself, in its manifest.json. */
export interface BaseBackup {
  /** The name of its folder: when it was begun. */
  name: string
  startedAt: string
  finishedAt: string
  serverVersion: string
  systemIdentifier: string
  /** Segments of the write-ahead log from this one on are needed; up to `lastSegment` they are in the backup itself. */
  firstSegment: string
  lastSegment: string
  bytes: number
  files: BackedUpFile[]
  /** All folders, the empty ones too: a server does not start without them. */
  folders: string[]
}

interface BackedUpFile {
  path: string
  bytes: number
  sha256: string
}

// What a server makes anew, and what is another server's business: PostgreSQL's own list for base backups.
const EMPTY_FOLDERS = ['pg_wal', 'pg_replslot', 'pg_dynshmem', 'pg_notify', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans']
const LEFT_OUT =
  /^(postmaster\.(pid|opts)|pg_internal\.init(\..*)?|backup_label(\.old)?|tablespace_map(\.old)?|(recovery|standby)\.signal)$/
const TEMPORARY = /^pgsql_tmp/
const COPY_BYTES = 1024 * 1024

/**
 * Copies a running server's data to `<folder>/base/<time>`, with the write-ahead log that makes the copy whole. It is complete when it has
 * its name: until then the folder is called otherwise.
 */
export async function takeBaseBackup(options: {
  adminUrl: string
  dataDir: string
  folder: string
  now: Date
  /** False for a backup that nobody will miss: it does not wait for the disk. */
  durable?: boolean
}): Promise<BaseBackup> {
  const name = options.now.toISOString().replace(/[:.]/g, '-')
  const target = join(options.folder, 'base', name)
  const half = `${target}.part`
  // The archive beside it belongs to the server's account, which has to pass through this folder, and through none of what is in it.
  await mkdir(options.folder, { recursive: true })
  await mkdir(join(half, 'data'), { recursive: true, mode: 0o700 })
  // One session from beginning to end: the server ends a backup whose session is gone.
  const admin = postgres(options.adminUrl, { max: 1, idle_timeout: 0, max_lifetime: null, onnotice: () => {} })
  try {
    await refuseTablespaces(options.dataDir)
    // The segments that the copy needs stay until this session ends.
    await admin`select pg_create_physical_replication_slot(${`souk_backup_${process.pid}`}, true, true)`
    const [start] = await admin<{ lsn: string }[]>`select pg_backup_start(${`souk ${name}`}, true)::text as lsn`
    const durable = options.durable !== false
    const folders: string[] = []
    const files = await copyTree({ from: options.dataDir, to: join(half, 'data'), durable, folders })
    const [stop] = await admin<{ lsn: string; label: string; segment: number }[]>`
      select lsn::text, labelfile as label, pg_size_bytes(current_setting('wal_segment_size'))::integer as segment
      from pg_backup_stop(wait_for_archive => false)`
    const segments = await admin<{ first: string; last: string; version: string; system: string }[]>`
      select pg_walfile_name(${start?.lsn as string}::pg_lsn) as first, pg_walfile_name(${stop?.lsn as string}::pg_lsn - 1) as last,
        current_setting('server_version') as version, system_identifier::text as system from pg_control_system()`
    const { first, last, version, system } = segments[0] as { first: string; last: string; version: string; system: string }
    await writeFile(join(half, 'data', 'backup_label'), stop?.label as string, { mode: 0o600 })
    for (const segment of segmentsBetween(first, last, stop?.segment as number))
      files.push(await copyOne({ from: options.dataDir, to: join(half, 'data'), durable, folders }, `pg_wal/${segment}`))
    const backup: BaseBackup = {
      name,
      startedAt: options.now.toISOString(),
      finishedAt: new Date().toISOString(),
      serverVersion: version,
      systemIdentifier: system,
      firstSegment: first,
      lastSegment: last,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      files,
      folders,
    }
    // The superuser's password, which a server over this data asks for.
    await copyFile(`${options.dataDir}.password`, join(half, 'password'))
    await writeFile(join(half, 'manifest.json'), `${JSON.stringify(backup)}\n`, { mode: 0o600 })
    await syncFolder(half)
    await rename(half, target)
    return backup
  } catch (error) {
    await rm(half, { recursive: true, force: true })
    throw error
  } finally {
    await admin.end()
  }
}

/** The complete backups in a folder, oldest first. */
export async function listBaseBackups(folder: string): Promise<BaseBackup[]> {
  const names = (await readdir(join(folder, 'base')).catch(() => [] as string[])).filter((name) => !name.endsWith('.part')).sort()
  return Promise.all(
    names.map(async (name) => JSON.parse(await readFile(join(folder, 'base', name, 'manifest.json'), 'utf8')) as BaseBackup),
  )
}

async function refuseTablespaces(dataDir: string): Promise<void> {
  const found = await readdir(join(dataDir, 'pg_tblspc'))
  if (found.length > 0) throw new CannotStart('Tablespaces outside the data folder are not backed up by this command. Use pg_basebackup.')
}

interface Copy {
  from: string
  to: string
  durable: boolean
  /** Filled with those that were made. */
  folders: string[]
}

/** Files may grow, shrink or vanish meanwhile: what the copy lacks is in the write-ahead log. */
async function copyTree(copy: Copy, inside = ''): Promise<BackedUpFile[]> {
  const files: BackedUpFile[] = []
  for (const entry of await readdir(join(copy.from, inside), { withFileTypes: true })) {
    const path = inside === '' ? entry.name : `${inside}/${entry.name}`
    if (TEMPORARY.test(entry.name) || LEFT_OUT.test(entry.name)) continue
    if (entry.isDirectory()) {
      await mkdir(join(copy.to, path), { mode: 0o700 })
      copy.folders.push(path)
      if (path === 'pg_wal') await mkdir(join(copy.to, 'pg_wal', 'archive_status'), { mode: 0o700 })
      if (!EMPTY_FOLDERS.includes(path)) files.push(...(await copyTree(copy, path)))
    } else if (entry.isFile()) {
      const copied = await copyOne(copy, path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw error
      })
      if (copied) files.push(copied)
    }
  }
  return files
}

async function copyOne({ from, to, durable }: Copy, path: string): Promise<BackedUpFile> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(COPY_BYTES)
  // Opened before anything is made of its name.
  const source = await open(join(from, path))
  try {
    const target = await open(join(to, path), 'wx', 0o600)
    try {
      let bytes = 0
      for (;;) {
        const { bytesRead } = await source.read(buffer)
        if (bytesRead === 0) break
        const chunk = buffer.subarray(0, bytesRead)
        hash.update(chunk)
        await target.writeFile(chunk)
        bytes += bytesRead
      }
      if (durable) await target.sync()
      return { path, bytes, sha256: hash.digest('hex') }
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** The names of all segments from the first to the last, of one timeline: 8 digits of timeline, log and segment each. */
export function segmentsBetween(first: string, last: string, segmentBytes: number): string[] {
  const perLog = 2 ** 32 / segmentBytes
  const number = (name: string) => Number.parseInt(name.slice(8, 16), 16) * perLog + Number.parseInt(name.slice(16), 16)
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, '0')
  const names: string[] = []
  for (let at = number(first); at <= number(last); at += 1) names.push(first.slice(0, 8) + hex(Math.floor(at / perLog)) + hex(at % perLog))
  return names
}

async function syncFolder(folder: string): Promise<void> {
  for (const path of [folder, dirname(folder)]) {
    const handle = await open(path)
    await handle.sync().finally(() => handle.close())
  }
}
