import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type BaseBackup, takeBaseBackup } from '@souk/local-postgres/base-backup.ts'
import { findPostmaster } from '@souk/local-postgres/postmaster.ts'
import { pruneBackups } from '@souk/local-postgres/prune-backups.ts'
import { startServer } from '@souk/local-postgres/server.ts'
import { archivedSegments } from '@souk/local-postgres/wal-archive.ts'
import { backupFolder, openBackupStore } from './backup-folder.ts'
import { describeFailure, Explained } from './explained.ts'
import { statePaths } from './state.ts'

// A base backup of each server that `npm start` runs: docs/backups.md.

process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({ options: { keep: { type: 'string' } } })
    if (values.keep !== undefined && !/^[1-9]\d{0,3}$/.test(values.keep)) throw new Explained('--keep is a whole number from 1 to 9999.')
    const state = statePaths()
    const running = [state.database, state.secondDatabase].filter((dataDir) => findPostmaster(dataDir))
    if (running.length === 0) throw new Explained('Souk does not run here. Run `npm start` in another terminal, then back up.')
    for (const dataDir of running)
      await backUp(dataDir, backupFolder(state, dataDir), values.keep === undefined ? undefined : Number(values.keep))
    return 0
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  }
}

async function backUp(dataDir: string, folder: string, keep: number | undefined): Promise<void> {
  const store = await openBackupStore(dataDir)
  if (!store) return backUpTo(dataDir, folder, keep)
  const staging = `${dataDir}.backup`
  try {
    const { pruneStored, storeBaseBackup } = await import('@souk/local-postgres/stored-backups.ts')
    rmSync(staging, { recursive: true, force: true })
    const { backup, line } = await take(dataDir, staging, false)
    await storeBaseBackup(store, staging, backup)
    console.log(`In the store, base/${backup.name}: ${line()}`)
    if (keep !== undefined) tellPruned(await pruneStored(store, keep))
  } finally {
    rmSync(staging, { recursive: true, force: true })
    store.close()
  }
}

async function backUpTo(dataDir: string, folder: string, keep: number | undefined): Promise<void> {
  const { backup, line } = await take(dataDir, folder, true)
  console.log(`${join(folder, 'base', backup.name)}: ${line()}`)
  if (archivedSegments(join(folder, 'wal')).length === 0)
    console.log('No write-ahead log is archived there, so this moment alone can be restored. To have every later one: docs/backups.md.')
  if (keep !== undefined) tellPruned(await pruneBackups(folder, keep))
}

/** What is on its way to a store need not be on the disk. */
async function take(dataDir: string, folder: string, durable: boolean): Promise<{ backup: BaseBackup; line: () => string }> {
  // It runs: this adopts it, and leaves it running.
  const server = await startServer({ dataDir })
  const started = performance.now()
  const backup = await takeBaseBackup({ adminUrl: server.adminUrl(), dataDir, folder, now: new Date(), durable })
  const size = `${(backup.bytes / 2 ** 20).toFixed(0)} MiB in ${backup.files.length} files`
  return { backup, line: () => `${size}, ${((performance.now() - started) / 1000).toFixed(1)} s.` }
}

function tellPruned({ backups, segments }: { backups: string[]; segments: string[] }): void {
  console.log(`Removed ${backups.length} older backups and ${segments.length} segments of the log that only they needed.`)
}
