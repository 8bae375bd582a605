import { SCHEMA_VERSION } from '@souk/tenant-router/schema-version.ts'
import { appFinding, platformFinding, reasonOf, replicaFinding } from './cell-addresses.ts'
import { type CellFacts, type RoleRow, readFacts, readNeighbours } from './cell-facts.ts'
import { healthFindings } from './cell-health.ts'
import { type Home, homesFinding } from './cell-homes.ts'

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

const VERSION_MIN = 180_000
const VERSION_RECOMMENDED = 180_006
// A move keeps two slots at each end: one there and one back.
const FREE_SLOTS_MIN = 4
const CONNECTIONS_RECOMMENDED = 50
// What an ordinary database may have. Another extension may bring functions and types that are missing where a merchant moves to.
const EXTENSIONS = new Set(['plpgsql', 'pg_stat_statements', 'pg_buffercache', 'pg_walinspect', 'pg_cron', 'citus', 'citus_columnar'])
const PLAIN_ROLES = ['souk_app', 'souk_platform', 'souk_queue', 'souk_owner']

/** What a cell is held against. */
export interface Fleet {
  /** The addresses of the other cells by name. They must be alike, or what moves between them would sort, compare or fit otherwise there. */
  others: Record<string, CellAddress>
  /** Which databases they were when they were last looked at: one that does not answer now is not taken for none. */
  known: Record<string, string>
  /** Of all merchants, by the directory. */
  homes: Home[]
}

/** Looks whether a database can be the cell of that name beside those that are there. Changes nothing. */
export async function checkCell(
  name: string,
  address: CellAddress,
  { others, known, homes }: Fleet,
): Promise<{ findings: CellFinding[]; identity: string | null }> {
  let found: { facts: CellFacts; roles: RoleRow[] }
  try {
    found = await readFacts(address.platform)
  } catch (error) {
    const detail = `The database does not answer: ${reasonOf(error)}. Is the server up, and the address right?`
    return { findings: [{ check: 'reachable', outcome: 'failed', detail }], identity: null }
  }
  const { facts, roles } = found
  const neighbours = await readNeighbours(others)
  const isItself = identity(facts, neighbours, known)
  const findings = [
    { check: 'reachable', outcome: 'passed', detail: 'The database answers.' } as const,
    version(facts),
    primary(facts),
    isItself,
    // Of another cell's own database that says it all.
    ...(isItself.outcome === 'passed' ? [await homesFinding(address.platform, name, homes)] : []),
    schema(facts, neighbours),
    rowSecurity(facts),
    release(facts),
    collation(facts, neighbours),
    extensions(facts),
    walLevel(facts),
    slots(facts),
    connections(facts),
    plainRoles(roles),
    moverRole(roles),
    await appFinding(address.app ?? address.platform, facts),
    await platformFinding(address.platform),
    ...(address.replica === undefined ? [] : [await replicaFinding(address.replica, facts, address.platform)]),
    ...(await healthFindings(address.platform, facts)),
  ]
  return { findings, identity: facts.identity }
}

function version({ version }: CellFacts): CellFinding {
  const name = `Version ${Math.floor(version / 10_000)}.${version % 10_000}`
  if (version < VERSION_MIN) return { check: 'version', outcome: 'failed', detail: `${name}; 18 or later is needed.` }
  if (version < VERSION_RECOMMENDED)
    return { check: 'version', outcome: 'warning', detail: `${name}; 18.6 has security fixes that it lacks.` }
  return { check: 'version', outcome: 'passed', detail: `${name}.` }
}

function primary({ in_recovery, read_only }: CellFacts): CellFinding {
  if (read_only) return { check: 'primary', outcome: 'failed', detail: 'default_transaction_read_only is on: nothing can be written here.' }
  return in_recovery
    ? { check: 'primary', outcome: 'failed', detail: 'This is a standby: nothing can be written here.' }
    : { check: 'primary', outcome: 'passed', detail: 'The database can be written to.' }
}

function identity(facts: CellFacts, neighbours: { name: string; facts: CellFacts }[], known: Record<string, string>): CellFinding {
  const same =
    neighbours.find((other) => other.facts.identity === facts.identity)?.name ??
    Object.keys(known).find((name) => known[name] === facts.identity && !neighbours.some((other) => other.name === name))
  return same
    ? { check: 'identity', outcome: 'failed', detail: `This is the database of the cell ${same}.` }
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

/** What keeps merchants apart, whatever else a table is like. */
function rowSecurity({ unprotected, tables }: CellFacts): CellFinding {
  return unprotected.length > 0
    ? {
        check: 'row security',
        outcome: 'failed',
        detail: `Merchants see each other in ${unprotected.join(', ')}: app.protect was undone there.`,
      }
    : { check: 'row security', outcome: 'passed', detail: `Forced, by the one policy, on ${tables} tables.` }
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

function slots({ slots_max, slots_used, senders_max, apply_workers_max, origins_max }: CellFacts): CellFinding {
  const detail = `${slots_used} of ${slots_max} replication slots are taken, ${senders_max} senders, ${apply_workers_max} apply workers, ${origins_max} origins.`
  if (Math.min(slots_max, senders_max, apply_workers_max, origins_max) < FREE_SLOTS_MIN) {
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
