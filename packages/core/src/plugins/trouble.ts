import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { bumpPricing } from '../merchant/pricing-revision.ts'

const BY: Actor = { kind: 'job', task: 'plugin_supervision' }
const KILLS_MAX = 2
const KILLS_WITHIN_HOURS = 24

/**
 * What the shop does when a release keeps failing: a candidate is given up, a release that has a good one before it goes
 * back to that, and a plugin that had its runner killed twice within a day without one is suspended. Otherwise the breaker
 * alone answers. Runs once however many processes notice: the update says which release it is about.
 */
export async function answerTrouble(
  inMerchant: InMerchant,
  { installId, releaseId, reason }: { installId: string; releaseId: string; reason: string },
  now: Date,
): Promise<void> {
  await inMerchant(async (tx) => {
    const note = reason.slice(0, 300)
    const [changed] = await tx.sql<{ plugin: string; state: string; serving: string }[]>`
      with kills as (
        select count(*) as count from plugin_call c
        where c.merchant_id = ${tx.merchantId} and c.install_id = ${installId} and c.release_id = ${releaseId} and c.reason in ('killed', 'memory')
          and c.called_at > ${now}::timestamptz - make_interval(hours => ${KILLS_WITHIN_HOURS}::int)
      )
      update plugin_install i set
        failed_release_id = ${releaseId}::uuid, note = ${note},
        release_id = case when i.release_id = ${releaseId}::uuid and i.last_good_release_id is not null then i.last_good_release_id else i.release_id end,
        last_good_release_id = case when i.release_id = ${releaseId}::uuid then null else i.last_good_release_id end,
        state = case when i.release_id = ${releaseId}::uuid and i.last_good_release_id is null then 'suspended' else i.state end,
        candidate_release_id = case when i.candidate_release_id = ${releaseId}::uuid then null else i.candidate_release_id end,
        candidate_ppm = case when i.candidate_release_id = ${releaseId}::uuid then 0 else i.candidate_ppm end,
        version = i.version + 1, updated_at = ${now}::timestamptz
      from kills
      where i.merchant_id = ${tx.merchantId} and i.id = ${installId} and i.state = 'active' and (
        i.candidate_release_id = ${releaseId}::uuid
        or i.release_id = ${releaseId}::uuid and (i.last_good_release_id is not null or kills.count >= ${KILLS_MAX}::int)
      )
      returning i.plugin, i.state, i.release_id as serving`
    if (!changed) return
    await bumpPricing(tx)
    await recordEvent(tx, {
      type: changed.state === 'suspended' ? 'plugin.suspended' : 'plugin.returned',
      aggregateType: 'plugin_install',
      aggregateId: installId,
      data: { plugin: changed.plugin, failed_release_id: releaseId, serving_release_id: changed.serving, reason: note },
      actor: BY,
      now,
    })
  })
}
