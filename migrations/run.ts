import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Logger, runMigrations } from 'graphile-worker'
import postgres from 'postgres'
import { type MigrationFile, type MigrationSet, readMigrations, type SchemaVersion } from './files.ts'

export interface MigrateOptions {
  /** As souk_owner, at the database to migrate. */
  url: string
  sets?: MigrationSet[]
  /** Where the numbered files are; a folder per set. For tests. */
  folder?: URL
  /** `expand`: stop before the first file that is a contract. Everything is applied otherwise: nobody may be serving then. */
  upTo?: 'expand' | 'everything'
  /** How long a statement waits for a lock before it gives up, so that no queue forms behind it. */
  lockTimeoutMs?: number
  log?: (line: string) => void
}

// Another migrator is waited for this long; a statement that waits for a lock gives up sooner, and the run can be
// repeated, so that a migration never stands in front of a queue of requests.
const MIGRATOR_LOCK_KEY = 7_350_001
const LOCK_TIMEOUT_MS = 2_000
const STATEMENT_TIMEOUT_MS = 60_000
// Building an index concurrently holds nobody up, however long it takes.
const CONCURRENT_STATEMENT_TIMEOUT_MS = 6 * 60 * 60 * 1000
const MIGRATOR_WAIT_MS = 60_000
const MIGRATOR_POLL_MS = 50
const CONNECT_TIMEOUT_S = 10

/**
 * Brings a database to the newest schema: one file, one transaction, recorded with its checksum. A run that was killed
 * goes on where it stopped. Refuses a file that was edited after it was applied, and one that vanished.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const sql = connect(options.url)
  const lockTimeoutMs = options.lockTimeoutMs ?? LOCK_TIMEOUT_MS
  try {
    await waitForOtherMigrators(sql)
    await sql.unsafe(`set lock_timeout = ${lockTimeoutMs}`)
    await sql.unsafe(`set statement_timeout = ${STATEMENT_TIMEOUT_MS}`)
    await createHistory(sql)
    const applied: string[] = []
    for (const set of options.sets ?? (['directory', 'cell'] as const)) {
      if (set === 'cell') await migrateQueue(sql, options.url, lockTimeoutMs)
      for (const file of await pending(sql, set, await readMigrations(set, options.folder))) {
        if (file.phase === 'contract' && options.upTo === 'expand') break
        await apply(sql, file)
        options.log?.(`applied ${file.set}/${file.name}`)
        applied.push(`${file.set}/${file.name}`)
      }
    }
    return { applied }
  } finally {
    await sql.end()
  }
}

/** How far a database is: 0 for a set of which it has no file. Needs a role that may read schema migration. */
export async function readVersion(url: string): Promise<SchemaVersion> {
  const sql = connect(url)
  try {
    const [history] = await sql`select to_regclass('migration.history') as name`
    if (!history?.name) return { directory: 0, cell: 0 }
    const rows = await sql<{ set: MigrationSet; version: number }[]>`
      select set, max(left(name, 4)::integer) as version from migration.history group by set`
    return { directory: 0, cell: 0, ...Object.fromEntries(rows.map((row) => [row.set, row.version])) }
  } finally {
    await sql.end()
  }
}

function connect(url: string): postgres.Sql {
  return postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    connection: { application_name: 'souk-migrate' },
  })
}

/**
 * One migrator a database. Who waits asks again and again rather than in one long statement: an index that is built
 * concurrently waits for every statement in the database to end, so that one would wait for the other for ever.
 */
async function waitForOtherMigrators(sql: postgres.Sql): Promise<void> {
  const deadline = performance.now() + MIGRATOR_WAIT_MS
  for (;;) {
    const [row] = await sql<{ mine: boolean }[]>`select pg_try_advisory_lock(${MIGRATOR_LOCK_KEY}) as mine`
    if (row?.mine) return
    if (performance.now() > deadline) throw new Error(`Another migrator has been at work for ${MIGRATOR_WAIT_MS / 1000} s.`)
    await pause(MIGRATOR_POLL_MS)
  }
}

