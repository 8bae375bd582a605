import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { takeBaseBackup } from '@souk/local-postgres/base-backup.ts'
import { findPostmaster } from '@souk/local-postgres/postmaster.ts'
import { pruneBackups } from '@souk/local-postgres/prune-backups.ts'
import { startServer } from '@souk/local-postgres/server.ts'
import { archivedSegments } from '@souk/local-postgres/wal-archive.ts'
import { backupFolder } from './backup-folder.ts'
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
    for (const dataDir of running) await backUp(dataDir, backupFolder(state, dataDir), values.keep)
    return 0
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  }
}

async function backUp(dataDir: string, folder: string, keep: string | undefined): Promise<void> {
  // It runs: this adopts it, and leaves it running.
  const server = await startServer({ dataDir })
  const started = performance.now()
  const backup = await takeBaseBackup({ adminUrl: server.adminUrl(), dataDir, folder, now: new Date() })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(
    `${join(folder, 'base', backup.name)}: ${(backup.bytes / 2 ** 20).toFixed(0)} MiB in ${backup.files.length} files, ${seconds} s.`,
  )
  if (archivedSegments(join(folder, 'wal')).length === 0)
    console.log('No write-ahead log is archived there, so this moment alone can be restored. To have every later one: docs/backups.md.')
  if (keep === undefined) return
  const { backups, segments } = await pruneBackups(folder, Number(keep))
  console.log(`Removed ${backups.length} older backups and ${segments.length} segments of the log that only they needed.`)
}
