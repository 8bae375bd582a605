import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { PlatformSql } from '../platform-sql.ts'
import type { ArchiveFolder } from './archives.ts'
import type { CellDoors } from './cell-doors.ts'
import type { HeldWork } from './merchant-works.ts'

/** What works on merchants as a whole need. */
export interface LifeDeps {
  /** As souk_platform. */
  directory: PlatformSql
  cells: CellDoors
  archives: ArchiveFolder
  /** Where media are, a folder a merchant by its slug; undefined where there are none. */
  mediaDir: string | undefined
}

/** A worker's turn at one work. */
export interface Session {
  held: HeldWork
  /** Throws when the work may be another's, or this worker is being closed. Free to call often. */
  assertHeld(): void
  /** Writes down how far the work is and holds it further. */
  keep(): Promise<void>
  /** Something was done that is not undone by a crash. Tests die here. */
  step(name: string): void
}

/** The work cannot be done, now or later. The message is for admins. */
export class WorkImpossible extends Error {
  override readonly name = 'WorkImpossible'
}

/**
 * Where the media of the merchant with that slug are, or would be. Throws while the folder of all media is away: media that cannot be
 * reached must not be taken for none.
 */
export async function mediaFolderOf({ mediaDir }: LifeDeps, slug: string): Promise<string | undefined> {
  if (mediaDir === undefined) return undefined
  const found = await stat(mediaDir).catch(() => undefined)
  if (!found?.isDirectory()) throw new Error('the folder of media is not there')
  return join(mediaDir, slug)
}
