import type { BaseBackup } from '@souk/local-postgres/base-backup.ts'
import type { SchemaVersion } from '@souk/migrations/files.ts'
import { checkInvariants, type Violation } from '@souk/migrations/invariants.ts'
import { readVersion } from '@souk/migrations/run.ts'
import postgres from 'postgres'

/** What a restored database holds, and what in it is not as it must be. */
export interface DrillReport {
  merchants: number
  orders: number
  /** Of the newest change that came back. */
  newestChange: Date | undefined
  schema: SchemaVersion
  violations: Violation[]
}

/** As an administrator of the restored server. */
export async function checkRestored(url: string): Promise<DrillReport> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [row] = await sql<{ merchants: number; orders: number; newest: Date | null }[]>`
      select (select count(*)::integer from tenancy.home) as merchants, (select count(*)::integer from orders) as orders,
        pg_last_xact_replay_timestamp() as newest`
    return {
      merchants: row?.merchants ?? 0,
      orders: row?.orders ?? 0,
      newestChange: row?.newest ?? undefined,
      schema: await readVersion(url),
      violations: await checkInvariants(url),
    }
  } finally {
    await sql.end()
  }
}

export function describeDrill(drill: { backup: BaseBackup; archived: number; report: DrillReport; seconds: number }): string[] {
  const { backup, archived, report, seconds } = drill
  const newest = report.newestChange ? `, up to ${report.newestChange.toISOString()}` : ''
  return [
    `Restored the backup of ${backup.startedAt} (${(backup.bytes / 2 ** 20).toFixed(0)} MiB, every file as it was written) and ${archived} archived segments${newest}.`,
    `It holds ${report.merchants} merchants and ${report.orders} orders, at schema directory ${report.schema.directory}, cell ${report.schema.cell}.`,
    report.violations.length === 0 ? 'Every invariant holds.' : `${report.violations.length} invariants are broken:`,
    ...report.violations.map(({ invariant, rows }) => `  ${invariant}: ${JSON.stringify(rows)}`),
    `The drill took ${seconds.toFixed(0)} s.`,
  ]
}
