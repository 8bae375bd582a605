import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { findPostmaster } from '@souk/local-postgres/postmaster.ts'
import { restoreBackup } from '@souk/local-postgres/restore-backup.ts'
import { startServer } from '@souk/local-postgres/server.ts'
import { makeThrowawayFolder } from '@souk/local-postgres/throwaway-folder.ts'
import { archivedSegments, archiveEverything } from '@souk/local-postgres/wal-archive.ts'
import { backupFolder } from './backup-folder.ts'
import { checkRestored, describeDrill } from './drill-report.ts'
import { describeFailure, Explained } from './explained.ts'
import { statePaths } from './state.ts'

// Restores the newest backup elsewhere, or a moment of it, and holds what came back to the invariants: docs/backups.md.

const ARCHIVE_TIMEOUT_MS = 120_000
const RECOVERY_TIMEOUT_MS = 6 * 60 * 60 * 1000
const DATABASE = 'souk'

process.exitCode = await main()

async function main(): Promise<number> {
  const started = performance.now()
  let place: string | undefined
  try {
    const { values } = parseArgs({ options: { second: { type: 'boolean' }, at: { type: 'string' }, into: { type: 'string' } } })
    const at = values.at === undefined ? undefined : moment(values.at)
    const state = statePaths()
    const original = values.second ? state.secondDatabase : state.database
    const folder = backupFolder(state, original)
    await finishSegment(original, join(folder, 'wal'))
    place = values.into === undefined ? makeThrowawayFolder() : undefined
    const dataDir = values.into ?? join(place as string, 'data')
    const { backup, archived } = await restoreBackup({ folder, dataDir, ...(at && { at }) })
    const server = await startServer({ dataDir, subscribes: false, startTimeoutMs: RECOVERY_TIMEOUT_MS })
    try {
      const report = await checkRestored(server.adminUrl(DATABASE))
      const seconds = (performance.now() - started) / 1000
      for (const line of describeDrill({ backup, archived, report, seconds })) console.log(line)
      if (values.into !== undefined) console.log(`The restored data is ${dataDir}; its server is stopped.`)
      return report.violations.length === 0 ? 0 : 1
    } finally {
      await server.stop()
    }
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  } finally {
    if (place) rmSync(place, { recursive: true, force: true })
  }
}

/** What was committed a moment ago is to be restored too, where the original still runs. */
async function finishSegment(database: string, archive: string): Promise<void> {
  if (!findPostmaster(database) || !existsSync(archive) || archivedSegments(archive).length === 0) return
  const server = await startServer({ dataDir: database })
  await archiveEverything(server.adminUrl(), archive, ARCHIVE_TIMEOUT_MS)
}

function moment(text: string): Date {
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw new Explained('--at is a time such as 2026-03-01T14:30:00Z.')
  return at
}
