import { assertSafeRole, UnsafeRole } from '@souk/tenant-router/boot-check.ts'
import { SCHEMA_VERSION } from '@souk/tenant-router/schema-version.ts'
import postgres from 'postgres'

/** Where a cell's database is reached, by role, and its read replica if it has one. Secrets. */
export interface CellAddress {
  platform: string
  app?: string
  replica?: string | undefined
}

/** What one look at a cell has found. `failed` keeps it from being registered, `warning` is for somebody to know. */
export interface CellFinding {
  check: string
  outcome: 'passed' | 'warning' | 'failed'
  detail: string
}

interface CellFacts {
  version: number
  wal_level: string
  slots_max: number
  slots_used: number
  senders_max: number
  apply_workers_max: number
  connections_max: number
  in_recovery: boolean
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
  /** The number of its newest migration; null where it is too old to say. */
  migrated_to: number | null
}

interface RoleRow {
  name: string
  superuser: boolean
  bypasses: boolean
  replicates: boolean
}

const VERSION_MIN = 180_000
const VERSION_RECOMMENDED = 180_006
// A move keeps two slots at each end: one there and one back.
const FREE_SLOTS_MIN = 4
const CONNECTIONS_RECOMMENDED = 50
const CONNECT_TIMEOUT_S = 5
// What an ordinary database may have. Another extension may bring functions and types that are missing where a merchant moves to.
const EXTENSIONS = new Set(['plpgsql', 'pg_stat_statements', 'pg_buffercache', 'pg_walinspect', 'pg_cron', 'citus', 'citus_columnar'])
const PLAIN_ROLES = ['souk_app', 'souk_platform', 'souk_queue', 'souk_owner']

/**
 * Looks whether a database can be a cell beside those that are there. Changes nothing. `others` are the addresses of the
 * other cells by name; they must be alike, or what moves between them would sort, compare or fit otherwise there.
 */
export async function checkCell(address: CellAddress, others: Record<string, CellAddress>): Promise<CellFinding[]> {
  let found: { facts: CellFacts; roles: RoleRow[] }
  try {
    found = await readFacts(address.platform)
  } catch (error) {
    return [{ check: 'reachable', outcome: 'failed', detail: `The database does not answer: ${reasonOf(error)}` }]
  }
  const { facts, roles } = found
  const neighbours = await readNeighbours(others)
  return [
    { check: 'reachable', outcome: 'passed', detail: 'The database answers.' },
    version(facts),
    primary(facts),
    identity(facts, neighbours),
    schema(facts, neighbours),
    release(facts),
    collation(facts, neighbours),
    extensions(facts),
    walLevel(facts),
    slots(facts),
    connections(facts),
    plainRoles(roles),
    moverRole(roles),
    await roleOf('app role', address.app ?? address.platform),
    await roleOf('platform role', address.platform),
    ...(address.replica === undefined ? [] : [await replica(address.replica)]),
  ]
}

async function readFacts(url: string): Promise<{ facts: CellFacts; roles: RoleRow[] }> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    connection: { application_name: 'souk-check' },
  })
  try {
    const [facts] = await sql<[Omit<CellFacts, 'migrated_to'> & { says_version: boolean }]>`
      select current_setting('server_version_num')::int as version, current_setting('wal_level') as wal_level,
        current_setting('max_replication_slots')::int as slots_max, (select count(*)::int from pg_replication_slots) as slots_used,
        current_setting('max_wal_senders')::int as senders_max, current_setting('max_logical_replication_workers')::int as apply_workers_max,
        current_setting('max_connections')::int as connections_max, pg_is_in_recovery() as in_recovery,
        pg_encoding_to_char(d.encoding) as encoding, concat_ws(' ', d.datlocprovider, d.datcollate, d.datctype, d.datlocale) as collation,
        d.datcollversion as collation_version, pg_database_collation_actual_version(d.oid) as collation_library,
        array(select extname::text from pg_extension order by 1) as extensions,
        (select c.system_identifier::text from pg_control_system() c) || '/' || d.oid as identity,
        coalesce((
          select md5(string_agg(concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull), ',' order by c.relname, a.attname))
          from pg_class c join pg_attribute a on a.attrelid = c.oid
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
        ), '') as shape,
        (select count(*)::int from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relforcerowsecurity) as tables,
        to_regprocedure('tenancy.schema_version()') is not null as says_version
      from pg_database d where d.datname = current_database()`
    const roles = await sql<RoleRow[]>`
      select rolname::text as name, rolsuper as superuser, rolbypassrls as bypasses, rolreplication as replicates
      from pg_roles where rolname like 'souk\\_%' order by 1`
    const [version] = facts.says_version ? await sql<{ number: number }[]>`select tenancy.schema_version() as number` : []
    return { facts: { ...facts, migrated_to: version?.number ?? null }, roles }
  } finally {
    await sql.end({ timeout: CONNECT_TIMEOUT_S })
  }
}

