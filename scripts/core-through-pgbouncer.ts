import { startPgBouncer } from '@souk/local-postgres/pgbouncer.ts'
import { roleUrl, type TestServerFacts } from '@souk/local-postgres/test-server.ts'
import { runCoreTests } from '@souk/migrations/testing/release-before.ts'
import { root } from './pnpm.mjs'

// As many as there are lent to the tests of one process, so that nobody waits for a backend who would not wait for a connection.
const BACKENDS = 20

/** Runs tests of core, all of them or those that are named, with every merchant served through a real PgBouncer in transaction mode. */
export async function coreThroughPgBouncer(facts: TestServerFacts, files: readonly string[]): Promise<{ code: number; output: string }> {
  const app = roleUrl(facts, 'souk_app', 'postgres')
  const pooler = await startPgBouncer(app, BACKENDS)
  try {
    return await runCoreTests(root, facts, { files, poolerPort: new URL(pooler.through(app)).port })
  } finally {
    await pooler.stop()
  }
}
