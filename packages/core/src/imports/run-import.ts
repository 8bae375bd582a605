import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { recordEvent } from '../events/record.ts'
import { currencyDigits } from '../money.ts'
import { Refusal } from '../refusal.ts'
import { groupRows, type RowGroup, survey } from './group-rows.ts'
import type { Problem } from './problem.ts'
import { readCsv } from './read-csv.ts'
import { readProduct } from './read-product.ts'
import type { ImportFailure, ImportStatus, StockMode } from './tables.ts'
import { HandleRaced, IMPORT_ACTOR, writeChunk } from './write-chunk.ts'

export const CHUNK_PRODUCTS_MAX = 50
const CHUNK_ROWS_MAX = 1_000
const CHUNK_CHARACTERS_MAX = 4 * 1024 * 1024
const PARTS_A_READ = 4
const RACES_MAX = 5

export interface RunOptions {
  now?: () => Date
  /** Told of each committed chunk, with how many products are done. What it throws ends the run, as a crash would. */
  onChunk?: (productsDone: number) => void | Promise<void>
}

interface Running {
  importId: string
  stockMode: StockMode
  digits: number
  productsDone: number
}

/**
 * Imports an uploaded file: reads it once to see that it can be read, then writes its products in chunks, each in one
 * transaction with the progress it makes. A run that was killed goes on after its last chunk; one that is over is left
 * alone. A file that cannot be read ends as `failed`; products that cannot be taken are in the row report.
 */
export async function runImport(inMerchant: InMerchant, { importId }: { importId: string }, options: RunOptions = {}): Promise<void> {
  const now = options.now ?? (() => new Date())
  const running = await inMerchant((tx) => start(tx, importId, now()))
  if (!running) return
  try {
    const found = await survey(readCsv(storedParts(inMerchant, importId)))
    await inMerchant(
      (tx) => tx.sql`
      update catalog_import set products_total = ${found.products}::bigint where merchant_id = ${tx.merchantId} and id = ${importId}`,
    )
    let chunksDone = 0
    for await (const chunk of chunks(groupRows(readCsv(storedParts(inMerchant, importId)), found), running.productsDone)) {
      await importChunk(inMerchant, running, chunk, now)
      crashPoint('import.chunk_committed')
      running.productsDone += chunk.length
      chunksDone += 1
      // After 1, 2, 4, 8, ... chunks: plans made over an empty shop must not serve a full one.
      if (Number.isInteger(Math.log2(chunksDone))) await inMerchant.read((tx) => tx.sql`select app.refresh_statistics()`)
      await options.onChunk?.(running.productsDone)
    }
  } catch (error) {
    if (!(error instanceof Refusal && error.code.startsWith('csv_'))) throw error
    const { detail = error.code, extra } = error.details
    const failure = { code: error.code, detail, ...(extra?.line !== undefined && { line: extra.line as number }) }
    await inMerchant((tx) => finish(tx, importId, 'failed', failure, now()))
    return
  }
  await inMerchant((tx) => finish(tx, importId, 'done', null, now()))
}

/** Marks the import as running. Undefined when there is nothing to do: it is over, or was never sealed. */
async function start(tx: Tx, importId: string, now: Date): Promise<Running | undefined> {
  const [row] = await tx.sql<{ stock_mode: StockMode; products_done: bigint; currency: string }[]>`
    update catalog_import i set status = 'running', started_at = coalesce(i.started_at, ${now}::timestamptz)
    from merchant_settings s
    where i.merchant_id = ${tx.merchantId} and i.id = ${importId} and i.status in ('queued', 'running') and s.merchant_id = ${tx.merchantId}
    returning i.stock_mode, i.products_done, s.currency`
  if (!row) return undefined
  return { importId, stockMode: row.stock_mode, digits: currencyDigits(row.currency), productsDone: Number(row.products_done) }
}

/** The file as it was uploaded, a few parts at a time, each read in a transaction of its own. */
async function* storedParts(inMerchant: InMerchant, importId: string): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; position += PARTS_A_READ) {
    const parts = await inMerchant.read(
      (tx) => tx.sql<{ content: Uint8Array; position: number }[]>`
      select content, position from catalog_import_part
      where merchant_id = ${tx.merchantId} and import_id = ${importId} and position >= ${position}::int and position < ${position + PARTS_A_READ}::int
      order by position`,
    )
    for (const [index, part] of parts.entries()) {
      if (part.position !== position + index) throw new Error(`part ${position + index} of import ${importId} is missing`)
      yield part.content
    }
    if (parts.length < PARTS_A_READ) return
  }
}

