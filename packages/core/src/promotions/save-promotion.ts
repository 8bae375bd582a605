import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { newId } from '../ids.ts'
import { mine } from '../mine.ts'
import type { PromotionDocument } from '../pricing/promotion-document.ts'
import { Refusal } from '../refusal.ts'
import { requireProse } from '../text.ts'
import { checkPromotion, type PromotionDraft } from './check-promotion.ts'
import { PROMOTIONS_KEPT_MAX, VERSIONS_MAX } from './limits.ts'
import { livePromotionsQuery, toLivePromotions } from './live-promotions.ts'
import { lockPromotion, type Promotion, type PromotionVersion, promotionById, versionOf } from './promotion.ts'
import { warnOfPromotion } from './save-warnings.ts'
import { promotionStages, promotions, promotionVersions } from './tables.ts'

/** Who changes something, when and why. */
export interface Change {
  actor: Actor
  now: Date
  /** In the words of whoever does it: kept in the audit log. */
  reason: string
}

export interface SavedPromotion {
  promotion: Promotion
  version: PromotionVersion
}

const REASON_BYTES_MAX = 1_000

/**
 * Makes a promotion: its first version, a draft that no buyer gets. Refuses what checkPromotion does, and `too_many` when the
 * merchant has PROMOTIONS_KEPT_MAX.
 */
export async function createPromotion(tx: Tx, draft: PromotionDraft, change: Change): Promise<SavedPromotion> {
  const id = newId(change.now)
  requireReason(change)
  const document = await checkPromotion(tx, draft, { id, version: 1 })
  const [kept] = await tx.sql<{ count: bigint }[]>`select count(*) from promotion where merchant_id = ${tx.merchantId}`
  if (kept!.count >= BigInt(PROMOTIONS_KEPT_MAX))
    throw new Refusal('too_many', { detail: `There may be ${PROMOTIONS_KEPT_MAX} promotions.` })
  await tx.insert(promotions).values({
    merchantId: tx.merchantId,
    id,
    name: document.name,
    trigger: document.trigger,
    state: 'draft',
    latestVersion: 1,
    createdAt: change.now,
    updatedAt: change.now,
  })
  await writeVersion(tx, document, change)
  await audit(tx, 'promotion.created', null, document, change)
  return { promotion: await promotionById(tx, id), version: await versionOf(tx, id, 1) }
}

/**
 * Adds a version to a promotion, as a draft: what buyers get stays as it is until it is published. Refuses what checkPromotion
 * does, `not_found`, and `too_many` beyond VERSIONS_MAX.
 */
export async function addVersion(tx: Tx, promotionId: string, draft: PromotionDraft, change: Change): Promise<SavedPromotion> {
  requireReason(change)
  const head = await lockPromotion(tx, promotionId)
  const version = head.latestVersion + 1
  if (version > VERSIONS_MAX) throw new Refusal('too_many', { detail: `A promotion has at most ${VERSIONS_MAX} versions.` })
  const document = await checkPromotion(tx, draft, { id: promotionId, version })
  const before = await versionOf(tx, promotionId, head.latestVersion)
  await writeVersion(tx, document, change)
  await tx
    .update(promotions)
    .set({ name: document.name, trigger: document.trigger, latestVersion: version, updatedAt: change.now })
    .where(and(mine(tx, promotions), eq(promotions.id, promotionId)))
  await audit(tx, 'promotion.version_added', before.document, document, change)
  return { promotion: await promotionById(tx, promotionId), version: await versionOf(tx, promotionId, version) }
}

/** A reason is not optional: in a year nobody remembers it. */
export function requireReason({ reason }: Change): void {
  requireProse('/reason', reason, REASON_BYTES_MAX)
  if (reason.trim() !== '') return
  throw new Refusal('promotion_invalid', { detail: 'Say why.', errors: [{ pointer: '/reason', code: 'required', detail: 'Say why.' }] })
}

async function writeVersion(tx: Tx, document: PromotionDocument, { actor, reason, now }: Change): Promise<void> {
  const live = toLivePromotions(await livePromotionsQuery(tx))
  const { id: promotionId, version } = document
  const key = { merchantId: tx.merchantId, promotionId, version }
  await tx.insert(promotionVersions).values({
    ...key,
    document,
    warnings: await warnOfPromotion(tx, document, live, now),
    author: actor,
    reason,
    createdAt: now,
  })
  await tx.insert(promotionStages).values({ ...key, stage: 'draft', changedAt: now })
}

function audit(tx: Tx, action: string, before: PromotionDocument | null, after: PromotionDocument, change: Change) {
  return recordAudit(tx, { action, targetType: 'promotion', targetId: after.id, before, after, ...change })
}
