import type postgres from 'postgres'
import { askCell } from './ask-cell.ts'
import type { CellAddress } from './cell-checks.ts'

/** What a database says of itself. */
export interface CellFacts {
  version: number
  wal_level: string
  slots_max: number
  slots_used: number
  senders_max: number
  apply_workers_max: number
  connections_max: number
  origins_max: number
  in_recovery: boolean
  read_only: boolean
  unsafe_settings: string[]
  encoding: string
  collation: string
  collation_version: string | null
  collation_library: string | null
  extensions: string[]
  /** Which database of which cluster this is, whatever name or address it is reached by. */
  identity: string
  /** A hash of all tables that merchants' rows are in. */
  shape: string
  tables: number
  /** Of those that name a merchant: where anything but the one policy of all is in force. */
  unprotected: string[]
  /** The number of its newest migration; null where it is too old to say. */
  migrated_to: number | null
  /** Its clock, as near as can be told: the moment between asking and hearing. */
  clock_ahead_ms: number
}

export interface RoleRow {
  name: string
  superuser: boolean
  bypasses: boolean
  replicates: boolean
}

// The one policy of every table that names a merchant, as the catalogue has it: of all roles, for all that is done.
const OF_MERCHANT = '(merchant_id = app.current_merchant())'
const POLICY = `t * {0} ${OF_MERCHANT} ${OF_MERCHANT}`

/** Which database of which cluster it is, of the row `d` of pg_database. A standby says what its primary does. */
export function identityOf(sql: postgres.Sql) {
  return sql`(select c.system_identifier::text from pg_control_system() c) || '/' || d.oid`
}

export async function readFacts(url: string): Promise<{ facts: CellFacts; roles: RoleRow[] }> {
  return askCell(url, async (sql) => {
    await sql`select 1`
    const asked = Date.now()
    const [facts] = await sql<[Omit<CellFacts, 'migrated_to' | 'clock_ahead_ms'> & { says_version: boolean; clock: Date }]>`
      select current_setting('server_version_num')::int as version, current_setting('wal_level') as wal_level,
        current_setting('max_replication_slots')::int as slots_max, (select count(*)::int from pg_replication_slots) as slots_used,
        current_setting('max_wal_senders')::int as senders_max, current_setting('max_logical_replication_workers')::int as apply_workers_max,
        current_setting('max_connections')::int as connections_max, pg_is_in_recovery() as in_recovery,
        current_setting('max_active_replication_origins')::int as origins_max, clock_timestamp() as clock,
        current_setting('default_transaction_read_only')::boolean as read_only,
        array(select name from pg_settings where name in ('fsync', 'full_page_writes') and setting = 'off' order by 1) as unsafe_settings,
        pg_encoding_to_char(d.encoding) as encoding, concat_ws(' ', d.datlocprovider, d.datcollate, d.datctype, d.datlocale) as collation,
        d.datcollversion as collation_version, pg_database_collation_actual_version(d.oid) as collation_library,
        array(select extname::text from pg_extension order by 1) as extensions,
        ${identityOf(sql)} as identity,
        coalesce((
          select md5(string_agg(concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull), ',' order by c.relname, a.attname))
          from pg_class c join pg_attribute a on a.attrelid = c.oid
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
        ), '') as shape,
        (select count(*)::int from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relforcerowsecurity) as tables,
        array(
          select c.relname::text from pg_class c
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'merchant_id' and not a.attisdropped)
            and not (c.relrowsecurity and c.relforcerowsecurity and array[${POLICY}] = array(
              select concat_ws(' ', p.polpermissive, p.polcmd, p.polroles, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
              from pg_policy p where p.polrelid = c.oid))
          order by 1 limit 5
        ) as unprotected,
        to_regprocedure('tenancy.schema_version()') is not null as says_version
      from pg_database d where d.datname = current_database()`
    const between = (asked + Date.now()) / 2
    const roles = await sql<RoleRow[]>`
      select rolname::text as name, rolsuper as superuser, rolbypassrls as bypasses, rolreplication as replicates
      from pg_roles where rolname like 'souk\\_%' order by 1`
    const [version] = facts.says_version ? await sql<{ number: number }[]>`select tenancy.schema_version() as number` : []
    const clock_ahead_ms = Math.round(facts.clock.getTime() - between)
    return { facts: { ...facts, migrated_to: version?.number ?? null, clock_ahead_ms }, roles }
  })
}

/** Those of the others that answer; one that is away is no reason against this one. */
export async function readNeighbours(others: Record<string, CellAddress>): Promise<{ name: string; facts: CellFacts }[]> {
  const answers = await Promise.allSettled(
    Object.entries(others).map(async ([name, { platform }]) => ({ name, facts: (await readFacts(platform)).facts })),
  )
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}
