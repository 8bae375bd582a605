import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { enqueue } from '../jobs.ts'
import { Refusal } from '../refusal.ts'
import { requireName } from '../text.ts'
import { readHeader } from './columns.ts'
import { survey } from './group-rows.ts'
import { type CatalogImport, importById } from './list-imports.ts'
import { malformed, readCsv } from './read-csv.ts'
import type { StockMode } from './tables.ts'

export const FILE_BYTES_MAX = 64 * 1024 * 1024
export const PART_BYTES_MAX = 256 * 1024
/** Imports of one merchant that are on their way at the same time. */
export const IMPORTS_OPEN_MAX = 5
/** An upload that has come to nothing is thrown away when the next one begins. */
const RECEIVING_MINUTES_MAX = 60
/** For so long an upload takes up a place: one whose process died must not keep the next one out. */
const RECEIVING_COUNTS_SECONDS = 60
const FILE_NAME_GRAPHEMES_MAX = 255
const HOUR_MS = 3_600_000
// Nobody knows when an import ends.
const AT_ONCE_RETRY_S = 10

export interface NewImport {
  fileName: string
  stockMode: StockMode
  /** What the merchant's plan says; without it IMPORTS_OPEN_MAX and as many rows as come. */
  limits?: ImportLimits | undefined
  now: Date
}

export interface ImportLimits {
  at_once?: number | undefined
  rows_per_hour?: number | undefined
}

/**
 * Begins an upload. Refuses `too_many_imports` when enough are on their way, and `quota_exceeded` when the merchant's plan allows no more
 * of them, or of their rows within an hour. A file is taken whole: the one that passes the limit is the last.
 */
export async function openImport(tx: Tx, { fileName, stockMode, limits = {}, now }: NewImport): Promise<CatalogImport> {
  const id = newId(now)
  const name = requireName('/file_name', fileName, FILE_NAME_GRAPHEMES_MAX)
  // The settings row is locked, so that uploads that begin together are counted one after the other.
  await tx.sql`select 1 from merchant_settings where merchant_id = ${tx.merchantId} for no key update`
  await tx.sql`
    delete from catalog_import
    where merchant_id = ${tx.merchantId} and status = 'receiving'
      and created_at < ${now}::timestamptz - make_interval(mins => ${RECEIVING_MINUTES_MAX}::int)`
  await assertImportAllowed(tx, limits, now)
  await tx.sql`
    insert into catalog_import (merchant_id, id, file_name, status, stock_mode, created_at)
    values (${tx.merchantId}, ${id}, ${name}, 'receiving', ${stockMode}, ${now})`
  return importById(tx, id)
}

async function assertImportAllowed(tx: Tx, { at_once, rows_per_hour }: ImportLimits, now: Date): Promise<void> {
  const [load] = await tx.sql<{ open: bigint; rows: bigint; oldest: Date | null }[]>`
    select count(*) filter (where status in ('queued', 'running')
        or status = 'receiving' and created_at > ${now}::timestamptz - make_interval(secs => ${RECEIVING_COUNTS_SECONDS}::int)) as open,
      coalesce(sum(rows_done) filter (where lately), 0)::bigint as rows, min(created_at) filter (where lately and rows_done > 0) as oldest
    from catalog_import cross join lateral (select created_at > ${now}::timestamptz - interval '1 hour' as lately) as recent
    where merchant_id = ${tx.merchantId} and (lately or status in ('receiving', 'queued', 'running'))`
  const { open, rows, oldest } = load!
  if (at_once !== undefined && open >= BigInt(at_once)) throw overPlan('imports.at_once', at_once, 'imports at a time', AT_ONCE_RETRY_S)
  if (at_once === undefined && open >= BigInt(IMPORTS_OPEN_MAX))
    throw new Refusal('too_many_imports', { detail: `At most ${IMPORTS_OPEN_MAX} imports run at a time.` })
  if (rows_per_hour === undefined || rows < BigInt(rows_per_hour)) return
  const passedMs = oldest === null ? 0 : now.getTime() - oldest.getTime()
  throw overPlan('imports.rows_per_hour', rows_per_hour, 'imported rows an hour', Math.ceil(Math.max(0, HOUR_MS - passedMs) / 1_000) + 1)
}

