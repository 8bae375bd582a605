import { setTimeout as sleep } from 'node:timers/promises'
import { assertSafeRole, UnsafeRole } from '@souk/tenant-router/boot-check.ts'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'

const RETRY_MS = 1_000

/**
 * Waits for the directory's database and throws UnsafeRole if the worker would reach past row security there. Cells are looked at when
 * they are served: one that is away keeps nobody from the others.
 */
export async function assertSafeDirectory({ directoryUrl }: Pick<WorkerConfig, 'directoryUrl'>, log: Log): Promise<void> {
  for (;;) {
    try {
      return await assertSafeRole(directoryUrl)
    } catch (error) {
      if (error instanceof UnsafeRole) throw error
      log.warn({ error: describeError(error) }, 'database not reached, trying on')
      await sleep(RETRY_MS)
    }
  }
}
