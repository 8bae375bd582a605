import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'
import { CALLS_KEPT_DAYS } from './limits.ts'

/** A kept call: what the plugin was given, what it answered, and what that cost, in microseconds. */
export interface PluginCallRecord {
  id: string
  installId: string
  releaseId: string
  plugin: string
  version: string
  hook: string
  outcome: 'ok' | 'failed'
  reason: string | null
  detail: string | null
  cpuUs: bigint
  wallUs: bigint
  calledAt: Date
}

export interface FullCallRecord extends PluginCallRecord {
  input: unknown
  configuration: unknown
  output: unknown
  logs: string[]
}

/** One page of an installation's calls, the newest first. */
export function callsQuery(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  asked: { installId: string; outcome?: 'ok' | 'failed' | undefined; before?: string | undefined; limit: number },
): Query {
  const { installId, outcome = null, before = null, limit } = asked
  return tx.sql`
    select id, install_id as "installId", release_id as "releaseId", plugin, version, hook, outcome, reason, detail, cpu_us as "cpuUs",
      wall_us as "wallUs", called_at as "calledAt"
    from plugin_call
    where merchant_id = ${tx.merchantId} and install_id = ${installId} and (${before}::uuid is null or id < ${before}::uuid)
      and (${outcome}::text is null or outcome = ${outcome})
    order by id desc limit ${limit}::int`
}

/** One call with everything that is needed to run it again, or `not_found`. */
export async function loadCall(tx: Pick<Tx, 'merchantId' | 'sql'>, callId: string): Promise<FullCallRecord> {
  const [row] = await tx.sql<FullCallRecord[]>`
    select id, install_id as "installId", release_id as "releaseId", plugin, version, hook, outcome, reason, detail, cpu_us as "cpuUs",
      wall_us as "wallUs", called_at as "calledAt", input, configuration, output, logs
    from plugin_call where merchant_id = ${tx.merchantId} and id = ${callId}`
  if (!row) throw new Refusal('not_found', { detail: 'There is no such call; calls are kept for a while only.' })
  return row
}

/** What plugins cost a merchant on each of the last days, the newest first. */
export function usageQuery(tx: Pick<Tx, 'merchantId' | 'sql'>, days: number): Query {
  return tx.sql`
    select to_char(day, 'YYYY-MM-DD') as day, calls, failures, cpu_us as "cpuUs" from plugin_usage
    where merchant_id = ${tx.merchantId} order by day desc limit ${days}::int`
}

/** Forgets calls whose time is over. */
export async function clearPluginCalls(inMerchant: InMerchant, now: Date): Promise<void> {
  await inMerchant(
    (tx) => tx.sql`
      delete from plugin_call
      where merchant_id = ${tx.merchantId} and called_at < ${now}::timestamptz - make_interval(days => ${CALLS_KEPT_DAYS}::int)`,
  )
}
