import type { Tx } from '@souk/tenant-router/tx.ts'
import { and, eq } from 'drizzle-orm'
import { recordAudit } from '../audit/record-audit.ts'
import { bumpPricing } from '../merchant/pricing-revision.ts'
import { mine } from '../mine.ts'
import { PROMOTIONS_MAX } from '../pricing/pricing-document.ts'
import type { PromotionDocument } from '../pricing/promotion-document.ts'
import { Refusal } from '../refusal.ts'
import type { ConditionNode } from '../rules/conditions.ts'
import { conditionCost } from '../rules/cost.ts'
import { COSTED_LINES } from '../rules/limits.ts'
import { conditionsOf } from './check-promotion.ts'
import { LIVE_COST_MAX } from './limits.ts'
import { livePromotionsQuery, toLivePromotions } from './live-promotions.ts'
import { lockPromotion, type Promotion, promotionById, versionOf } from './promotion.ts'
import { type Change, requireReason } from './save-promotion.ts'
import { promotions, type VersionStage } from './tables.ts'

const WHOLE_PPM = 1_000_000

/** Which version which part of the buyers gets. */
interface InForce {
  liveVersion: number | null
  baseVersion: number | null
  rolloutPpm: number
}

export interface Publication extends Change {
  promotionId: string
  version: number
  /** How many buyers get it, in parts per million, at least one. The others keep what they had. */
  rolloutPpm: number
  /** Publishes a draft that was never tried. */
  withoutDryRun?: boolean
}

/**
 * Puts a version in force, from the next quote on: for a part of the buyers, who stay in it while the part grows, or for all. The
 * version before it stays for the others. The same version again changes its part. Refuses `not_found`; `invalid_state` for a
 * draft without a dry run and for the version that serves the others; `too_many` when the promotions in force are as many, or cost
 * a cart as much, as they may.
 */
export async function publishVersion(tx: Tx, publication: Publication): Promise<Promotion> {
  const { promotionId, version, rolloutPpm, withoutDryRun = false } = publication
  requireReason(publication)
  if (!Number.isInteger(rolloutPpm) || rolloutPpm < 1 || rolloutPpm > WHOLE_PPM) {
    const detail = 'A version is for more than 0 and at most 100 percent of the buyers.'
    throw new Refusal('promotion_invalid', { detail, errors: [{ pointer: '/percent', code: 'percentage_out_of_range', detail }] })
  }
  const head = await lockPromotion(tx, promotionId)
  const { stage } = await versionOf(tx, promotionId, version)
  if (stage === 'draft' && !withoutDryRun)
    throw invalidState('This version was never tried: make a dry run first, or say that you do without.', stage)
  if (version === head.baseVersion)
    throw invalidState('This version serves the other buyers already: roll back to it, or turn the promotion off.', stage)
  const baseVersion = rolloutPpm === WHOLE_PPM ? null : baseBeside(head, version)
  return putInForce(tx, head, { liveVersion: version, baseVersion, rolloutPpm }, 'promotion.published', publication)
}

/** Takes a promotion out of force, from the next quote on. Refuses `not_found`, and `invalid_state` when it is not in force. */
export async function turnOff(tx: Tx, promotionId: string, change: Change): Promise<Promotion> {
  requireReason(change)
  const head = await lockPromotion(tx, promotionId)
  if (head.state !== 'live') throw invalidState('This promotion is not in force.', head.state)
  return putInForce(tx, head, { liveVersion: null, baseVersion: null, rolloutPpm: 0 }, 'promotion.turned_off', change)
}

/**
 * Gives all buyers a version again that was in force before: the one named, or the one before the present one. Refuses `not_found`
 * and `invalid_state`, also when there is nothing to go back to.
 */
export async function rollBack(tx: Tx, promotionId: string, version: number | undefined, change: Change): Promise<Promotion> {
  requireReason(change)
  const head = await lockPromotion(tx, promotionId)
  const target = version ?? head.baseVersion ?? (await versionBefore(tx, head))
  if (target === undefined) throw invalidState('There is no version to go back to.', head.state)
  const { stage, firstLiveAt } = await versionOf(tx, promotionId, target)
  if (target === head.liveVersion) throw invalidState('This version is in force: there is nothing to go back to.', stage)
  if (firstLiveAt === null) throw invalidState('This version was never in force: publish it.', stage)
  return putInForce(tx, head, { liveVersion: target, baseVersion: null, rolloutPpm: WHOLE_PPM }, 'promotion.rolled_back', change)
}

