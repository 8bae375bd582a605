import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, desc, eq, getTableColumns, lt } from 'drizzle-orm'
import { mine } from '../mine.ts'
import { Refusal } from '../refusal.ts'
import { type PromotionState, promotionStages, promotions, promotionVersions } from './tables.ts'

/** The head of a promotion: which versions it has, and who gets which. Parts per million. */
export type Promotion = Omit<typeof promotions.$inferSelect, 'merchantId'>

/** One version, which never changes, and how far it has come. */
export type PromotionVersion = Omit<typeof promotionVersions.$inferSelect, 'merchantId'> &
  Pick<typeof promotionStages.$inferSelect, 'stage' | 'dryRunAt' | 'firstLiveAt'>

const { merchantId: _ofHead, ...HEAD } = getTableColumns(promotions)
const { merchantId: _ofVersion, ...VERSION } = getTableColumns(promotionVersions)
const { stage, dryRunAt, firstLiveAt } = promotionStages

/** A promotion's head. Refuses `not_found`. */
export async function promotionById(tx: Tx, promotionId: string): Promise<Promotion> {
  const [found] = await tx
    .select(HEAD)
    .from(promotions)
    .where(and(mine(tx, promotions), eq(promotions.id, promotionId)))
  if (!found) throw noPromotion()
  return found
}

/** As promotionById; nobody else changes it until the transaction ends. */
export async function lockPromotion(tx: Tx, promotionId: string): Promise<Promotion> {
  const [found] = await tx
    .select(HEAD)
    .from(promotions)
    .where(and(mine(tx, promotions), eq(promotions.id, promotionId)))
    .for('no key update')
  if (!found) throw noPromotion()
  return found
}

/** The merchant's promotions, the newest first; `next` is where the list goes on. */
export async function listPromotions(
  tx: Tx,
  filter: { state?: PromotionState | undefined },
  page: { limit: number; before?: string | undefined },
): Promise<{ promotions: Promotion[]; next: string | null }> {
  const rows = await tx
    .select(HEAD)
    .from(promotions)
    .where(
      and(
        mine(tx, promotions),
        filter.state === undefined ? undefined : eq(promotions.state, filter.state),
        page.before === undefined ? undefined : lt(promotions.id, page.before),
      ),
    )
    .orderBy(desc(promotions.id))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit)
  return { promotions: shown, next: rows.length > page.limit ? shown.at(-1)!.id : null }
}

/** A version of a promotion. Refuses `not_found`. */
export async function versionOf(tx: Tx, promotionId: string, version: number): Promise<PromotionVersion> {
  const [found] = await versionsQuery(tx, promotionId, eq(promotionVersions.version, version)).limit(1)
  if (!found) throw new Refusal('not_found', { detail: 'There is no such version of this promotion.' })
  return found
}

/** The versions of a promotion, the newest first. Refuses `not_found` for the promotion. */
export async function listVersions(
  tx: Tx,
  promotionId: string,
  page: { limit: number; before?: number | undefined },
): Promise<{ versions: PromotionVersion[]; next: number | null }> {
  await promotionById(tx, promotionId)
  const before = page.before === undefined ? undefined : lt(promotionVersions.version, page.before)
  const rows = await versionsQuery(tx, promotionId, before)
    .orderBy(desc(promotionVersions.version))
    .limit(page.limit + 1)
  const shown = rows.slice(0, page.limit)
  return { versions: shown, next: rows.length > page.limit ? shown.at(-1)!.version : null }
}

function versionsQuery(tx: Tx, promotionId: string, condition: ReturnType<typeof eq> | undefined) {
  return tx
    .select({ ...VERSION, stage, dryRunAt, firstLiveAt })
    .from(promotionVersions)
    .innerJoin(
      promotionStages,
      and(mine(tx, promotionStages), eq(promotionStages.promotionId, promotionId), eq(promotionStages.version, promotionVersions.version)),
    )
    .where(and(mine(tx, promotionVersions), eq(promotionVersions.promotionId, promotionId), condition))
}

function noPromotion(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such promotion.' })
}