/** What is still to do, in chunks that one transaction can hold. */
async function* chunks(groups: AsyncIterable<RowGroup>, productsDone: number): AsyncGenerator<RowGroup[]> {
  let chunk: RowGroup[] = []
  let [skip, rows, characters] = [productsDone, 0, 0]
  for await (const group of groups) {
    if (skip > 0) {
      skip -= 1
      continue
    }
    chunk.push(group)
    rows += group.rows.length
    characters += group.rows.reduce((sum, row) => sum + (row.cells.bodyHtml?.length ?? 0), 0)
    if (chunk.length < CHUNK_PRODUCTS_MAX && rows < CHUNK_ROWS_MAX && characters < CHUNK_CHARACTERS_MAX) continue
    yield chunk
    chunk = []
    rows = characters = 0
  }
  if (chunk.length > 0) yield chunk
}

/** One chunk, its report and its progress: all of it or nothing. */
async function importChunk(inMerchant: InMerchant, running: Running, chunk: readonly RowGroup[], now: () => Date): Promise<void> {
  for (let races = 0; ; races++) {
    try {
      return await inMerchant((tx) => writeWithProgress(tx, running, chunk, now()))
    } catch (error) {
      if (!(error instanceof HandleRaced) || races >= RACES_MAX) throw error
    }
  }
}

async function writeWithProgress(tx: Tx, running: Running, chunk: readonly RowGroup[], now: Date): Promise<void> {
  const { importId, stockMode, digits, productsDone } = running
  const [current] = await tx.sql`
    select 1 from catalog_import
    where merchant_id = ${tx.merchantId} and id = ${importId} and status = 'running' and products_done = ${productsDone}::bigint
    for update`
  if (!current) throw new Error(`import ${importId} is being run by somebody else`)
  // Read anew each time: this work may run more than once, and reading notes problems.
  const outcome = await writeChunk(
    tx,
    chunk.map((group) => readProduct(group, digits)),
    { stockMode, now },
  )
  const rows = chunk.reduce((sum, group) => sum + group.rowCount, 0)
  await Promise.all([
    tx.sql`
      update catalog_import set products_done = products_done + ${chunk.length}::bigint, rows_done = rows_done + ${rows}::bigint,
        created_count = created_count + ${outcome.created}::bigint, updated_count = updated_count + ${outcome.updated}::bigint,
        unchanged_count = unchanged_count + ${outcome.unchanged}::bigint, failed_count = failed_count + ${outcome.failed}::bigint
      where merchant_id = ${tx.merchantId} and id = ${importId}`,
    ...(outcome.problems.length > 0 ? [insertProblems(tx, importId, outcome.problems)] : []),
  ])
  crashPoint('import.chunk_written')
}

function insertProblems(tx: Tx, importId: string, problems: readonly Problem[]) {
  return tx.sql`
    insert into catalog_import_problem (merchant_id, import_id, severity, line, handle, field, code, detail)
    select ${tx.merchantId}, ${importId}::uuid, severity, line, handle, field, code, detail
    from jsonb_to_recordset(${JSON.stringify(problems)}::jsonb)
      as p (severity text, line bigint, handle text, field text, code text, detail text)`
}

/** Ends the import: the stored file goes, the counts and the report stay. */
async function finish(
  tx: Tx,
  importId: string,
  status: ImportStatus & ('done' | 'failed'),
  failure: ImportFailure | null,
  now: Date,
): Promise<void> {
  const [row] = await tx.sql`
    update catalog_import set status = ${status}, failure = ${failure && JSON.stringify(failure)}::jsonb, finished_at = ${now}
    where merchant_id = ${tx.merchantId} and id = ${importId} and status = 'running'
    returning created_count, updated_count, unchanged_count, failed_count`
  if (!row) return
  const counts = { created: row.created_count, updated: row.updated_count, unchanged: row.unchanged_count, failed: row.failed_count }
  const data = { import_id: importId, status, ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, Number(count)])) }
  await Promise.all([
    tx.sql`delete from catalog_import_part where merchant_id = ${tx.merchantId} and import_id = ${importId}`,
    recordEvent(tx, { type: 'import.finished', aggregateType: 'import', aggregateId: importId, data, actor: IMPORT_ACTOR, now }),
  ])
}
