import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'
import type { ExtensionPoint } from './port.ts'

export type InstallState = 'active' | 'disabled' | 'suspended'
/** What happens to a quote when a provider fails: it goes on without it, it is refused, or a built-in takes over. */
export type FailurePolicy = 'skip' | 'refuse' | 'fallback'

/** How a merchant uses a plugin: which version, with what configuration, at which points and in what order. */
export interface Install {
  id: string
  plugin: string
  state: InstallState
  versionRange: string
  release: { id: string; version: string }
  candidate: { id: string; version: string; ppm: bigint } | null
  lastGood: { id: string; version: string } | null
  failed: { id: string; version: string } | null
  configuration: unknown
  note: string
  logAllUntil: Date | null
  version: bigint
  updatedAt: Date
  providers: Provider[]
  /** Names only. */
  secrets: string[]
}

export interface Provider {
  point: ExtensionPoint
  position: number
  failurePolicy: FailurePolicy
}

/** The statement that reads installations with their providers: all of them, or one. */
export function installsOf(tx: Pick<Tx, 'merchantId' | 'sql'>, installId?: string): Query {
  return tx.sql`
    select i.id, i.plugin, i.state, i.version_range as "versionRange", i.configuration, i.note, i.log_all_until as "logAllUntil", i.version,
      i.updated_at as "updatedAt", i.candidate_ppm as "candidatePpm",
      r.id as "releaseId", r.version as "releaseVersion", c.id as "candidateId", c.version as "candidateVersion",
      g.id as "lastGoodId", g.version as "lastGoodVersion", f.id as "failedId", f.version as "failedVersion",
      coalesce((
        select jsonb_agg(jsonb_build_object('point', p.point, 'position', p.position, 'failurePolicy', p.failure_policy) order by p.point)
        from plugin_provider p where p.merchant_id = i.merchant_id and p.install_id = i.id
      ), '[]') as providers,
      array(
        select s.name from plugin_secret s where s.merchant_id = i.merchant_id and s.install_id = i.id order by s.name
      ) as secrets
    from plugin_install i
      join plugin_release r on r.merchant_id = i.merchant_id and r.id = i.release_id
      left join plugin_release c on c.merchant_id = i.merchant_id and c.id = i.candidate_release_id
      left join plugin_release g on g.merchant_id = i.merchant_id and g.id = i.last_good_release_id
      left join plugin_release f on f.merchant_id = i.merchant_id and f.id = i.failed_release_id
    where i.merchant_id = ${tx.merchantId} and (${installId ?? null}::uuid is null or i.id = ${installId ?? null}::uuid)
    order by i.id`
}

interface InstallRow extends Omit<Install, 'release' | 'candidate' | 'lastGood' | 'failed'> {
  releaseId: string
  releaseVersion: string
  candidateId: string | null
  candidateVersion: string
  candidatePpm: bigint
  lastGoodId: string | null
  lastGoodVersion: string
  failedId: string | null
  failedVersion: string
}

export function toInstall(row: unknown): Install {
  const {
    releaseId,
    releaseVersion,
    candidateId,
    candidateVersion,
    candidatePpm,
    lastGoodId,
    lastGoodVersion,
    failedId,
    failedVersion,
    ...rest
  } = row as InstallRow
  return {
    ...rest,
    release: { id: releaseId, version: releaseVersion },
    candidate: candidateId === null ? null : { id: candidateId, version: candidateVersion, ppm: candidatePpm },
    lastGood: lastGoodId === null ? null : { id: lastGoodId, version: lastGoodVersion },
    failed: failedId === null ? null : { id: failedId, version: failedVersion },
  }
}

/** One installation, or `not_found`. */
export async function loadInstall(tx: Pick<Tx, 'merchantId' | 'sql'>, installId: string): Promise<Install> {
  const [row] = await installsOf(tx, installId)
  if (!row) throw new Refusal('not_found', { detail: 'There is no such installation.' })
  return toInstall(row)
}