async function createHistory(sql: postgres.Sql): Promise<void> {
  await sql`create schema if not exists migration`
  await sql`
    create table if not exists migration.history (
      set text not null, name text not null, checksum text not null, applied_at timestamptz not null default now(), duration_ms bigint not null,
      primary key (set, name)
    )`
  await sql`create table if not exists migration.queue (release text primary key, applied_at timestamptz not null default now())`
}

async function pending(sql: postgres.Sql, set: MigrationSet, files: MigrationFile[]): Promise<MigrationFile[]> {
  const history = await sql<
    { name: string; checksum: string }[]
  >`select name, checksum from migration.history where set = ${set} order by name`
  for (const [index, row] of history.entries()) {
    const file = files[index]
    if (file?.name !== row.name) throw new Error(`Migration ${set}/${row.name} was applied to this database but is not among the files.`)
    if (file.checksum !== row.checksum)
      throw new Error(`Migration ${set}/${row.name} was edited after it was applied. Write a new one instead.`)
  }
  return files.slice(history.length)
}

async function apply(sql: postgres.Sql, file: MigrationFile): Promise<void> {
  const started = performance.now()
  const record = async (connection: postgres.Sql | postgres.TransactionSql) => {
    const duration = Math.round(performance.now() - started)
    await connection`insert into migration.history (set, name, checksum, duration_ms) values (${file.set}, ${file.name}, ${file.checksum}, ${duration})`
  }
  if (!file.transaction) {
    await applyOutsideTransaction(sql, file)
    return record(sql)
  }
  await sql.begin(async (tx) => {
    await tx.unsafe(file.text)
    await record(tx)
  })
}

/**
 * Statement by statement, each of which may be repeated. An index that could not be completed stays behind, invalid, and
 * its name would let `if not exists` pass it by: such ones are removed first.
 */
async function applyOutsideTransaction(sql: postgres.Sql, file: MigrationFile): Promise<void> {
  const invalid = await sql<{ name: string }[]>`
    select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indexrelid
    where not i.indisvalid and c.relkind = 'i' and pg_has_role(current_user, c.relowner, 'member')
      and c.relnamespace::regnamespace::text not in ('pg_catalog', 'pg_toast', 'information_schema')`
  for (const { name } of invalid) await sql.unsafe(`drop index concurrently if exists ${name}`)
  await sql.unsafe(`set statement_timeout = ${CONCURRENT_STATEMENT_TIMEOUT_MS}`)
  try {
    for (const statement of statementsOf(file.text)) await sql.unsafe(statement)
  } finally {
    await sql.unsafe(`set statement_timeout = ${STATEMENT_TIMEOUT_MS}`).catch(() => {})
  }
}

/** A file without a transaction holds plain statements: no function bodies, no semicolon but at a statement's end. */
function statementsOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/--.*$/, ''))
  return lines
    .join('\n')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')
}

/**
 * graphile-worker keeps its own history in its own schema, which souk_queue owns; it needs CREATE on the database only now. Its release is
 * written down, so that it is not asked again: over many databases that is most of the time.
 */
async function migrateQueue(sql: postgres.Sql, url: string, lockTimeoutMs: number): Promise<void> {
  const release = queueRelease()
  const [known] = await sql`select 1 from migration.queue where release = ${release}`
  if (known) return
  const [{ database } = { database: '' }] = await sql<{ database: string }[]>`select current_database() as database`
  await sql`grant create on database ${sql(database)} to souk_queue`
  try {
    const queueUrl = new URL(url)
    const settings = { role: 'souk_queue', lock_timeout: lockTimeoutMs, statement_timeout: STATEMENT_TIMEOUT_MS }
    const options = Object.entries(settings).map(([setting, value]) => `-c ${setting}=${value}`)
    queueUrl.searchParams.set('options', options.join(' '))
    await runMigrations({ connectionString: queueUrl.toString(), logger: new Logger(() => () => {}) })
  } finally {
    await sql`revoke create on database ${sql(database)} from souk_queue`
  }
  await sql`insert into migration.queue (release) values (${release}) on conflict do nothing`
}

/** Which graphile-worker is installed. Its package does not hand out its own description, so that is read from beside its code. */
function queueRelease(): string {
  const entry = createRequire(import.meta.url).resolve('graphile-worker')
  const { version } = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8')) as { version: string }
  return version
}
