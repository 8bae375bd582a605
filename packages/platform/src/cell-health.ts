import { askCell } from './ask-cell.ts'
import type { CellFinding } from './cell-checks.ts'
import type { CellFacts } from './cell-facts.ts'

// How a cell does. What is not well keeps nobody from being served, and says what to do about it.

const CLOCK_AHEAD_MAX_MS = 2_000
const SLOT_IDLE_MAX_S = 600
const SLOT_WAL_MAX_BYTES = 1024 ** 3
const MIB = 1024 ** 2

interface Health {
  archives: boolean
  archive_failing_since: Date | null
  slots: { name: string; active: boolean; idle_s: number | null; kept_bytes: string | null; lost: boolean }[]
  rejected_jobs: number
  dead_jobs: number
}

/** As souk_platform, who sees no merchant's rows: how many jobs died is what PostgreSQL estimates. */
export async function healthFindings(url: string, facts: CellFacts): Promise<CellFinding[]> {
  try {
    const [health] = await askCell(
      url,
      (sql) => sql<Health[]>`
      select current_setting('archive_mode') <> 'off' as archives,
        (select last_failed_time from pg_stat_archiver where last_failed_time > coalesce(last_archived_time, '-infinity')) as archive_failing_since,
        coalesce((
          select json_agg(json_build_object('name', slot_name, 'active', active, 'lost', wal_status in ('unreserved', 'lost'),
            'idle_s', extract(epoch from clock_timestamp() - inactive_since)::int,
            'kept_bytes', pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text) order by slot_name)
          from pg_replication_slots
        ), '[]') as slots,
        (select count(*)::int from queue.rejected_job) as rejected_jobs,
        coalesce(pg_stat_get_live_tuples('public.dead_job'::regclass), 0)::int as dead_jobs`,
    )
    return [durability(facts), clock(facts), archiving(health!), leftSlots(health!), jobs(health!)]
  } catch (error) {
    return [
      { check: 'health', outcome: 'warning', detail: `How it does could not be asked: ${(error as { code?: string }).code ?? 'unknown'}` },
    ]
  }
}

function durability({ unsafe_settings: off }: CellFacts): CellFinding {
  return off.length > 0
    ? { check: 'durability', outcome: 'warning', detail: `${off.join(' and ')} off: a crash may lose the database. Turn on.` }
    : { check: 'durability', outcome: 'passed', detail: 'What was confirmed survives a crash.' }
}

/** Reservations and jobs go by the database's clock, tokens and links by that of the API. */
function clock({ clock_ahead_ms: ahead }: CellFacts): CellFinding {
  const seconds = (Math.abs(ahead) / 1_000).toFixed(1)
  return Math.abs(ahead) > CLOCK_AHEAD_MAX_MS
    ? {
        check: 'clock',
        outcome: 'warning',
        detail: `Its clock is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} that of the API: see to NTP on both.`,
      }
    : { check: 'clock', outcome: 'passed', detail: 'Its clock is that of the API.' }
}

function archiving({ archives, archive_failing_since: since }: Health): CellFinding {
  if (since !== null) {
    const detail = `Its log has not been archived since ${since.toISOString()}: see the server's log for archive_command. Until then no later moment can be restored, and the disk fills.`
    return { check: 'archiving', outcome: 'warning', detail }
  }
  return { check: 'archiving', outcome: 'passed', detail: archives ? 'Its log is archived.' : 'Its log is not archived here.' }
}

function leftSlots({ slots }: Health): CellFinding {
  const said = slots.flatMap(({ name, active, idle_s: idle, kept_bytes: kept, lost }) => {
    const mebibytes = Math.round(Number(kept ?? 0) / MIB)
    if (lost) return [`${name} has lost what it needs, and its reader begins again`]
    if (!active && (idle ?? 0) > SLOT_IDLE_MAX_S)
      return [`nobody has read ${name} for ${Math.round(idle! / 60)} min, and it keeps ${mebibytes} MiB of log`]
    return Number(kept ?? 0) > SLOT_WAL_MAX_BYTES ? [`${name} keeps ${mebibytes} MiB of log`] : []
  })
  if (said.length === 0) return { check: 'streams', outcome: 'passed', detail: `${slots.length} replication slots, none left behind.` }
  const cure = "A move's slot goes with its move (souk moves); one of nobody's: select pg_drop_replication_slot('<name>')."
  return { check: 'streams', outcome: 'warning', detail: `Replication slots: ${said.join('; ')}. ${cure}` }
}

function jobs({ rejected_jobs: rejected, dead_jobs: dead }: Health): CellFinding {
  const said = [
    ...(rejected > 0 ? [`${rejected} jobs belong to no merchant (queue.rejected_job)`] : []),
    ...(dead > 0 ? [`about ${dead} jobs of merchants failed for good: their staff see and repeat them under /v1/admin/dead-jobs`] : []),
  ]
  return said.length > 0
    ? { check: 'jobs', outcome: 'warning', detail: `${said.join('; ')}.` }
    : { check: 'jobs', outcome: 'passed', detail: 'No job failed for good.' }
}
