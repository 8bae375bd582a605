import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { bumpPricing } from '../merchant/pricing-revision.ts'
import type { PluginPort } from './port.ts'

/**
 * Moves installations to a release that was just pushed, where their version range allows it and it is newer than what
 * serves. What served becomes the last good version, to which a failing release returns by itself.
 */
export async function followRange(
  tx: Tx,
  port: PluginPort,
  pushed: { id: string; plugin: string; version: string },
  by: { actor: Actor; now: Date },
): Promise<void> {
  const [install] = await tx.sql<{ id: string; version_range: string; release_id: string; serving: string }[]>`
    select i.id, i.version_range, i.release_id, r.version as serving
    from plugin_install i join plugin_release r on r.merchant_id = i.merchant_id and r.id = i.release_id
    where i.merchant_id = ${tx.merchantId} and i.plugin = ${pushed.plugin}
    for no key update of i`
  if (!install || !port.satisfies(pushed.version, install.version_range)) return
  if (port.compareVersions(pushed.version, install.serving) <= 0) return
  await tx.sql`
    update plugin_install set release_id = ${pushed.id}, last_good_release_id = ${install.release_id}, candidate_release_id = null,
      candidate_ppm = 0, version = version + 1, updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${install.id}`
  await bumpPricing(tx)
  await recordEvent(tx, {
    type: 'plugin.updated',
    aggregateType: 'plugin_install',
    aggregateId: install.id,
    data: { plugin: pushed.plugin, from: install.serving, to: pushed.version, because: 'range' },
    ...by,
  })
}
