import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ArchiveUnusable, type Checksums, type Manifest, readEntryName } from './archive-format.ts'
import { assertFits } from './assert-fits.ts'
import { CHAIN_END, isCopied } from './left-behind.ts'
import { type LifeDeps, mediaFolderOf, type Session } from './perform.ts'
import { readEntries } from './read-archive.ts'
import { readTenantTables, type TenantTable } from './tenant-tables.ts'

/** Whom the rows of an archive become. */
export interface RestoredMerchant {
  id: string
  slug: string
  name: string
  cell: string
  epoch: bigint
  /** Another merchant than the archive's: without what opens or reaches anything outside. */
  asCopy: boolean
}

/**
 * Puts the rows and media of an archive that was checked into a cell where nobody has this merchant, and opens the cell to it. Every
 * part is written once, however often this is begun.
 */
export async function restoreRows(
  deps: LifeDeps,
  session: Session,
  path: string,
  { manifest, checksums }: { manifest: Manifest; checksums: Checksums },
  merchant: RestoredMerchant,
): Promise<void> {
  const { work } = session.held
  const sql = deps.cells.platform(merchant.cell)
  const tables = new Map((await readTenantTables(sql)).map((table) => [table.name, table]))
  const isTaken = (table: string) => !merchant.asCopy || isCopied(table)
  assertFits(manifest, checksums.rows, tables, isTaken)
  work.figures.rowsTotal = sum(Object.entries(checksums.rows).flatMap(([table, rows]) => (isTaken(table) ? [rows] : [])))
  work.figures.rowsDone = 0
  await sql`select tenancy.begin_restore(${merchant.id}, ${work.id}, ${merchant.asCopy})`
  session.step('restore begun')
  const columns = new Map(manifest.tables.map((table) => [table.name, ['merchant_id', ...table.columns.map(({ name }) => name)]]))
  const mediaFolder = await mediaFolderOf(deps, merchant.slug)
  if (mediaFolder !== undefined) await rm(mediaFolder, { recursive: true, force: true })
  let [part, index] = [0, 0]
  for await (const { name, content } of readEntries(path)) {
    const entry = readEntryName(name)
    if (!entry) continue
    session.assertHeld()
    const rows = checksums.entries[index++]?.rows ?? 0
    if ('media' in entry) {
      if (mediaFolder === undefined) continue
      await mkdir(mediaFolder, { recursive: true })
      await writeFile(join(mediaFolder, entry.media), content)
      continue
    }
    if (!isTaken(entry.table)) continue
    part += 1
    const lines = linesOf(entry.table, content, merchant, manifest.merchant)
    await sql`select tenancy.restore_rows(${merchant.id}, ${work.id}, ${part}, ${entry.table}, ${columns.get(entry.table)!}::text[], ${lines})`
    work.figures.rowsDone += rows
    session.step('part restored')
  }
  await assertWhole(deps, merchant, checksums, tables, isTaken)
  await session.keep()
  await sql`select tenancy.finish_restore(${merchant.id}, ${work.id}, ${String(merchant.epoch)}::bigint)`
  work.figures.rows = Object.fromEntries(Object.entries(checksums.rows).filter(([table]) => isTaken(table)))
  session.step('restore finished')
}

/** A merchant that comes back under another slug must know it; a copy has a name of its own too. */
function linesOf(table: string, content: Buffer, merchant: RestoredMerchant, was: Manifest['merchant']): string {
  const lines = content.toString('utf8').trimEnd()
  if (table !== 'merchant_settings' || (!merchant.asCopy && merchant.slug === was.slug)) return lines
  return JSON.stringify({ ...JSON.parse(lines), slug: merchant.slug, ...(merchant.asCopy && { name: merchant.name }) })
}

async function assertWhole(
  deps: LifeDeps,
  merchant: RestoredMerchant,
  checksums: Checksums,
  tables: ReadonlyMap<string, TenantTable>,
  isTaken: (table: string) => boolean,
): Promise<void> {
  const sql = deps.cells.platform(merchant.cell)
  for (const name of tables.keys()) {
    // Of a copy the end of the chain is written with its entries.
    if (name === CHAIN_END && merchant.asCopy) continue
    const [{ count }] = await sql<[{ count: string }]>`select tenancy.count_rows(${merchant.id}, ${name}) as count`
    const expected = isTaken(name) ? (checksums.rows[name] ?? 0) : 0
    if (Number(count) !== expected) throw new ArchiveUnusable(`${name} has ${count} rows here and ${expected} in the archive.`)
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
