import { ArchiveFolder } from '@souk/platform/merchant-life/archives.ts'
import { CellDoors } from '@souk/platform/merchant-life/cell-doors.ts'
import { runMerchantWorks } from '@souk/platform/merchant-life/run-merchant-works.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'

/**
 * Exports, restores, sandboxes and erasures, in a process that was given the platform's address and a folder for archives; in others
 * nothing. Cells whose address as souk_platform is not known are not worked on.
 */
export function startMerchantWorks(config: WorkerConfig, log: Log): { stop(): Promise<void> } {
  const { platformUrl, archiveDir } = config
  if (platformUrl === undefined || archiveDir === undefined) return { stop: async () => {} }
  const directory = openPlatformSql(platformUrl)
  const cells = new CellDoors(() =>
    Object.fromEntries(
      Object.entries(config.readCells?.() ?? config.cells).flatMap(([name, { app, platform }]) =>
        platform === undefined ? [] : [[name, { app, platform }]],
      ),
    ),
  )
  const running = runMerchantWorks({
    directory,
    cells,
    archives: new ArchiveFolder(archiveDir),
    mediaDir: config.mediaDir,
    onOutcome: ({ work, outcome, error }) => {
      const told = { task: work.kind, jobId: work.id, merchantId: work.merchantId, outcome }
      if (error === undefined) log.info(told, 'work on a merchant')
      else log.warn({ ...told, error: describeError(error) }, 'work on a merchant')
    },
    onError: (error) => log.debug({ error: describeError(error) }, 'no work on merchants could be looked for'),
  })
  return {
    stop: async () => {
      await running.stop()
      await cells.close()
      await directory.end()
    },
  }
}
