import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { Refusal } from '../refusal.ts'
import { followRange } from './follow-range.ts'
import { RELEASES_PER_PLUGIN_MAX } from './limits.ts'
import type { Manifest, PluginPort } from './port.ts'

/** A version of a plugin as it was pushed to a merchant; its bundle never changes. */
export interface Release {
  id: string
  plugin: string
  version: string
  digest: string
  manifest: Manifest
  hooks: Record<string, readonly string[]>
  pushedAt: Date
  withdrawnAt: Date | null
}

/**
 * Takes a bundle and its manifest in, after the port has loaded it once in a sandbox. Pushing the same again changes
 * nothing; another bundle under a version that exists is refused as `duplicate`. Installations whose range allows the
 * new version move to it. Refuses `plugin_invalid` with what is wrong, and `plugins_busy` where it could not be looked at.
 */
export async function pushRelease(
  inMerchant: InMerchant,
  port: PluginPort,
  given: { manifest: unknown; bundle: string },
  by: { actor: Actor; now: Date },
): Promise<Release> {
  const inspected = await port.inspect(given)
  if (!inspected.ok && inspected.isBusy) throw new Refusal('plugins_busy', { detail: 'There was no time to look at this plugin.' })
  if (!inspected.ok) throw new Refusal('plugin_invalid', { detail: 'This is not a plugin that can run here.', errors: inspected.problems })
  const { manifest, digest, hooks } = inspected
  return inMerchant(async (tx) => {
    const pushed = await insertRelease(tx, { manifest, digest, hooks, bundle: given.bundle }, by)
    if (!pushed) return sameAsBefore(tx, manifest, digest)
    await recordEvent(tx, {
      type: 'plugin.pushed',
      aggregateType: 'plugin_release',
      aggregateId: pushed.id,
      data: { plugin: pushed.plugin, version: pushed.version, digest },
      ...by,
    })
    await followRange(tx, port, pushed, by)
    return pushed
  })
}

async function insertRelease(
  tx: Tx,
  given: { manifest: Manifest; digest: string; hooks: Release['hooks']; bundle: string },
  { actor, now }: { actor: Actor; now: Date },
): Promise<Release | undefined> {
  const { name, version } = given.manifest
  const [row] = await tx.sql<Release[]>`
    insert into plugin_release (merchant_id, id, plugin, version, digest, manifest, hooks, bundle, pushed_by, pushed_at)
    select ${tx.merchantId}::uuid, ${newId(now)}::uuid, ${name}, ${version}, ${given.digest}, ${JSON.stringify(given.manifest)}::jsonb,
      ${JSON.stringify(given.hooks)}::jsonb, ${given.bundle}, ${JSON.stringify(actor)}::jsonb, ${now}::timestamptz
    where (select count(*) from plugin_release r where r.merchant_id = ${tx.merchantId} and r.plugin = ${name}) < ${RELEASES_PER_PLUGIN_MAX}::int
    on conflict (merchant_id, plugin, version) do nothing
    returning id, plugin, version, digest, manifest, hooks, pushed_at as "pushedAt", withdrawn_at as "withdrawnAt"`
  return row
}

async function sameAsBefore(tx: Tx, manifest: Manifest, digest: string): Promise<Release> {
  const { name, version } = manifest
  const [row] = await tx.sql<Release[]>`
    select id, plugin, version, digest, manifest, hooks, pushed_at as "pushedAt", withdrawn_at as "withdrawnAt" from plugin_release
    where merchant_id = ${tx.merchantId} and plugin = ${name} and version = ${version}`
  if (!row) throw new Refusal('too_many_releases', { detail: `A plugin has at most ${RELEASES_PER_PLUGIN_MAX} releases.` })
  if (row.digest === digest && JSON.stringify(sorted(row.manifest)) === JSON.stringify(sorted(manifest))) return row
  throw new Refusal('duplicate', {
    detail: `${name} ${version} was pushed with another content. A release never changes: push it as another version.`,
    errors: [{ pointer: '/manifest/version', code: 'duplicate' }],
  })
}

/** The database keeps the keys of an object in an order of its own. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  )
}

/** One page of releases, the newest first; of one plugin if asked. */
export function releasesQuery(tx: Pick<Tx, 'merchantId' | 'sql'>, asked: { plugin?: string; before?: string; limit: number }): Query {
  return tx.sql`
    select id, plugin, version, digest, manifest, hooks, pushed_at as "pushedAt", withdrawn_at as "withdrawnAt" from plugin_release
    where merchant_id = ${tx.merchantId} and (${asked.plugin ?? null}::text is null or plugin = ${asked.plugin ?? null})
      and (${asked.before ?? null}::uuid is null or id < ${asked.before ?? null}::uuid)
    order by id desc limit ${asked.limit}::int`
}

/** The release with that id, or `not_found`. */
export async function loadRelease(tx: Pick<Tx, 'merchantId' | 'sql'>, releaseId: string): Promise<Release> {
  const [row] = await tx.sql<Release[]>`
    select id, plugin, version, digest, manifest, hooks, pushed_at as "pushedAt", withdrawn_at as "withdrawnAt" from plugin_release
    where merchant_id = ${tx.merchantId} and id = ${releaseId}`
  if (!row) throw new Refusal('not_found', { detail: 'There is no such release.' })
  return row
}

/** The newest release of a plugin that a range allows, withdrawn ones apart; undefined when there is none. */
export async function newestRelease(tx: Tx, port: PluginPort, plugin: string, range: string): Promise<Release | undefined> {
  const rows = await tx.sql<Release[]>`
    select id, plugin, version, digest, manifest, hooks, pushed_at as "pushedAt", withdrawn_at as "withdrawnAt" from plugin_release
    where merchant_id = ${tx.merchantId} and plugin = ${plugin} and withdrawn_at is null`
  return rows
    .filter((row) => port.satisfies(row.version, range))
    .toSorted((one, other) => port.compareVersions(other.version, one.version))[0]
}

/** The code itself. It is as large as half a megabyte: asked for once per process, not with the list. */
export async function loadBundle(inMerchant: InMerchant, releaseId: string): Promise<string> {
  const [rows] = await inMerchant.readOnce((tx) => [
    tx.sql`select bundle from plugin_release where merchant_id = ${tx.merchantId} and id = ${releaseId}`,
  ])
  const row = rows?.[0]
  if (!row) throw new Refusal('not_found', { detail: 'There is no such release.' })
  return row.bundle as string
}
