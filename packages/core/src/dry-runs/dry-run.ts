import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, getTableColumns, lt, or } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { promotionById } from '../promotions/promotion.ts'
import { Refusal } from '../refusal.ts'
import { dryRunDifferences, dryRuns } from './tables.ts'

export type DryRun = Omit<typeof dryRuns.$inferSelect, 'merchantId'>
export type DryRunDifference = Omit<typeof dryRunDifferences.$inferSelect, 'merchantId' | 'dryRunId'>

const { merchantId: _ofRun, ...RUN } = getTableColumns(dryRuns)
const { merchantId: _ofDifference, dryRunId: _run, ...DIFFERENCE } = getTableColumns(dryRunDifferences)

/** A dry run, and how far it is. Refuses `not_found`. */
export async function dryRunById(tx: Tx, dryRunId: string): Promise<DryRun> {
  const [found] = await tx
    .select(RUN)
    .from(dryRuns)
    .where(and(mine(tx, dryRuns), eq(dryRuns.id, dryRunId)))
  if (!found) throw new Refusal('not_found', { detail: 'There is no such dry run.' })
  return found
}

/** The dry runs of a promotion's versions, the newest first. Refuses `not_found` for the promotion. */
export async function listDryRuns(
  tx: Tx,
  promotionId: string,
  page: { limit: number; before?: string | undefined },
): Promise<{ dryRuns: DryRun[]; next: string | null }> {
  await promotionById(tx, promotionId)
  const before = page.before === undefined ? undefined : lt(dryRuns.id, page.before)
  const rows = await tx
    .select(RUN)
    .from(dryRuns)
    .where(and(mine(tx, dryRuns), eq(dryRuns.promotionId, promotionId), before))
    .orderBy(desc(dryRuns.id))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit)
  return { dryRuns: shown, next: rows.length > page.limit ? shown.at(-1)!.id : null }
}

/** What would have changed, the greatest difference first; `next` is where the list goes on. Refuses `not_found`. */
export async function listDifferences(
  tx: Tx,
  dryRunId: string,
  page: { limit: number; after?: readonly [magnitude: string, subjectId: string] | undefined },
): Promise<{ differences: DryRunDifference[]; next: [magnitude: string, subjectId: string] | null }> {
  await dryRunById(tx, dryRunId)
  const { magnitude, subjectId } = dryRunDifferences
  const { after } = page
  const smaller = after && or(lt(magnitude, BigInt(after[0])), and(eq(magnitude, BigInt(after[0])), lt(subjectId, after[1])))
  const rows = await tx
    .select(DIFFERENCE)
    .from(dryRunDifferences)
    .where(and(mine(tx, dryRunDifferences), eq(dryRunDifferences.dryRunId, dryRunId), smaller))
    .orderBy(desc(magnitude), desc(subjectId))
    .limit(page.limit + 1)
  const differences = rows.slice(0, page.limit)
  const last = differences.at(-1)
  return { differences, next: rows.length > page.limit && last ? [last.magnitude.toString(), last.subjectId] : null }
}
