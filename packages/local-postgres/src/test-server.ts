import { createHash, randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureRoles, ROLE_NAMES, type RoleName } from '@souk/migrations/roles.ts'
import { migrate } from '@souk/migrations/run.ts'
import postgres from 'postgres'
import { startServer, stopServer } from './server.ts'
import { abandonedFolders, makeFleetingFolder } from './throwaway-folder.ts'

/** All that a test process has to know. Handed on as JSON in SOUK_TEST_SERVER. */
export interface TestServerFacts {
  adminUrl: string
  passwords: Record<RoleName, string>
  /** A migrated database that nobody may connect to, to be cloned. */
  template: string
}

export interface TestServer {
  facts: TestServerFacts
  /** Drops every database of this run, and the server with its files unless it was a given one. */
  close(): Promise<void>
}

const ABANDONED_AFTER_MS = 6 * 60 * 60 * 1000
const DATABASE_PREFIX = 'souk_test_'

/** For `ensureRoles`: what a busy machine does in twenty seconds is late, and nothing else is wrong with it. */
export const TEST_PATIENCE = 10
/** For a Router: how long its callers wait for a connection, in milliseconds. */
export const TEST_WAIT_MS = 20_000

/**
 * A server with a freshly migrated template: the one at TEST_DATABASE_URL (an administrator's address), or else one of our own over
 * a throwaway folder. What killed runs left behind is removed first.
 */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env.TEST_DATABASE_URL
  const run = `${DATABASE_PREFIX}${Date.now().toString(36)}_${randomBytes(3).toString('hex')}`
  if (given !== undefined && given !== '') {
    await dropAbandonedDatabases(given)
    return { facts: await buildTemplate(given, run), close: () => dropDatabases(given, (name) => name.startsWith(run)) }
  }
  await removeAbandonedServers()
  const folder = makeFleetingFolder()
  const close = () => removeServer(folder)
  try {
    const server = await startServer({ dataDir: join(folder, 'data'), durable: false })
    return { facts: await buildTemplate(server.adminUrl(), run), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function buildTemplate(adminUrl: string, run: string): Promise<TestServerFacts> {
  const template = `${run}_template`
  const passwords = passwordsFor(adminUrl)
  await ensureRoles({ adminUrl, database: template, passwords, patience: TEST_PATIENCE })
  await migrate({ url: roleUrl({ adminUrl, passwords }, 'souk_owner', template) })
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    // PostgreSQL clones a database only while nobody is connected to it; now nobody can be.
    await admin`alter database ${admin(template)} allow_connections false`
  } finally {
    await admin.end()
  }
  return { adminUrl, passwords, template }
}

/** The address of a database as one of our roles. */
export function roleUrl(facts: Pick<TestServerFacts, 'adminUrl' | 'passwords'>, role: RoleName, database: string): string {
  const url = new URL(facts.adminUrl)
  url.username = role
  url.password = facts.passwords[role]
  url.pathname = `/${database}`
  return url.toString()
}

/** Roles belong to the whole server. Two runs at one given server must agree on their passwords, so these follow from its address. */
function passwordsFor(adminUrl: string): Record<RoleName, string> {
  const passwords = ROLE_NAMES.map((role) => [role, createHash('sha256').update(`${adminUrl} ${role}`).digest('hex').slice(0, 32)])
  return Object.fromEntries(passwords) as Record<RoleName, string>
}

async function dropAbandonedDatabases(adminUrl: string): Promise<void> {
  await dropDatabases(adminUrl, (name) => {
    const madeAt = Number.parseInt(name.slice(DATABASE_PREFIX.length).split('_')[0] ?? '', 36)
    return Date.now() - madeAt > ABANDONED_AFTER_MS
  })
}

async function dropDatabases(adminUrl: string, belongs: (name: string) => boolean): Promise<void> {
  const admin = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    const found = await admin<{ datname: string }[]>`select datname from pg_database where starts_with(datname, ${DATABASE_PREFIX})`
    for (const { datname } of found.filter((row) => belongs(row.datname))) {
      await admin`drop database if exists ${admin(datname)} with (force)`
    }
  } finally {
    await admin.end()
  }
}

async function removeAbandonedServers(): Promise<void> {
  // A folder that cannot be removed (another user's) is in nobody's way.
  for (const folder of abandonedFolders()) await removeServer(folder).catch(() => {})
}

async function removeServer(folder: string): Promise<void> {
  await stopServer(join(folder, 'data'))
  rmSync(folder, { recursive: true, force: true })
}
