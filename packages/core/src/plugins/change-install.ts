import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { recordEvent } from '../events/record.ts'
import { bumpPricing } from '../merchant/pricing-revision.ts'
import { Refusal } from '../refusal.ts'
import { type Install, loadInstall } from './install.ts'
import { assertRange, configurationFor, type GivenProvider, noRelease, providersFor, writeProviders } from './install-plugin.ts'
import type { PluginPort } from './port.ts'
import { loadRelease, newestRelease, type Release } from './releases.ts'

/** What staff may change. What is absent stays. */
export interface InstallChanges {
  state?: 'active' | 'disabled' | undefined
  versionRange?: string | undefined
  /** Of the release that the range picks, to this share of buyers first, in parts per million; 1,000,000 is all at once. */
  rolloutPpm?: bigint | undefined
  configuration?: unknown
  providers?: GivenProvider[] | undefined
  logAllUntil?: Date | null | undefined
}

/**
 * Changes how a merchant uses a plugin; quotes from the next one on are made with it. Turning an installation on again also
 * forgives what it was suspended for.
 */
export async function changeInstall(
  inMerchant: InMerchant,
  port: PluginPort,
  installId: string,
  changes: InstallChanges,
  by: { actor: Actor; now: Date },
): Promise<Install> {
  if (changes.versionRange !== undefined) assertRange(port, changes.versionRange)
  return inMerchant(async (tx) => {
    const before = await heldInstall(tx, installId)
    const target = await targetRelease(tx, port, before, changes)
    const configuration = configurationFor(port, target, changes.configuration ?? before.configuration)
    const next = versions(before, target, changes)
    await tx.sql`
      update plugin_install set state = ${changes.state ?? before.state}, version_range = ${changes.versionRange ?? before.versionRange},
        release_id = ${next.releaseId}, candidate_release_id = ${next.candidateId}, candidate_ppm = ${next.candidatePpm},
        last_good_release_id = ${next.lastGoodId}, configuration = ${JSON.stringify(configuration)}::jsonb,
        note = ${changes.state === 'active' ? '' : before.note}, version = version + 1, updated_at = ${by.now},
        log_all_until = ${changes.logAllUntil === undefined ? before.logAllUntil : changes.logAllUntil}
      where merchant_id = ${tx.merchantId} and id = ${installId}`
    if (changes.providers) await writeProviders(tx, installId, providersFor(target.manifest, changes.providers))
    await bumpPricing(tx)
    const changed = Object.keys(changes).filter((key) => changes[key as keyof InstallChanges] !== undefined)
    await tell(tx, 'plugin.changed', before, { changed, version: target.version }, by)
    return loadInstall(tx, installId)
  })
}

/** Makes the candidate serve every buyer; what served before is the last good version. Refuses `invalid_state` without one. */
export async function promoteCandidate(inMerchant: InMerchant, installId: string, by: { actor: Actor; now: Date }): Promise<Install> {
  return inMerchant(async (tx) => {
    const before = await heldInstall(tx, installId)
    if (!before.candidate)
      throw new Refusal('invalid_state', { detail: 'No version is being rolled out.', extra: { current_state: before.state } })
    await tx.sql`
      update plugin_install set release_id = ${before.candidate.id}, last_good_release_id = ${before.release.id}, candidate_release_id = null,
        candidate_ppm = 0, version = version + 1, updated_at = ${by.now}
      where merchant_id = ${tx.merchantId} and id = ${installId}`
    await bumpPricing(tx)
    await tell(tx, 'plugin.promoted', before, { from: before.release.version, to: before.candidate.version }, by)
    return loadInstall(tx, installId)
  })
}

/** Goes back: gives up a version that is being rolled out, or else returns to the last good one. Refuses `invalid_state` with neither. */
export async function rollBack(inMerchant: InMerchant, installId: string, by: { actor: Actor; now: Date }): Promise<Install> {
  return inMerchant(async (tx) => {
    const before = await heldInstall(tx, installId)
    const target = before.candidate ? before.release : before.lastGood
    if (!target) throw new Refusal('invalid_state', { detail: 'There is no earlier version.', extra: { current_state: before.state } })
    await tx.sql`
      update plugin_install set release_id = ${target.id}, candidate_release_id = null, candidate_ppm = 0,
        failed_release_id = ${(before.candidate ?? before.release).id}, version_range = ${target.version},
        last_good_release_id = case when last_good_release_id = ${target.id} then null else last_good_release_id end,
        version = version + 1, updated_at = ${by.now}
      where merchant_id = ${tx.merchantId} and id = ${installId}`
    await bumpPricing(tx)
    await tell(tx, 'plugin.rolled_back', before, { from: (before.candidate ?? before.release).version, to: target.version }, by)
    return loadInstall(tx, installId)
  })
}

/** Takes a plugin out of the shop, with its log and its secrets. Orders keep what it did for them. */
export async function uninstallPlugin(inMerchant: InMerchant, installId: string, by: { actor: Actor; now: Date }): Promise<void> {
  await inMerchant(async (tx) => {
    const before = await heldInstall(tx, installId)
    await tx.sql`delete from plugin_install where merchant_id = ${tx.merchantId} and id = ${installId}`
    await bumpPricing(tx)
    await tell(tx, 'plugin.uninstalled', before, { version: before.release.version }, by)
  })
}

async function heldInstall(tx: Tx, installId: string): Promise<Install> {
  await tx.sql`select id from plugin_install where merchant_id = ${tx.merchantId} and id = ${installId} for no key update`
  return loadInstall(tx, installId)
}

/** The release that the wanted range picks; without a new range the one that serves, or the candidate there is. */
async function targetRelease(tx: Tx, port: PluginPort, before: Install, changes: InstallChanges): Promise<Release> {
  if (changes.versionRange === undefined) return loadRelease(tx, (before.candidate ?? before.release).id)
  const release = await newestRelease(tx, port, before.plugin, changes.versionRange)
  if (!release) throw noRelease({ plugin: before.plugin, versionRange: changes.versionRange })
  return release
}

function versions(before: Install, target: Release, { rolloutPpm }: InstallChanges) {
  const share = rolloutPpm ?? before.candidate?.ppm ?? 1_000_000n
  const lastGoodId = before.lastGood?.id ?? null
  if (target.id === before.release.id) return { releaseId: before.release.id, candidateId: null, candidatePpm: 0n, lastGoodId }
  if (share > 0n && share < 1_000_000n) {
    return { releaseId: before.release.id, candidateId: target.id, candidatePpm: share, lastGoodId }
  }
  if (share === 0n) return { releaseId: before.release.id, candidateId: null, candidatePpm: 0n, lastGoodId }
  return { releaseId: target.id, candidateId: null, candidatePpm: 0n, lastGoodId: before.release.id }
}

/** Everybody may read that it changed in the event; what it was and is, those who may read the audit log. */
async function tell(tx: Tx, type: string, before: Install, data: object, by: { actor: Actor; now: Date }): Promise<void> {
  const after = type === 'plugin.uninstalled' ? null : await loadInstall(tx, before.id)
  await Promise.all([
    recordEvent(tx, { type, aggregateType: 'plugin_install', aggregateId: before.id, data: { plugin: before.plugin, ...data }, ...by }),
    recordAudit(tx, { action: type, targetType: 'plugin_install', targetId: before.id, before, after, reason: '', ...by }),
  ])
}
