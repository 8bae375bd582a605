import { makeHandle, normalHandle } from '../catalog/handle.ts'
import { Refusal } from '../refusal.ts'
import { type ImportRow, readHeader, toRow } from './columns.ts'
import { type CsvRecord, malformed } from './read-csv.ts'

/** All rows of one product, in the order of the file. */
export interface RowGroup {
  /** The handle; '' for a row that names no product. */
  handle: string
  rows: ImportRow[]
  rowCount: number
}

/** What a first reading finds: how much there is, and which products have rows in several places. */
export interface Survey {
  products: number
  rows: number
  /** Handle -> number of its last row. */
  scattered: Map<string, number>
}

export const ROWS_MAX = 1_000_000
/** Rows kept of one product; it has more only when it has too many variants and images. */
export const PRODUCT_ROWS_MAX = 1_000
/** Text of rows that wait for the other rows of their product. */
const WAITING_CHARACTERS_MAX = 16 * 1024 * 1024

/**
 * Reads the whole file once, so that a file that cannot be read changes nothing, and the products are counted. Throws
 * what readCsv and readHeader throw, and `csv_header` for an empty file.
 */
export async function survey(records: AsyncIterable<CsvRecord>): Promise<Survey> {
  const seen = new Set<string>()
  const scattered = new Map<string, number>()
  const found = { products: 0, rows: 0, scattered }
  let current: string | undefined
  for await (const row of rowsOf(records)) {
    found.rows += 1
    if (found.rows > ROWS_MAX) throw malformed(row.line, `a file has at most ${ROWS_MAX} rows.`)
    const handle = handleOf(row)
    if (handle === '') found.products += 1
    else if (handle !== current && seen.has(handle)) scattered.set(handle, found.rows)
    else if (handle !== current) {
      seen.add(handle)
      found.products += 1
    } else if (scattered.has(handle)) scattered.set(handle, found.rows)
    current = handle
  }
  return found
}

/** The products of the file, each when its last row has been read: always in the same order for the same file. */
export async function* groupRows(records: AsyncIterable<CsvRecord>, { scattered }: Survey): AsyncGenerator<RowGroup> {
  const waiting = new Map<string, RowGroup>()
  let current: RowGroup | undefined
  let waitingCharacters = 0
  let number = 0
  for await (const row of rowsOf(records)) {
    number += 1
    const handle = handleOf(row)
    const last = scattered.get(handle)
    if (current && (handle === '' || current.handle !== handle)) {
      yield current
      current = undefined
    }
    if (last === undefined) {
      current = add(current, handle, row)
      continue
    }
    const group = add(waiting.get(handle), handle, row)
    waiting.set(handle, group)
    if (group.rows.at(-1) === row) waitingCharacters += charactersOf(row)
    if (waitingCharacters > WAITING_CHARACTERS_MAX)
      throw malformed(row.line, 'the rows of too many products lie apart. Sort the file by handle.')
    if (number < last) continue
    waiting.delete(handle)
    waitingCharacters -= group.rows.reduce((sum, held) => sum + charactersOf(held), 0)
    yield group
  }
  if (current) yield current
}

async function* rowsOf(records: AsyncIterable<CsvRecord>): AsyncGenerator<ImportRow> {
  let places: ReturnType<typeof readHeader> | undefined
  for await (const record of records) {
    if (!places) places = readHeader(record.fields)
    // A spreadsheet's empty rows are commas only.
    else if (record.fields.some((field) => field !== '')) yield toRow(record, places)
  }
  if (!places) throw new Refusal('csv_header', { detail: 'The file is empty.', extra: { line: 1 } })
}

/** Which product a row belongs to. As in Shopify, a row without a handle is given one by its title. */
function handleOf({ cells: { handle = '', title = '' } }: ImportRow): string {
  if (handle !== '') return normalHandle(handle) ?? makeHandle(handle)
  return title === '' ? '' : makeHandle(title)
}

function add(group: RowGroup | undefined, handle: string, row: ImportRow): RowGroup {
  const grown = group ?? { handle, rows: [], rowCount: 0 }
  grown.rowCount += 1
  if (grown.rows.length < PRODUCT_ROWS_MAX) grown.rows.push(row)
  return grown
}

function charactersOf(row: ImportRow): number {
  return Object.values(row.cells).reduce((sum, cell) => sum + cell.length, 0)
}
