import { Refusal } from '@souk/core/refusal.ts'
import { ArchiveUnusable, type Manifest } from './archive-format.ts'
import type { Archive, ArchiveFolder } from './archives.ts'
import { readManifest } from './read-archive.ts'
import type { TenantTable } from './tenant-tables.ts'

/** A table or a column that is not here would be lost without a word. */
export function assertFits(
  manifest: Manifest,
  rows: Readonly<Record<string, number>>,
  here: ReadonlyMap<string, TenantTable>,
  isTaken: (table: string) => boolean,
): void {
  for (const { name, columns } of manifest.tables) {
    if (!isTaken(name) || !rows[name]) continue
    const table = here.get(name)
    if (!table) throw new ArchiveUnusable(`The archive has rows of ${name}, which is not a table here.`)
    for (const column of columns) {
      const found = table.columns.find((candidate) => candidate.name === column.name)
      if (found?.type !== column.type) {
        throw new ArchiveUnusable(
          `The archive has a column ${name}.${column.name} of type ${column.type}: here it is ${found?.type ?? 'missing'}.`,
        )
      }
    }
  }
}

/**
 * Refuses `invalid_state` for an archive that could not be restored to a cell with these tables: its file is not there, is not as long as
 * it was, or has columns that they lack. What is in it is held to its checksums when it is restored.
 */
export async function requireFitting(folder: ArchiveFolder, archive: Archive, here: readonly TenantTable[]): Promise<void> {
  try {
    await folder.assertThere(archive)
    const manifest = await readManifest(folder.pathOf(archive.id))
    assertFits(manifest, archive.content.rows, new Map(here.map((table) => [table.name, table])), () => true)
  } catch (error) {
    if (error instanceof ArchiveUnusable) throw new Refusal('invalid_state', { detail: error.message })
    throw error
  }
}
