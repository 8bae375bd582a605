import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { listBaseBackups } from './base-backup.ts'
import { archivedSegments } from './wal-archive.ts'

/**
 * Keeps that many of the newest base backups and every archived segment they need; the others go, and so do halves that a killed
 * backup has left. Answers what went.
 */
export async function pruneBackups(folder: string, keep: number): Promise<{ backups: string[]; segments: string[] }> {
  const backups = await listBaseBackups(folder)
  const kept = backups.slice(-Math.max(1, keep))
  const oldest = kept[0]
  if (!oldest) return { backups: [], segments: [] }
  const gone = backups.slice(0, -kept.length).map(({ name }) => name)
  const halves = (await readdir(join(folder, 'base'))).filter((name) => name.endsWith('.part') && name < oldest.name)
  for (const name of [...gone, ...halves]) await rm(join(folder, 'base', name), { recursive: true, force: true })
  // The first eight digits are the timeline; a later one continues the numbers of the one it left.
  const segments = archivedSegments(join(folder, 'wal')).filter((name) => name.slice(8) < oldest.firstSegment.slice(8))
  for (const name of segments) await rm(join(folder, 'wal', name), { force: true })
  return { backups: gone, segments }
}
