import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { rolloutBucket } from '../pricing/rollout.ts'
import type { Provider } from './install.ts'
import type { ExtensionPoint, PluginRelease, ProviderCall } from './port.ts'

/** An installed plugin as quotes use it. */
export interface InstalledPlugin {
  installId: string
  plugin: string
  configuration: unknown
  serving: ServedRelease
  candidate: ServedRelease | null
  /** Of buyers, in parts per million, who get the candidate. */
  candidatePpm: bigint
  logAllUntil: Date | null
  providers: Provider[]
}

export interface ServedRelease extends PluginRelease {
  pushedAt: Date
  /** It had a runner killed within a day. */
  dangerous: boolean
}

const CORDON_NEW_DAYS = 7
const DAY_MS = 86_400_000

/** The statement that reads what is installed and active, with the releases that serve; for the flight that loads a pricing document. */
export function installsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select i.id as "installId", i.plugin, i.configuration, i.candidate_ppm as "candidatePpm", i.log_all_until as "logAllUntil",
      jsonb_build_object('id', r.id, 'plugin', r.plugin, 'version', r.version, 'digest', r.digest, 'manifest', r.manifest, 'hooks', r.hooks,
        'pushedAt', r.pushed_at, 'dangerous', r.id = i.failed_release_id) as serving,
      case when c.id is not null then jsonb_build_object('id', c.id, 'plugin', c.plugin, 'version', c.version, 'digest', c.digest,
        'manifest', c.manifest, 'hooks', c.hooks, 'pushedAt', c.pushed_at, 'dangerous', c.id = i.failed_release_id) end as candidate,
      coalesce((
        select jsonb_agg(jsonb_build_object('point', p.point, 'position', p.position, 'failurePolicy', p.failure_policy))
        from plugin_provider p where p.merchant_id = i.merchant_id and p.install_id = i.id
      ), '[]') as providers
    from plugin_install i
      join plugin_release r on r.merchant_id = i.merchant_id and r.id = i.release_id
      left join plugin_release c on c.merchant_id = i.merchant_id and c.id = i.candidate_release_id
    where i.merchant_id = ${tx.merchantId} and i.state = 'active'
    order by i.id`
}

/** The answer of `installsQuery`. An empty list: this merchant's quotes never leave the process. */
export function toInstalls(rows: readonly unknown[]): InstalledPlugin[] {
  return (rows as readonly InstalledPlugin[]).map((row) => ({
    ...row,
    serving: toRelease(row.serving),
    candidate: row.candidate && toRelease(row.candidate),
  }))
}

function toRelease(release: ServedRelease): ServedRelease {
  return { ...release, pushedAt: new Date(release.pushedAt), dangerous: release.dangerous === true }
}

/** Who serves a point, in the merchant's order. */
export function providersOf(
  installs: readonly InstalledPlugin[],
  point: ExtensionPoint,
): { install: InstalledPlugin; provider: Provider }[] {
  return installs
    .flatMap((install) => install.providers.filter((provider) => provider.point === point).map((provider) => ({ install, provider })))
    .toSorted((one, other) => one.provider.position - other.provider.position || (one.install.installId < other.install.installId ? -1 : 1))
}

/** The release that serves this buyer: the same buyer gets the same one for as long as the share only grows. */
export function releaseFor(install: InstalledPlugin, stickyKey: string): ServedRelease {
  if (!install.candidate) return install.serving
  return BigInt(rolloutBucket(install.installId, stickyKey)) < install.candidatePpm ? install.candidate : install.serving
}

/** Plugins share runners only with plugins that are trusted as much. */
export function cordonOf(release: ServedRelease, now: Date): ProviderCall['cordon'] {
  if (release.dangerous) return 'quarantine'
  return now.getTime() - release.pushedAt.getTime() < CORDON_NEW_DAYS * DAY_MS ? 'new' : 'stable'
}
