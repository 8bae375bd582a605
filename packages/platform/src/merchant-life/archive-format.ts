import { z } from 'zod'

/** What an archive says of itself before anything else. docs/merchant-life.md describes the whole file. */
export const ARCHIVE_FORMAT = 'souk-merchant-archive'
export const ARCHIVE_VERSION = 1

export const MANIFEST = 'manifest.json'
export const CHECKSUMS = 'checksums.json'

const column = z.object({ name: z.string(), type: z.string(), nullable: z.boolean() })
const table = z.object({ name: z.string(), columns: z.array(column), primary_key: z.array(z.string()), references: z.array(z.string()) })

export const manifestSchema = z.object({
  format: z.literal(ARCHIVE_FORMAT),
  version: z.literal(ARCHIVE_VERSION),
  merchant: z.object({ id: z.uuid(), slug: z.string(), name: z.string(), sandbox: z.boolean() }),
  /** The moment that all rows are of. */
  taken_at: z.string(),
  /** In the order in which they can be written. */
  tables: z.array(table),
})
export type Manifest = z.output<typeof manifestSchema>

const digest = z.string().regex(/^[0-9a-f]{64}$/)
/** Stands at the end, when everything has been counted. */
export const checksumsSchema = z.object({
  /** Of manifest.json. */
  manifest: digest,
  /** Every other entry of the file, in its order. rows: of a part of a table. */
  entries: z.array(z.object({ name: z.string(), bytes: z.int(), sha256: digest, rows: z.int().optional() })),
  /** By table. */
  rows: z.record(z.string(), z.int()),
})
export type Checksums = z.output<typeof checksumsSchema>

const PART_NAME = /^tables\/([a-z_][a-z0-9_]*)\/(\d{6})\.ndjson$/
const MEDIA_NAME = /^media\/([a-z0-9][a-z0-9._-]{0,200})$/i

export function partName(tableName: string, number: number): string {
  return `tables/${tableName}/${String(number).padStart(6, '0')}.ndjson`
}

/** What an entry is, by its name; undefined for a name that no entry of ours has. */
export function readEntryName(name: string): { table: string } | { media: string } | undefined {
  const part = PART_NAME.exec(name)
  if (part) return { table: part[1]! }
  const media = MEDIA_NAME.exec(name)
  return media ? { media: media[1]! } : undefined
}

/** The archive cannot be used: it is cut off, was changed, or belongs to another version of the schema. Trying again does not help. */
export class ArchiveUnusable extends Error {
  override readonly name = 'ArchiveUnusable'
}
