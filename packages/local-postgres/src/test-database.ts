import { randomBytes } from 'node:crypto'
import type { RoleName } from '@souk/migrations/roles.ts'
import postgres from 'postgres'
import { throughPooler } from './pgbouncer.ts'
import { roleUrl, type TestServerFacts } from './test-server.ts'

export interface TestDatabase {
  name: string
  url(role: RoleName): string
  /** Where merchants are served, as souk_app: through a pooler at SOUK_TEST_POOLER_PORT, if that is set. */
  servedAt: string
  /** As the server's administrator, at this database. */
  adminUrl: string
  /** Ends every session in it first. A database that is not dropped goes with the run. */
  drop(): Promise<void>
}

/** A migrated database of the caller's own: a clone of the run's template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const facts = factsOfThisRun()
  const name = facts.template.replace(/template$/, randomBytes(6).toString('hex'))
  // Copied past the log, half of a core's work is saved; the server is not durable, so the checkpoint that it takes is nearly free.
  await asAdmin(
    facts,
    (admin) => admin`create database ${admin(name)} template ${admin(facts.template)} owner souk_owner strategy file_copy`,
  )
  const adminUrl = new URL(facts.adminUrl)
  adminUrl.pathname = `/${name}`
  return {
    name,
    url: (role) => roleUrl(facts, role, name),
    servedAt: pooled(roleUrl(facts, 'souk_app', name)),
    adminUrl: adminUrl.toString(),
    drop: () => asAdmin(facts, (admin) => admin`drop database if exists ${admin(name)} with (force)`),
  }
}

function pooled(url: string): string {
  const port = process.env.SOUK_TEST_POOLER_PORT
  return port === undefined ? url : throughPooler(url, Number(port))
}

function factsOfThisRun(): TestServerFacts {
  const facts = process.env.SOUK_TEST_SERVER
  if (facts === undefined) {
    throw new Error(
      'No test server: SOUK_TEST_SERVER is set by vitest-global-setup.ts. Is this package missing workspaceTests() in its vitest.config.ts?',
    )
  }
  return JSON.parse(facts) as TestServerFacts
}

async function asAdmin(facts: TestServerFacts, work: (admin: postgres.Sql) => Promise<unknown>): Promise<void> {
  const admin = postgres(facts.adminUrl, { max: 1, onnotice: () => {} })
  try {
    await work(admin)
  } finally {
    await admin.end()
  }
}
