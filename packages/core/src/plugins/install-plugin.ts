import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { bumpPricing } from '../merchant/pricing-revision.ts'
import { Refusal } from '../refusal.ts'
import { type FailurePolicy, type Install, loadInstall } from './install.ts'
import { CONFIGURATION_BYTES_MAX, INSTALLS_MAX } from './limits.ts'
import { EXTENSION_POINTS, type ExtensionPoint, type Manifest, type PluginPort } from './port.ts'
import { newestRelease, type Release } from './releases.ts'

export interface NewInstall {
  plugin: string
  /** A semantic version to pin, or a range such as `^1.2`; new releases within it are taken up as they are pushed. */
  versionRange: string
  configuration: unknown
  /** Where the plugin takes part; absent: everywhere its manifest offers. */
  providers?: GivenProvider[] | undefined
}

export interface GivenProvider {
  point: ExtensionPoint
  failurePolicy?: FailurePolicy | undefined
  position?: number | undefined
}

/** What a provider's failure does where the merchant said nothing: a sale is never lost, and a tax is never left out. */
export const FAILURE_POLICY_DEFAULT: Record<ExtensionPoint, FailurePolicy> = { discount: 'skip', tax: 'fallback', fulfillment: 'skip' }

/** Installs a plugin of which a release was pushed. A plugin is installed once per merchant; again is refused as `duplicate`. */
export async function installPlugin(
  inMerchant: InMerchant,
  port: PluginPort,
  given: NewInstall,
  by: { actor: Actor; now: Date },
): Promise<Install> {
  assertRange(port, given.versionRange)
  return inMerchant(async (tx) => {
    const release = await newestRelease(tx, port, given.plugin, given.versionRange)
    if (!release) throw noRelease(given)
    const configuration = configurationFor(port, release, given.configuration)
    const providers = providersFor(release.manifest, given.providers)
    const id = newId(by.now)
    const [inserted] = await tx.sql`
      insert into plugin_install (merchant_id, id, plugin, state, version_range, release_id, configuration, installed_at, updated_at)
      select ${tx.merchantId}::uuid, ${id}::uuid, ${given.plugin}, 'active', ${given.versionRange}, ${release.id}::uuid,
        ${JSON.stringify(configuration)}::jsonb, ${by.now}::timestamptz, ${by.now}::timestamptz
      where (select count(*) from plugin_install i where i.merchant_id = ${tx.merchantId}) < ${INSTALLS_MAX}::int
      on conflict (merchant_id, plugin) do nothing
      returning id`
    if (!inserted) throw await whyNotInstalled(tx, given.plugin)
    await writeProviders(tx, id, providers)
    await bumpPricing(tx)
    await recordEvent(tx, {
      type: 'plugin.installed',
      aggregateType: 'plugin_install',
      aggregateId: id,
      data: { plugin: given.plugin, version: release.version, points: providers.map((provider) => provider.point) },
      ...by,
    })
    const installed = await loadInstall(tx, id)
    await recordAudit(tx, {
      action: 'plugin.installed',
      targetType: 'plugin_install',
      targetId: id,
      before: null,
      after: installed,
      reason: '',
      ...by,
    })
    return installed
  })
}

export function assertRange(port: PluginPort, range: string): void {
  if (port.isVersionRange(range)) return
  const errors = [{ pointer: '/version', code: 'invalid_version_range' }]
  throw new Refusal('plugin_configuration_invalid', { detail: 'This is neither a version nor a range of versions.', errors })
}

/** The configuration checked against what the release asks for, defaults filled in. */
export function configurationFor(port: PluginPort, release: Pick<Release, 'manifest'>, given: unknown): unknown {
  const checked = port.checkConfiguration(release.manifest, given)
  if (!checked.ok) {
    const errors = checked.problems.map((problem) => ({ ...problem, pointer: `/configuration${problem.pointer}` }))
    throw new Refusal('plugin_configuration_invalid', { detail: 'The configuration is not what this plugin asks for.', errors })
  }
  if (JSON.stringify(checked.configuration).length > CONFIGURATION_BYTES_MAX) {
    const errors = [{ pointer: '/configuration', code: 'text_too_long' }]
    throw new Refusal('plugin_configuration_invalid', { detail: 'The configuration is too large.', errors })
  }
  return checked.configuration
}

export interface ProviderRow {
  point: ExtensionPoint
  failurePolicy: FailurePolicy
  position: number | null
}

/** The points to serve, each offered by the manifest and named once. */
export function providersFor(manifest: Manifest, given: GivenProvider[] | undefined): ProviderRow[] {
  const offered = EXTENSION_POINTS.filter((point) => manifest.contracts[point] !== undefined)
  const chosen = given ?? offered.map((point) => ({ point }))
  const errors = chosen.flatMap(({ point }, index) => {
    if (!offered.includes(point)) return [{ pointer: `/providers/${index}/point`, code: 'not_offered' }]
    const repeated = chosen.findIndex((other) => other.point === point) !== index
    return repeated ? [{ pointer: `/providers/${index}/point`, code: 'duplicate' }] : []
  })
  if (errors.length > 0) throw new Refusal('plugin_configuration_invalid', { detail: 'This plugin cannot serve there.', errors })
  return chosen.map(({ point, ...rest }: GivenProvider) => ({
    point,
    failurePolicy: rest.failurePolicy ?? FAILURE_POLICY_DEFAULT[point],
    position: rest.position ?? null,
  }))
}

/** Replaces the points an installation serves. A position left open is the one after the last. */
export async function writeProviders(tx: Tx, installId: string, providers: readonly ProviderRow[]): Promise<void> {
  const rows = providers.map(({ point, failurePolicy, position }) => ({ point, failure_policy: failurePolicy, position }))
  await Promise.all([
    tx.sql`delete from plugin_provider where merchant_id = ${tx.merchantId} and install_id = ${installId}`,
    tx.sql`
      insert into plugin_provider (merchant_id, install_id, point, failure_policy, position)
      select ${tx.merchantId}::uuid, ${installId}::uuid, given.point, given.failure_policy, coalesce(given.position, (
        select coalesce(max(p.position), 0) + 1 from plugin_provider p where p.merchant_id = ${tx.merchantId} and p.point = given.point
      ))
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given (point text, failure_policy text, position int)`,
  ])
}

async function whyNotInstalled(tx: Tx, plugin: string): Promise<Refusal> {
  const [there] = await tx.sql`select id from plugin_install where merchant_id = ${tx.merchantId} and plugin = ${plugin}`
  if (there) return new Refusal('duplicate', { detail: 'This plugin is installed.', errors: [{ pointer: '/plugin', code: 'duplicate' }] })
  return new Refusal('too_many_installs', { detail: `A merchant installs at most ${INSTALLS_MAX} plugins.` })
}

export function noRelease({ plugin, versionRange }: { plugin: string; versionRange: string }): Refusal {
  const errors = [{ pointer: '/version', code: 'not_found' }]
  return new Refusal('not_found', { detail: `No release of ${plugin} fits ${versionRange}.`, errors })
}
