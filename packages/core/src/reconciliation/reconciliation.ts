import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'
import type { Difference } from './compare.ts'

/** A difference as it is kept: amounts are plain numbers of minor units. */
export type KeptDifference = Omit<Difference, 'ours' | 'theirs' | 'at'> & {
  ours: { amount: number; currency: string } | null
  theirs: { amount: number; currency: string } | null
  at: string
}

export interface Reconciliation {
  id: string
  provider: string
  from: Date
  until: Date
  status: 'queued' | 'done' | 'failed'
  linesRead: bigint
  differenceCount: bigint
  /** The first of them, if there are very many. */
  differences: KeptDifference[]
  failure: string | null
  requestedAt: Date
  finishedAt: Date | null
}

/** What came of holding our books against a provider's. Refuses `not_found`. */
export async function reconciliationById(tx: Tx, id: string): Promise<Reconciliation> {
  const [found] = await tx.sql<Reconciliation[]>`${columns(tx)} and id = ${id}`
  if (!found) throw new Refusal('not_found', { detail: 'There is no such reconciliation.' })
  return found
}

/** Reconciliations, the newest first. */
export async function listReconciliations(
  tx: Tx,
  page: { limit: number; before?: string | undefined },
): Promise<{ reconciliations: Reconciliation[]; next: string | null }> {
  const before = page.before ?? null
  const rows = await tx.sql<Reconciliation[]>`
    ${columns(tx)} and (${before}::uuid is null or id < ${before}::uuid) order by id desc limit ${page.limit + 1}`
  const reconciliations = rows.slice(0, page.limit)
  return { reconciliations, next: rows.length > page.limit ? reconciliations.at(-1)!.id : null }
}

function columns(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select id, provider, period_from as "from", period_until as "until", status, lines_read as "linesRead", difference_count as "differenceCount",
      differences, failure, requested_at as "requestedAt", finished_at as "finishedAt"
    from reconciliation where merchant_id = ${tx.merchantId}`
}