function overPlan(limit: string, allowed: number, of: string, retryAfterS: number): Refusal {
  return new Refusal('quota_exceeded', {
    detail: `The merchant's plan allows ${allowed} ${of}.`,
    extra: { limit, allowed },
    retryAfterS,
  })
}

/**
 * Stores the next part of the file: at most PART_BYTES_MAX bytes, parts counted from 0. Refuses `body_too_large` past
 * the limit of a file. The same part may be sent again.
 */
export async function appendPart(tx: Tx, importId: string, position: number, content: Uint8Array): Promise<void> {
  if (content.length === 0 || content.length > PART_BYTES_MAX)
    throw new Error(`a part has 1 to ${PART_BYTES_MAX} bytes, not ${content.length}`)
  const [row] = await tx.sql<{ stored: boolean }[]>`
    with receiving as (
      select bytes_received from catalog_import
      where merchant_id = ${tx.merchantId} and id = ${importId} and status = 'receiving'
      for update
    ), part as (
      insert into catalog_import_part (merchant_id, import_id, position, content)
      select ${tx.merchantId}, ${importId}::uuid, ${position}::int, ${Buffer.from(content)}::bytea from receiving
      where bytes_received + ${content.length}::bigint <= ${FILE_BYTES_MAX}::bigint
      on conflict do nothing
      returning 1
    ), counted as (
      update catalog_import set bytes_received = bytes_received + ${content.length}::bigint
      where merchant_id = ${tx.merchantId} and id = ${importId} and exists (select from part)
    )
    select exists (select from part) or bytes_received + ${content.length}::bigint <= ${FILE_BYTES_MAX}::bigint as stored from receiving`
  if (!row) throw noSuchUpload()
  if (!row.stored) throw new Refusal('body_too_large', { detail: `A file has at most ${FILE_BYTES_MAX / 1024 / 1024} MiB.` })
  crashPoint('import.part_received')
}

/**
 * Ends an upload and queues the import. Looks at the file first, at the header of a large one: refuses `csv_encoding`,
 * `csv_header` or `csv_malformed` when it cannot be read, so that the caller hears it at once. The upload then stays
 * open: see abandonImport.
 */
export async function sealImport(tx: Tx, importId: string): Promise<CatalogImport> {
  const parts = await tx.sql<{ content: Uint8Array }[]>`
    select content from catalog_import_part where merchant_id = ${tx.merchantId} and import_id = ${importId} order by position limit 4`
  await checkBeginning(parts.map((part) => part.content))
  const sealed = await tx.sql`
    update catalog_import set status = 'queued'
    where merchant_id = ${tx.merchantId} and id = ${importId} and status = 'receiving'
    returning 1`
  if (sealed.length === 0) throw noSuchUpload()
  await enqueue(tx, 'run_import', { importId }, { key: importId })
  crashPoint('import.sealed')
  return importById(tx, importId)
}

/** Throws away an upload that is not going to be sealed. */
export async function abandonImport(tx: Tx, importId: string): Promise<void> {
  await tx.sql`delete from catalog_import where merchant_id = ${tx.merchantId} and id = ${importId} and status = 'receiving'`
}

/** A file of one part is read whole, of a larger one the header: what comes after it may be cut anywhere. */
async function checkBeginning(parts: readonly Uint8Array[]): Promise<void> {
  if (parts.length < 2) {
    await survey(readCsv(parts))
    return
  }
  const bytes = Buffer.concat(parts)
  const end = headerEnd(bytes)
  if (end === -1) throw malformed(1, 'the line has no end.')
  for await (const record of readCsv([bytes.subarray(0, end)])) readHeader(record.fields)
}

/** Where the first record ends: at a line break outside quotes. */
function headerEnd(bytes: Buffer): number {
  let quoted = false
  return bytes.findIndex((byte) => {
    if (byte === 0x22) quoted = !quoted
    return !quoted && (byte === 10 || byte === 13)
  })
}

function noSuchUpload(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such upload.' })
}
