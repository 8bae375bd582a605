import { setTimeout as sleep } from 'node:timers/promises'
import type { PlanLimits } from '@souk/platform/plans/limits.ts'
import { PlanBook } from '@souk/platform/plans/plan-book.ts'
import { openPlatformSql } from '@souk/platform/platform-sql.ts'
import type { WorkerConfig } from './config.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'

export interface PlanLimitsBook {
  limitsOf(merchantId: string): PlanLimits
  close(): Promise<void>
}

const OPEN_RETRY_MS = 2_000
// So long the first jobs wait for the plans.
const FIRST_READ_WITHIN_MS = 1_000
const CLOSED_WITHIN_MS = 2_000

/**
 * What merchants' plans say, where the worker has the platform's address to read them at: elsewhere nothing is limited. The directory may
 * be down when the worker starts.
 */
export async function readPlanLimits({ platformUrl }: Pick<WorkerConfig, 'platformUrl'>, log: Log): Promise<PlanLimitsBook> {
  if (platformUrl === undefined) return { limitsOf: () => ({}), close: async () => {} }
  const sql = openPlatformSql(platformUrl)
  const closing = new AbortController()
  const onError = (error: unknown) => log.warn({ error: describeError(error) }, 'plans are read later')
  const book = new PlanBook({ sql, onError })
  const opening = openWhenReached(book, closing.signal, onError)
  await Promise.race([opening, sleep(FIRST_READ_WITHIN_MS, undefined, { ref: false })])
  return {
    limitsOf: (merchantId) => book.limitsOf(merchantId),
    close: async () => {
      closing.abort()
      await Promise.race([opening.then(() => book.close()), sleep(CLOSED_WITHIN_MS, undefined, { ref: false })])
      await sql.end({ timeout: 1 })
    },
  }
}

async function openWhenReached(book: PlanBook, signal: AbortSignal, onError: (error: unknown) => void): Promise<void> {
  while (!signal.aborted) {
    try {
      return await book.open()
    } catch (error) {
      onError(error)
      await sleep(OPEN_RETRY_MS, undefined, { signal }).catch(() => {})
    }
  }
}
