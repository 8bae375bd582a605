import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type postgres from 'postgres'
import { type Pack, pack } from 'tar-stream'
import {
  ARCHIVE_FORMAT,
  ARCHIVE_VERSION,
  CHECKSUMS,
  type Checksums,
  MANIFEST,
  type Manifest,
  partName,
  readEntryName,
} from './archive-format.ts'
import { WRITTEN_IN_ORDER } from './left-behind.ts'
import { readTenantTables, type TenantColumn, type TenantTable } from './tenant-tables.ts'

/** What is in an archive, told when it is whole. */
export interface ArchiveContent {
  takenAt: Date
  rows: Record<string, number>
  mediaFiles: number
}

export interface ArchiveSource {
  merchant: Manifest['merchant']
  /** Where its media are, if it has any. */
  mediaFolder: string | undefined
  /** Called as rows are written: with how many since the last call. May throw to end the writing. */
  onRows?: (rows: number) => void
}

// A part is written back by one statement, which has five seconds: small enough on a slow machine, whatever the table.
const PART_BYTES = 512 * 1024
const FETCH_BYTES = 1024 * 1024
const FETCH_ROWS_FIRST = 4
const FETCH_ROWS_MAX = 2_000
const COMPRESSION_LEVEL = 6

/**
 * Writes all that a merchant has into one file: a compressed tar of a manifest, the rows of every table in parts, the media, and
 * checksums. `snapshot` sees the merchant at one moment; no more than a few parts are ever in memory.
 */
export async function writeArchive(
  path: string,
  snapshot: { sql: postgres.TransactionSql; takenAt: Date },
  source: ArchiveSource,
): Promise<ArchiveContent> {
  const entries = pack()
  const written = pipeline(entries, createGzip({ level: COMPRESSION_LEVEL }), createWriteStream(path, { flags: 'w', mode: 0o600 }))
  const filled = fill(entries, snapshot, source).catch((error) => {
    entries.destroy(error as Error)
    throw error
  })
  const [content] = await Promise.all([filled, written])
  await sync(path)
  return content
}

async function fill(
  entries: Pack,
  { sql, takenAt }: { sql: postgres.TransactionSql; takenAt: Date },
  { merchant, mediaFolder, onRows = () => {} }: ArchiveSource,
): Promise<ArchiveContent> {
  const tables = await readTenantTables(sql)
  const manifest = Buffer.from(`${JSON.stringify(manifestOf(merchant, takenAt, tables), null, 2)}\n`)
  await add(entries, MANIFEST, manifest)
  const checksums: Checksums = { manifest: sha256(manifest), entries: [], rows: {} }
  const addCounted = async (name: string, content: Buffer, rows?: number) => {
    await add(entries, name, content)
    checksums.entries.push({ name, bytes: content.byteLength, sha256: sha256(content), ...(rows !== undefined && { rows }) })
  }
  for (const table of tables) {
    let [part, total] = [0, 0]
    for await (const { lines, rows } of readParts(sql, merchant.id, table)) {
      part += 1
      total += rows
      await addCounted(partName(table.name, part), lines, rows)
      onRows(rows)
    }
    checksums.rows[table.name] = total
  }
  const media = await listMedia(mediaFolder)
  for (const file of media) await addCounted(`media/${file}`, await readFile(join(mediaFolder!, file)))
  await add(entries, CHECKSUMS, Buffer.from(`${JSON.stringify(checksums, null, 2)}\n`))
  entries.finalize()
  return { takenAt, rows: checksums.rows, mediaFiles: media.length }
}

function manifestOf(merchant: Manifest['merchant'], takenAt: Date, tables: TenantTable[]): Manifest {
  return {
    format: ARCHIVE_FORMAT,
    version: ARCHIVE_VERSION,
    merchant,
    taken_at: takenAt.toISOString(),
    tables: tables.map(({ name, columns, primaryKey, references }) => ({ name, columns, primary_key: primaryKey, references })),
  }
}

/** The rows of a table as lines of JSON, in parts of about PART_BYTES. How many rows are fetched at once follows from their size. */
async function* readParts(sql: postgres.TransactionSql, merchantId: string, table: TenantTable) {
  const order = WRITTEN_IN_ORDER[table.name] ?? table.primaryKey
  const ordered = order.length === 0 ? '' : `order by ${order.map(quoted).join(', ')}`
  await sql.unsafe(
    `declare rows_of_table no scroll cursor for select ${lineOf(table.columns)} as line from public.${quoted(table.name)} t
     where merchant_id = '${merchantId}' ${ordered}`,
  )
  let [parts, rows, bytes, fetched] = [[] as string[], 0, 0, FETCH_ROWS_FIRST]
  for (;;) {
    const found = await sql.unsafe<{ line: string }[]>(`fetch forward ${fetched} from rows_of_table`)
    let fetchedBytes = 0
    for (const { line } of found) {
      const size = Buffer.byteLength(line) + 1
      if (rows > 0 && bytes + size > PART_BYTES) {
        yield { lines: Buffer.from(parts.join('')), rows }
        ;[parts, rows, bytes] = [[], 0, 0]
      }
      parts.push(line, '\n')
      rows += 1
      bytes += size
      fetchedBytes += size
    }
    if (found.length < fetched) break
    const perRow = fetchedBytes / found.length
    fetched = Math.max(1, Math.min(FETCH_ROWS_MAX, fetched * 4, Math.floor(FETCH_BYTES / perRow)))
  }
  if (rows > 0) yield { lines: Buffer.from(parts.join('')), rows }
  await sql.unsafe('close rows_of_table')
}

/**
 * A row as the text of a JSON object, without loss: whole numbers of 64 bits are strings, a column that is null is absent, and a
 * null of JSON is a null. Everything that is not JSON itself, a number or an array is in PostgreSQL's own form as text.
 */
function lineOf(columns: readonly TenantColumn[]): string {
  const members = columns.map(({ name, type }) => `${literal(`${JSON.stringify(name)}:`)} || ${textOf(`t.${quoted(name)}`, type)}`)
  return `'{' || concat_ws(',', ${members.join(', ')}) || '}'`
}

function textOf(column: string, type: string): string {
  if (type === 'jsonb') return `${column}::text`
  if (type === 'boolean' || type === 'integer' || type === 'smallint' || type.endsWith('[]') || type.startsWith('timestamp')) {
    return `to_json(${column})::text`
  }
  return `to_json(${column}::text)::text`
}

/** Names of files, for those that can be served. Nothing where there is no folder. */
async function listMedia(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return []
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const names = found.filter((name) => readEntryName(`media/${name}`) !== undefined).sort()
  // Links count as what they lead to.
  const isFile = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).isFile()))
  return names.filter((_, index) => isFile[index])
}

/** Waits until the entry has been taken: this is what keeps the writing from running ahead of the disk. */
function add(entries: Pack, name: string, content: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    entries.entry({ name, mode: 0o600, mtime: new Date(0) }, content, (error) => (error ? reject(error) : resolve()))
  })
}

/** An archive that is said to be there must be there after a power cut. */
async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
