import { setTimeout as sleep } from 'node:timers/promises'
import { type UsageCounts, UsageMeter } from '@souk/platform/plans/usage-meter.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'

export interface Usage {
  count(merchantId: string, more: UsageCounts): void
  /** Tells what was counted, unless the directory takes its time over it. */
  close(): Promise<void>
}

const TOLD_WITHIN_MS = 2_000

/** Counts what jobs use, where the worker has the platform's address to tell it to. */
export function meterUsage({ platformUrl }: Pick<WorkerConfig, 'platformUrl'>, log: Log): Usage {
  if (platformUrl === undefined) return { count: () => {}, close: async () => {} }
  const sql = openPlatformSql(platformUrl)
  const onError = (error: unknown) => log.warn({ error: describeError(error) }, 'usage is told later')
  const meter = new UsageMeter({ sql, now: () => new Date(), onError })
  return {
    count: (merchantId, more) => meter.count(merchantId, more),
    close: async () => {
      await Promise.race([meter.close(), sleep(TOLD_WITHIN_MS, undefined, { ref: false })])
      await sql.end({ timeout: 1 })
    },
  }
}