/** What the buyers get who do not get the version that is being published. */
function baseBeside(head: Promotion, version: number): number | null {
  if (head.liveVersion === null || head.liveVersion === version) return head.baseVersion
  return head.rolloutPpm === BigInt(WHOLE_PPM) ? head.liveVersion : head.baseVersion
}

/** The version that was in force last before the present one. */
async function versionBefore(tx: Tx, head: Promotion): Promise<number | undefined> {
  if (head.liveVersion === null) return undefined
  const [row] = await tx.sql<{ version: number }[]>`
    select version from promotion_stage
    where merchant_id = ${tx.merchantId} and promotion_id = ${head.id} and stage = 'retired' and first_live_at is not null
    order by changed_at desc, version desc limit 1`
  return row?.version
}

async function putInForce(tx: Tx, head: Promotion, next: InForce, action: string, change: Change): Promise<Promotion> {
  const versions = [next.liveVersion, next.baseVersion].filter((version) => version !== null)
  const documents: PromotionDocument[] = []
  for (const version of versions) documents.push((await versionOf(tx, head.id, version)).document)
  // Locks the settings: publications of one merchant are counted one after the other.
  await bumpPricing(tx)
  if (next.liveVersion !== null) await assertRoom(tx, head, documents)
  await tx
    .update(promotions)
    .set({
      ...next,
      rolloutPpm: BigInt(next.rolloutPpm),
      state: next.liveVersion === null ? 'off' : 'live',
      limited: documents.some(({ limits }) => limits.uses !== null || limits.uses_per_customer !== null || limits.budget !== null),
      updatedAt: change.now,
    })
    .where(and(mine(tx, promotions), eq(promotions.id, head.id)))
  await moveStages(tx, head, versions, change.now)
  const { actor, now, reason } = change
  await recordAudit(tx, {
    action,
    targetType: 'promotion',
    targetId: head.id,
    before: told({ ...head, rolloutPpm: Number(head.rolloutPpm) }),
    after: told(next),
    reason,
    actor,
    now,
  })
  return promotionById(tx, head.id)
}

/** Versions that come into force are live, those that go out of it retired. */
async function moveStages(tx: Tx, head: Promotion, versions: readonly number[], now: Date): Promise<void> {
  const gone = [head.liveVersion, head.baseVersion].filter((version) => version !== null && !versions.includes(version))
  const move = (moved: readonly (number | null)[], stage: VersionStage) => tx.sql`
    update promotion_stage set stage = ${stage}, changed_at = ${now}::timestamptz,
      first_live_at = case when ${stage} = 'live' then coalesce(first_live_at, ${now}::timestamptz) else first_live_at end
    where merchant_id = ${tx.merchantId} and promotion_id = ${head.id} and version = any(${moved as number[]}::int[]) and stage <> ${stage}`
  if (gone.length > 0) await move(gone, 'retired')
  if (versions.length > 0) await move(versions, 'live')
}

async function assertRoom(tx: Tx, head: Promotion, documents: readonly PromotionDocument[]): Promise<void> {
  const others = toLivePromotions(await livePromotionsQuery(tx)).filter((document) => document.id !== head.id)
  const live = [...others, ...documents]
  if (live.length > PROMOTIONS_MAX)
    throw new Refusal('too_many', { detail: `At most ${PROMOTIONS_MAX} versions of promotions can be in force at a time.` })
  if (live.reduce((sum, document) => sum + costOf(document), 0) > LIVE_COST_MAX)
    throw new Refusal('too_many', { detail: 'The conditions of all promotions in force cost too much for every cart.' })
}

function costOf(document: PromotionDocument): number {
  return conditionsOf(document).reduce((sum, { json, scope }) => {
    const cost = conditionCost(json as ConditionNode)
    return sum + (scope === 'line' ? COSTED_LINES * cost : cost)
  }, 0)
}

function told({ liveVersion, baseVersion, rolloutPpm }: InForce) {
  return { live_version: liveVersion, base_version: baseVersion, rollout_ppm: rolloutPpm }
}

function invalidState(detail: string, state: string): Refusal {
  return new Refusal('invalid_state', { detail, extra: { current_state: state } })
}
