import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { Logger, runMigrations } from 'graphile-worker'
import postgres from 'postgres'

/** `directory` once per deployment, `cell` in every database that holds merchants. One database may hold both. */
export type MigrationSet = 'directory' | 'cell'

export interface MigrateOptions {
  /** As souk_owner, at the database to migrate. */
  url: string
  sets?: MigrationSet[]
  /** Where the numbered files are; a folder per set. For tests. */
  folder?: URL
  log?: (line: string) => void
}

interface MigrationFile {
  set: MigrationSet
  name: string
  checksum: string
  text: string
}

// Another migrator is waited for this long; a statement that waits for a lock gives up sooner, and the run can be
// repeated, so that a migration never stands in front of a queue of requests.
const MIGRATOR_LOCK_KEY = 7_350_001
const LOCK_TIMEOUT_MS = 2_000
const STATEMENT_TIMEOUT_MS = 60_000
const MIGRATOR_WAIT_MS = 60_000

/**
 * Brings a database to the newest schema: one file, one transaction, recorded with its checksum. A run that was killed
 * goes on where it stopped. Refuses a file that was edited after it was applied, and one that vanished.
 */
export async function migrate(options: MigrateOptions): Promise<{ applied: string[] }> {
  const sql = postgres(options.url, { max: 1, onnotice: () => {}, connection: { application_name: 'souk-migrate' } })
  try {
    await sql.unsafe(`set lock_timeout = ${MIGRATOR_WAIT_MS}`)
    await sql`select pg_advisory_lock(${MIGRATOR_LOCK_KEY})`
    await sql.unsafe(`set lock_timeout = ${LOCK_TIMEOUT_MS}`)
    await sql.unsafe(`set statement_timeout = ${STATEMENT_TIMEOUT_MS}`)
    await createHistory(sql)
    const applied: string[] = []
    for (const set of options.sets ?? (['directory', 'cell'] as const)) {
      if (set === 'cell') await migrateQueue(sql, options.url)
      const folder = new URL(`${set}/`, options.folder ?? import.meta.url)
      for (const file of await pending(sql, set, await readFolder(folder, set))) {
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

async function createHistory(sql: postgres.Sql): Promise<void> {
  await sql`create schema if not exists migration`
  await sql`
    create table if not exists migration.history (
      set text not null, name text not null, checksum text not null, applied_at timestamptz not null default now(), duration_ms bigint not null,
      primary key (set, name)
    )`
}

async function readFolder(folder: URL, set: MigrationSet): Promise<MigrationFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name, index) => {
      const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1])
      if (number !== index + 1) throw new Error(`Migration ${set}/${name}: files are numbered 0001_, 0002_, ... without a gap.`)
      const text = await readFile(new URL(name, folder), 'utf8')
      if (/^\s*(begin|commit|rollback)\s*;/im.test(text)) throw new Error(`Migration ${set}/${name}: each file is one transaction already.`)
      return { set, name, text, checksum: createHash('sha256').update(text).digest('hex') }
    }),
  )
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
  await sql.begin(async (tx) => {
    await tx.unsafe(file.text)
    const duration = Math.round(performance.now() - started)
    await tx`insert into migration.history (set, name, checksum, duration_ms) values (${file.set}, ${file.name}, ${file.checksum}, ${duration})`
  })
}

/** graphile-worker keeps its own history in its own schema, which souk_queue owns; it needs CREATE on the database only now. */
async function migrateQueue(sql: postgres.Sql, url: string): Promise<void> {
  const [{ database } = { database: '' }] = await sql<{ database: string }[]>`select current_database() as database`
  await sql`grant create on database ${sql(database)} to souk_queue`
  try {
    const queueUrl = new URL(url)
    const settings = { role: 'souk_queue', lock_timeout: LOCK_TIMEOUT_MS, statement_timeout: STATEMENT_TIMEOUT_MS }
    const options = Object.entries(settings).map(([setting, value]) => `-c ${setting}=${value}`)
    queueUrl.searchParams.set('options', options.join(' '))
    await runMigrations({ connectionString: queueUrl.toString(), logger: new Logger(() => () => {}) })
  } finally {
    await sql`revoke create on database ${sql(database)} from souk_queue`
  }
}
