import { setTimeout as sleep } from 'node:timers/promises'
import { assertSafeRole, UnsafeRole } from '@souk/tenant-router/boot-check.ts'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'

const RETRY_MS = 1_000

/** Waits for the databases and throws UnsafeRole if the worker would reach past row security in one of them. */
export async function assertSafeRoles(config: WorkerConfig, log: Log): Promise<void> {
  const urls = new Set([config.directoryUrl, ...Object.values(config.cells).map((cell) => cell.app)])
  await Promise.all([...urls].map((url) => assertWhenReached(url, log)))
}

async function assertWhenReached(url: string, log: Log): Promise<void> {
  for (;;) {
    try {
      return await assertSafeRole(url)
    } catch (error) {
      if (error instanceof UnsafeRole) throw error
      log.warn({ error: describeError(error) }, 'database not reached, trying on')
      await sleep(RETRY_MS)
    }
  }
}