/** Those of the others that answer; one that is away is no reason against this one. */
async function readNeighbours(others: Record<string, CellAddress>): Promise<{ name: string; facts: CellFacts }[]> {
  const answers = await Promise.allSettled(
    Object.entries(others).map(async ([name, { platform }]) => ({ name, facts: (await readFacts(platform)).facts })),
  )
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
}

function version({ version }: CellFacts): CellFinding {
  const name = `Version ${Math.floor(version / 10_000)}.${version % 10_000}`
  if (version < VERSION_MIN) return { check: 'version', outcome: 'failed', detail: `${name}; 18 or later is needed.` }
  if (version < VERSION_RECOMMENDED)
    return { check: 'version', outcome: 'warning', detail: `${name}; 18.6 has security fixes that it lacks.` }
  return { check: 'version', outcome: 'passed', detail: `${name}.` }
}

function primary({ in_recovery }: CellFacts): CellFinding {
  return in_recovery
    ? { check: 'primary', outcome: 'failed', detail: 'This is a standby: nothing can be written here.' }
    : { check: 'primary', outcome: 'passed', detail: 'The database can be written to.' }
}

function identity(facts: CellFacts, neighbours: { name: string; facts: CellFacts }[]): CellFinding {
  const same = neighbours.find((other) => other.facts.identity === facts.identity)
  return same
    ? { check: 'identity', outcome: 'failed', detail: `This is the database of the cell ${same.name}.` }
    : { check: 'identity', outcome: 'passed', detail: 'No other cell is in this database.' }
}

function schema(facts: CellFacts, neighbours: { name: string; facts: CellFacts }[]): CellFinding {
  if (facts.tables === 0)
    return { check: 'schema', outcome: 'failed', detail: 'There are no tables for merchants: migrate the database first.' }
  const other = neighbours.find(({ facts: { shape } }) => shape !== facts.shape)
  return other
    ? { check: 'schema', outcome: 'failed', detail: `The tables are not those of the cell ${other.name}: migrate the fleet first.` }
    : { check: 'schema', outcome: 'passed', detail: `${facts.tables} tables, as in the other cells.` }
}

/** Programs need the migrations they were written for; they may be older than those, never younger. */
function release({ migrated_to: version }: CellFacts): CellFinding {
  const wanted = `this release was written for cell ${SCHEMA_VERSION.cell}`
  if (version !== null && version >= SCHEMA_VERSION.cell)
    return { check: 'release', outcome: 'passed', detail: `Its newest migration is cell ${version}; ${wanted}.` }
  const found = version === null ? 'The schema is too old to say how far it is' : `Its newest migration is cell ${version}`
  return { check: 'release', outcome: 'failed', detail: `${found}, and ${wanted}: migrate the fleet first.` }
}

function collation(facts: CellFacts, neighbours: { name: string; facts: CellFacts }[]): CellFinding {
  const { encoding, collation, collation_version: made, collation_library: library } = facts
  const says = (outcome: CellFinding['outcome'], detail: string): CellFinding => ({ check: 'collation', outcome, detail })
  if (encoding !== 'UTF8') return says('failed', `The encoding is ${encoding}; UTF8 is needed.`)
  const other = neighbours.find((one) => one.facts.collation !== collation)
  if (other) return says('failed', `Text sorts by "${collation}", but by "${other.facts.collation}" in the cell ${other.name}.`)
  if (made !== library) return says('failed', `Indexes were made with collation version ${made}, the library is at ${library}: reindex.`)
  return says('passed', `UTF8, ${collation}.`)
}

