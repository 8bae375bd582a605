import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BaseBackup } from '@souk/local-postgres/base-backup.ts'
import { findPostmaster } from '@souk/local-postgres/postmaster.ts'
import { restoreBackup } from '@souk/local-postgres/restore-backup.ts'
import { startServer } from '@souk/local-postgres/server.ts'
import { makeThrowawayFolder } from '@souk/local-postgres/throwaway-folder.ts'
import { archivedSegments, archiveEverything } from '@souk/local-postgres/wal-archive.ts'
import { backupFolder, openBackupStore } from './backup-folder.ts'
import { Explained } from './explained.ts'
import type { State } from './state.ts'

/** A server that was brought back from backups, beside the one that goes on. */
export interface RestoredCopy {
  adminUrl: string
  backup: BaseBackup
  /** Segments of the log after it. */
  archived: number
}

export interface CopyWish {
  state: State
  /** Of the second cell of this machine. */
  second: boolean
  at: Date | undefined
  /** A data folder to be kept; without it the copy is gone in the end. */
  into?: string | undefined
}

const DATABASE = 'souk'
const ARCHIVE_TIMEOUT_MS = 120_000
// PostgreSQL's words for a moment that no commit in the log comes after.
const TARGET_NOT_REACHED = 'recovery ended before configured recovery target was reached'
const RECOVERY_TIMEOUT_MS = 6 * 60 * 60 * 1000

/** Restores the newest backup, or a moment of it, from wherever backups go, and lends the copy for as long as `work` takes. */
export async function withRestoredCopy<T>({ state, second, at, into }: CopyWish, work: (copy: RestoredCopy) => Promise<T>): Promise<T> {
  if (at && at.getTime() > Date.now()) throw new Explained(`${at.toISOString()} is still to come.`)
  const original = second ? state.secondDatabase : state.database
  const place = makeThrowawayFolder()
  try {
    const folder = await bringHere(state, original, join(place, 'fetched'), at)
    const dataDir = into ?? join(place, 'data')
    const { backup, archived } = await restoreBackup({ folder, dataDir, ...(at && { at }) })
    // A copy that is thrown away does not wait for the disk.
    const server = await startServer({
      dataDir,
      durable: into !== undefined,
      subscribes: false,
      startTimeoutMs: RECOVERY_TIMEOUT_MS,
    }).catch((error: Error) => {
      if (!at || !error.message.includes(TARGET_NOT_REACHED)) throw error
      if (into !== undefined) rmSync(into, { recursive: true, force: true })
      throw new Explained(`Nothing in the log is later than ${at.toISOString()}: leave --at out for the newest state there is.`)
    })
    try {
      return await work({ adminUrl: server.adminUrl(DATABASE), backup, archived })
    } finally {
      await server.stop()
    }
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** Where the backups are to be read: their own folder, or one that they were fetched into. */
async function bringHere(state: State, original: string, fetched: string, at: Date | undefined): Promise<string> {
  const store = await openBackupStore(original)
  if (!store) {
    const folder = backupFolder(state, original)
    await finishSegment(original, join(folder, 'wal'))
    return folder
  }
  const { fetchBackup } = await import('@souk/local-postgres/stored-backups.ts')
  const { shipEverything } = await import('@souk/local-postgres/wal-outbox.ts')
  try {
    if (findPostmaster(original)) await shipEverything((await startServer({ dataDir: original })).adminUrl(), ARCHIVE_TIMEOUT_MS)
    await fetchBackup(store, fetched, at)
    return fetched
  } finally {
    store.close()
  }
}

/** What was committed a moment ago is to be restored too, where the original still runs. */
async function finishSegment(original: string, archive: string): Promise<void> {
  if (!findPostmaster(original) || !existsSync(archive) || archivedSegments(archive).length === 0) return
  const server = await startServer({ dataDir: original })
  await archiveEverything(server.adminUrl(), archive, ARCHIVE_TIMEOUT_MS)
}

/** A moment as an admin types it. */
export function moment(text: string): Date {
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw new Explained('--at is a time such as 2026-03-01T14:30:00Z.')
  return at
}
