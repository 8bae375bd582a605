import { isUtf8 } from 'node:buffer'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parse } from 'csv-parse'
import { Refusal } from '../refusal.ts'

/** One record of the file; the first is the header. `line` is where it begins, counted from 1. */
export interface CsvRecord {
  line: number
  fields: string[]
}

export const LINE_BYTES_MAX = 1024 * 1024
export const RECORD_BYTES_MAX = 1024 * 1024
export const COLUMNS_MAX = 500
const PIECE_BYTES = 64 * 1024

/**
 * Reads CSV as it comes in: UTF-8 with or without a byte order mark, lines ended in any way and mixed, quotes as in
 * RFC 4180; a quote in the middle of a bare field is part of the text. Blank lines are skipped. Never holds more than a
 * piece of the file and a few records. Throws `csv_encoding` or `csv_malformed`, with the line.
 */
export async function* readCsv(parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<CsvRecord> {
  const place = { line: 1, columns: 0 }
  const parser = parse({
    bom: true,
    delimiter: ',',
    // The longer first: a carriage return alone ends a line too.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_quotes: true,
    // Lengths are checked in `take`, which knows the line.
    relax_column_count: true,
    max_record_size: RECORD_BYTES_MAX,
    // The typings know of records of strings alone.
    on_record: (fields) => take(fields, place) as never,
  })
  const feeding = pipeline(Readable.from(pieces(parts)), parser)
  feeding.catch(() => {})
  try {
    for await (const record of parser) yield record as CsvRecord
  } catch (error) {
    throw explain(error, place.line)
  }
}

export function malformed(line: number, detail: string): Refusal {
  return new Refusal('csv_malformed', { detail: `Line ${line}: ${detail}`, extra: { line } })
}

/** A record with its line, or null for a blank line. */
function take(fields: string[], place: { line: number; columns: number }): CsvRecord | null {
  const { line } = place
  place.line += 1 + fields.reduce((lines, field) => lines + lineBreaks(field), 0)
  if (fields.length === 1 && fields[0] === '') return null
  if (place.columns === 0) {
    // UTF-16 that does not say so: every other byte of its names is zero.
    if (fields.some((field) => field.includes('\0'))) throw notUtf8(line)
    if (fields.length > COLUMNS_MAX) throw malformed(line, `there are more than ${COLUMNS_MAX} columns.`)
    place.columns = fields.length
  }
  if (fields.length !== place.columns) throw malformed(line, `the header has ${place.columns} fields, this row has ${fields.length}.`)
  return { line, fields }
}

function lineBreaks(field: string): number {
  return field.includes('\n') || field.includes('\r') ? (field.match(/\r\n|\n|\r/g)?.length ?? 0) : 0
}

function explain(error: unknown, line: number): unknown {
  const code = (error as { code?: string }).code
  if (error instanceof Refusal || code === undefined) return error
  if (code === 'CSV_QUOTE_NOT_CLOSED') return malformed(line, 'a quote is opened here and never closed.')
  if (code === 'CSV_MAX_RECORD_SIZE') return malformed(line, `the row is longer than ${RECORD_BYTES_MAX} bytes. Is a quote left open?`)
  return code.startsWith('CSV_') ? malformed(line, 'the row cannot be read.') : error
}

/**
 * The file in small pieces that end between characters. A line without end is refused before it is gathered, and so is
 * anything but UTF-8.
 */
async function* pieces(parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Buffer> {
  const counter = { line: 1, bytes: 0, afterReturn: false }
  let rest: Buffer = Buffer.alloc(0)
  for await (const part of parts) {
    for (let start = 0; start < part.length; start += PIECE_BYTES) {
      const joined = Buffer.concat([rest, part.subarray(start, start + PIECE_BYTES)])
      const end = characterEnd(joined)
      const piece = joined.subarray(0, end)
      rest = joined.subarray(end)
      if (!isUtf8(piece)) throw notUtf8(counter.line + linesBeforeFault(piece))
      countLines(piece, counter)
      yield piece
    }
  }
  if (rest.length > 0) throw notUtf8(counter.line)
}

/** Where the last whole character ends: at most three bytes of a character may be missing. */
function characterEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return bytes.length
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? bytes.length - back : bytes.length
  }
  return bytes.length
}

function notUtf8(line: number): Refusal {
  return new Refusal('csv_encoding', {
    detail: `Line ${line}: the file is not UTF-8. Save it as "CSV UTF-8" and try again.`,
    extra: { line },
  })
}

function linesBeforeFault(piece: Buffer): number {
  let lines = 0
  for (let start = 0; start < piece.length; lines++) {
    const end = piece.indexOf(10, start)
    if (end === -1 || !isUtf8(piece.subarray(start, end))) return lines
    start = end + 1
  }
  return lines
}

function countLines(piece: Buffer, counter: { line: number; bytes: number; afterReturn: boolean }): void {
  for (const byte of piece) {
    if (byte === 13 || byte === 10) {
      if (byte === 13 || !counter.afterReturn) counter.line += 1
      counter.bytes = 0
    } else if (++counter.bytes > LINE_BYTES_MAX) {
      throw malformed(counter.line, `the line is longer than ${LINE_BYTES_MAX} bytes.`)
    }
    counter.afterReturn = byte === 13
  }
}