function extensions({ extensions }: CellFacts): CellFinding {
  const unknown = extensions.filter((name) => !EXTENSIONS.has(name))
  return unknown.length > 0
    ? { check: 'extensions', outcome: 'warning', detail: `Nothing here needs ${unknown.join(', ')}, and other cells may lack it.` }
    : { check: 'extensions', outcome: 'passed', detail: `${extensions.join(', ')}.` }
}

function walLevel({ wal_level }: CellFacts): CellFinding {
  return wal_level === 'logical'
    ? { check: 'wal_level', outcome: 'passed', detail: 'wal_level is logical.' }
    : { check: 'wal_level', outcome: 'failed', detail: `wal_level is ${wal_level}; moves need logical.` }
}

function slots({ slots_max, slots_used, senders_max, apply_workers_max }: CellFacts): CellFinding {
  const detail = `${slots_used} of ${slots_max} replication slots are taken, ${senders_max} senders, ${apply_workers_max} apply workers.`
  if (Math.min(slots_max, senders_max, apply_workers_max) < FREE_SLOTS_MIN) {
    return { check: 'slots', outcome: 'failed', detail: `${detail} Moves need ${FREE_SLOTS_MIN} of each.` }
  }
  return { check: 'slots', outcome: slots_max - slots_used < FREE_SLOTS_MIN ? 'warning' : 'passed', detail }
}

function connections({ connections_max }: CellFacts): CellFinding {
  const outcome = connections_max < CONNECTIONS_RECOMMENDED ? 'warning' : 'passed'
  return { check: 'connections', outcome, detail: `max_connections is ${connections_max}.` }
}

function plainRoles(roles: RoleRow[]): CellFinding {
  const missing = PLAIN_ROLES.filter((name) => !roles.some((role) => role.name === name))
  const named = (names: string[]) => names.map((name) => name.replace('souk_', '')).join(', ')
  if (missing.length > 0) return { check: 'roles', outcome: 'failed', detail: `These roles are missing: ${named(missing)}.` }
  const strong = roles.filter((role) => PLAIN_ROLES.includes(role.name) && (role.superuser || role.bypasses || role.replicates))
  return strong.length > 0
    ? {
        check: 'roles',
        outcome: 'failed',
        detail: `These roles may pass row security or replicate: ${named(strong.map(({ name }) => name))}.`,
      }
    : { check: 'roles', outcome: 'passed', detail: 'No role of the application is a superuser, bypasses row security or replicates.' }
}

function moverRole(roles: RoleRow[]): CellFinding {
  const mover = roles.find(({ name }) => name === 'souk_mover')
  if (!mover) return { check: 'mover role', outcome: 'warning', detail: 'There is no souk_mover: merchants cannot be moved here.' }
  if (mover.superuser) return { check: 'mover role', outcome: 'failed', detail: 'souk_mover is a superuser.' }
  return mover.bypasses && mover.replicates
    ? { check: 'mover role', outcome: 'passed', detail: 'souk_mover may read past row security and replicate.' }
    : { check: 'mover role', outcome: 'warning', detail: 'souk_mover lacks BYPASSRLS or REPLICATION: merchants cannot be moved here.' }
}

async function roleOf(check: string, url: string): Promise<CellFinding> {
  try {
    await assertSafeRole(url)
    return { check, outcome: 'passed', detail: 'It cannot reach past row security.' }
  } catch (error) {
    return {
      check,
      outcome: 'failed',
      detail: error instanceof UnsafeRole ? `It ${error.reasons.map(inGeneral).join(', ')}.` : reasonOf(error),
    }
  }
}

async function replica(url: string): Promise<CellFinding> {
  const sql = postgres(url, { max: 1, connect_timeout: CONNECT_TIMEOUT_S, onnotice: () => {} })
  try {
    const [{ standby } = { standby: false }] = await sql<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`
    return standby
      ? { check: 'replica', outcome: 'passed', detail: 'The replica answers and follows.' }
      : { check: 'replica', outcome: 'failed', detail: 'What is given as the replica is not a standby.' }
  } catch (error) {
    return { check: 'replica', outcome: 'warning', detail: `The replica does not answer: ${reasonOf(error)}` }
  } finally {
    await sql.end({ timeout: CONNECT_TIMEOUT_S })
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
function reasonOf(error: unknown): string {
  return (error as { code?: string }).code ?? (error as Error).name
}
