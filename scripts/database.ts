import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { ensureRoles, type RoleName } from '@souk/migrations/roles.ts'
import { migrate } from '@souk/migrations/run.ts'
import postgres from 'postgres'
import { archiveOf } from './backup-folder.ts'
import { Explained } from './explained.ts'
import type { Secrets, State } from './state.ts'

export interface Database {
  url(role: RoleName): string
  /** The server is ours: it is stopped with us, and started again if it dies. Undefined for a given one. */
  server: LocalServer | undefined
}

const DEFAULT_NAME = 'souk'
const SYSTEM_DATABASES = ['', 'postgres', 'template1']

/**
 * A migrated database on the server at DATABASE_URL, or else on our own in the state folder. The second one is another database of
 * that server, or a server of its own.
 */
export async function openDatabase(
  state: State,
  secrets: Secrets,
  log: (line: string) => void,
  which: 'first' | 'second' = 'first',
): Promise<Database> {
  const given = process.env.DATABASE_URL
  if (given === undefined || given === '') {
    const dataDir = which === 'first' ? state.database : state.secondDatabase
    const server = await startServer({ dataDir, log, ...archiveOf(dataDir) })
    const adminUrl = server.adminUrl()
    await prepare(adminUrl, DEFAULT_NAME, secrets, log)
    return { server, url: (role) => urlAs(adminUrl, role, secrets.roles[role], DEFAULT_NAME) }
  }
  const { adminUrl, name: first } = readGiven(given)
  const name = which === 'first' ? first : `${first}_2`
  await prepareGiven(adminUrl, name, secrets, log)
  return { server: undefined, url: (role) => urlAs(adminUrl, role, secrets.roles[role], name) }
}

/** The database that a given address means: the one it names, or one called `souk` where it names none of its own. */
export function readGiven(address: string): { adminUrl: string; name: string } {
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '') {
    throw new Explained('DATABASE_URL is not an address of the form postgres://user:password@host:5432/database.')
  }
  const named = decodeURIComponent(url.pathname.slice(1))
  return { adminUrl: address, name: SYSTEM_DATABASES.includes(named) ? DEFAULT_NAME : named }
}

/** The same server, as one of our roles at our database; parameters such as sslmode stay. */
export function urlAs(adminUrl: string, role: RoleName, password: string, database: string): string {
  const url = new URL(adminUrl)
  url.username = role
  url.password = password
  url.pathname = `/${encodeURIComponent(database)}`
  return url.toString()
}

async function prepare(adminUrl: string, name: string, secrets: Secrets, log: (line: string) => void): Promise<void> {
  await ensureRoles({ adminUrl, database: name, passwords: secrets.roles, log })
  const url = urlAs(adminUrl, 'souk_owner', secrets.roles.souk_owner, name)
  const { applied } = await migrate({ url }).catch((error: Error) => {
    // What the runner itself refuses: a file that was edited after it was applied, or that is gone.
    if (error.message.startsWith('Migration ')) throw new Explained(`${error.message} A demo can start afresh: npm run reset`)
    throw error
  })
  if (applied.length > 0) log(`Applied ${applied.length} migration${applied.length === 1 ? '' : 's'}`)
}

async function prepareGiven(given: string, name: string, secrets: Secrets, log: (line: string) => void): Promise<void> {
  const { host } = new URL(given)
  try {
    const adminUrl = await reachable(given)
    await ensureRoles({ adminUrl, database: name, passwords: secrets.roles, log })
    await takeOver(adminUrl, name)
    await prepare(adminUrl, name, secrets, log)
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (code === '42501') {
      throw new Explained(
        `The user in DATABASE_URL may not prepare ${host}: ${message}. It has to be a superuser, or have CREATEROLE and CREATEDB.`,
      )
    }
    if (code !== undefined && CONNECTION_FAILURES.test(code)) {
      throw new Explained(
        `DATABASE_URL: no way into ${host}: ${message || code}. Correct it, or unset it to have PostgreSQL started for you.`,
      )
    }
    throw error
  }
}

const CONNECTION_FAILURES = /^(28|08|3D|CONNECT|ECONN|ENOTFOUND|ETIMEDOUT|EAI_|EHOST)/

/** The address itself, or the server's `postgres` database where the one it names is still to be made. */
async function reachable(given: string): Promise<string> {
  try {
    await withAdmin(given, (admin) => admin`select 1`)
    return given
  } catch (error) {
    if ((error as { code?: string }).code !== '3D000') throw error
    const url = new URL(given)
    url.pathname = '/postgres'
    return url.toString()
  }
}

/** A database that was there before is taken over if it is empty: souk_owner has to own it to lay out its schemas. */
async function takeOver(adminUrl: string, name: string): Promise<void> {
  const url = new URL(adminUrl)
  url.pathname = `/${encodeURIComponent(name)}`
  await withAdmin(url.toString(), async (admin) => {
    const [row] = await admin<
      { owner: string }[]
    >`select pg_get_userbyid(datdba) as owner from pg_database where datname = current_database()`
    if (row?.owner === 'souk_owner') return
    // What belongs to an extension (class 'e'), such as pg_stat_statements' views, is nobody's data.
    const foreign = await admin`
      select 1 from pg_class c
      where c.relnamespace not in (select oid from pg_namespace where nspname ~ '^pg_' or nspname = 'information_schema')
        and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
      limit 1`
    if (foreign.length > 0) {
      throw new Explained(
        `The database "${name}" in DATABASE_URL holds somebody's tables already. Name one that is empty, or that is not there yet.`,
      )
    }
    await admin`alter database ${admin(name)} owner to souk_owner`
  })
}

async function withAdmin(url: string, work: (admin: postgres.Sql) => Promise<unknown>): Promise<void> {
  const admin = postgres(url, { max: 1, connect_timeout: 10, onnotice: () => {} })
  try {
    await work(admin)
  } finally {
    await admin.end()
  }
}
