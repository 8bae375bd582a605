import { readInvariants } from '@souk/migrations/invariants.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import { describeError } from './describe-error.ts'
import type { Log } from './log.ts'
import type { WorkerMetrics } from './metrics.ts'

/**
 * Those of migrations/invariants that are looked at while the shop sells: counters of stock, journals, balances, what is open,
 * and webhooks. Each holds at any moment and not only at a quiet one. That no job stays with a dead pool is in the queue's metrics.
 */
const LIVE = ['02', '10', '13', '17', '20']
/** A merchant whose rows take longer than a session may is left to whoever checks everything. */
const QUERY_CANCELED = '57014'

export type SelfCheck = (inMerchant: InMerchant) => Promise<void>

/**
 * Looks at what must always hold of a merchant's rows, through the merchant's own door: row security divides the queries, which
 * are written for all merchants at once. What is broken is counted and logged; nothing is put right.
 */
export async function openSelfCheck({ selfChecks }: Pick<WorkerMetrics, 'selfChecks'>, log: Log): Promise<SelfCheck> {
  const invariants = (await readInvariants()).filter(({ name }) => LIVE.includes(name.slice(0, 2)))
  for (const { name } of invariants) for (const outcome of ['held', 'broken', 'unfinished']) selfChecks.inc({ invariant: name, outcome }, 0)
  return async (inMerchant) => {
    const merchantId = inMerchant.merchant.id
    for (const { name, text } of invariants) {
      try {
        const rows = await inMerchant.read((tx) => tx.execute(text))
        selfChecks.inc({ invariant: name, outcome: rows.length === 0 ? 'held' : 'broken' })
        if (rows.length > 0) log.error({ merchantId, reason: name, error: `${rows.length} rows` }, 'an invariant is broken')
      } catch (error) {
        if (codeOf(error) !== QUERY_CANCELED) throw error
        selfChecks.inc({ invariant: name, outcome: 'unfinished' })
        log.warn({ merchantId, reason: name, error: describeError(error) }, 'an invariant was not looked at to the end')
      }
    }
  }
}

/** Drizzle wraps what the driver throws. */
function codeOf(error: unknown): unknown {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return code ?? cause?.code
}
