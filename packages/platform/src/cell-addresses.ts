import { assertSafeRole, UnsafeRole } from '@souk/tenant-router/boot-check.ts'
import type postgres from 'postgres'
import { askCell } from './ask-cell.ts'
import type { CellFinding } from './cell-checks.ts'
import { type CellFacts, identityOf } from './cell-facts.ts'

// What the addresses given for a cell lead to, beside the one by which it was looked at.

const REPLICA_SILENT_MAX_S = 30
const MIB = 1024 ** 2
const SAFE = 'It cannot reach past row security.'

type Found = Omit<CellFinding, 'check'>

/** Where merchants are served: its role, which database it is, and the limits without which one caller stops all others. */
export async function appFinding(url: string, facts: CellFacts): Promise<CellFinding> {
  const found = await roleAt(url)
  if (found.outcome !== 'passed') return { check: 'app role', ...found }
  return { check: 'app role', ...(await askCell(url, async (sql) => servesWell(sql, facts))) }
}

export async function platformFinding(url: string): Promise<CellFinding> {
  return { check: 'platform role', ...(await roleAt(url)) }
}

/** One that is away or behind is for somebody to know; one of another database, or entered by a stronger role, must not be asked. */
export async function replicaFinding(url: string, facts: CellFacts, primary: string): Promise<CellFinding> {
  const found = await askCell(url, async (sql) => followsWell(sql, facts, primary)).catch(() => undefined)
  if (found === undefined)
    return { check: 'replica', outcome: 'warning', detail: 'The replica does not answer: reads go to the database itself.' }
  const role = found.outcome === 'failed' ? found : await roleAt(url)
  return { check: 'replica', ...(role.outcome === 'failed' ? role : found) }
}

async function servesWell(sql: postgres.Sql, facts: CellFacts): Promise<Found> {
  const [row] = await sql<{ identity: string; endless: string[]; commit: string }[]>`
    select ${identityOf(sql)} as identity, current_setting('synchronous_commit') as commit,
      array(select name from pg_settings where setting = '0'
        and name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout') order by 1) as endless
    from pg_database d where d.datname = current_database()`
  const { identity, endless, commit } = row!
  if (identity !== facts.identity)
    return { outcome: 'failed', detail: 'It leads to another database than the address of the platform does.' }
  if (endless.length > 0) return { outcome: 'warning', detail: `It knows no ${endless.join(', ')}: run ensureRoles again.` }
  if (commit === 'off')
    return { outcome: 'warning', detail: 'synchronous_commit is off: a crash loses confirmed orders. Run ensureRoles again.' }
  return { outcome: 'passed', detail: SAFE }
}

async function followsWell(sql: postgres.Sql, facts: CellFacts, primary: string): Promise<Found> {
  const [row] = await sql<{ standby: boolean; identity: string; replayed: string | null; silent_s: number | null }[]>`
    select pg_is_in_recovery() as standby, ${identityOf(sql)} as identity, pg_last_wal_replay_lsn()::text as replayed,
      extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as silent_s
    from pg_database d where d.datname = current_database()`
  const { standby, identity, replayed, silent_s: silent } = row!
  if (!standby) return { outcome: 'failed', detail: 'What is given as the replica is not a standby.' }
  if (identity !== facts.identity) return { outcome: 'failed', detail: 'The replica is that of another database.' }
  const bytes = await askCell(primary, async (at) => {
    const [behind] = await at<
      { bytes: number }[]
    >`select coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), ${replayed}::pg_lsn), 0)::float8 as bytes`
    return behind!.bytes
  })
  // Where nobody writes, nothing is replayed, and nothing is behind.
  if (bytes <= 0 || (silent ?? Number.POSITIVE_INFINITY) < REPLICA_SILENT_MAX_S)
    return { outcome: 'passed', detail: 'The replica answers and follows.' }
  const detail = `The replica is ${(bytes / MIB).toFixed(1)} MiB behind and has replayed nothing for ${Math.round(silent ?? 0)} s: see its log, or take it out of the addresses.`
  return { outcome: 'warning', detail }
}

async function roleAt(url: string): Promise<Found> {
  try {
    await assertSafeRole(url)
    return { outcome: 'passed', detail: SAFE }
  } catch (error) {
    return { outcome: 'failed', detail: error instanceof UnsafeRole ? `It ${error.reasons.map(inGeneral).join(', ')}.` : reasonOf(error) }
  }
}

/** What is wrong with a role, without the names of tables and roles: this is shown. */
function inGeneral(reason: string): string {
  return reason
    .replace(/^owns .*/s, 'owns something')
    .replace(/^may truncate .*/s, 'may truncate tables')
    .replace(/^is a member of .*/s, 'is a member of other roles')
    .replace(/^acts as .*/s, 'acts as another role')
}

/** A code, never a message: that may hold an address. */
export function reasonOf(error: unknown): string {
  return (error as { code?: string }).code ?? (error as Error).name
}
