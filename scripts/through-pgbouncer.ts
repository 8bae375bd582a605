import { pgBouncer, startPgBouncer } from '@souk/local-postgres/pgbouncer.ts'
import { roleUrl, startTestServer } from '@souk/local-postgres/test-server.ts'
import { runCoreTests } from '@souk/migrations/testing/release-before.ts'
import { describeFailure, Explained } from './explained.ts'
import { root } from './pnpm.mjs'

// All tests of core, or those that are named, with every merchant served through a real PgBouncer in transaction mode:
// docs/scaling.md.

// As many as there are lent to the tests of one process, so that nobody waits for a backend who would not wait for a connection.
const BACKENDS = 20

process.exitCode = await main(process.argv.slice(2))

async function main(files: string[]): Promise<number> {
  try {
    if (!pgBouncer.isThere) throw new Explained(`There is no ${pgBouncer.program} here: install it, or name the program in SOUK_PGBOUNCER.`)
    const server = await startTestServer()
    const app = roleUrl(server.facts, 'souk_app', 'postgres')
    const pooler = await startPgBouncer(app, BACKENDS)
    try {
      process.env.SOUK_TEST_POOLER_PORT = new URL(pooler.through(app)).port
      const { code, output } = await runCoreTests(root, server.facts, { files })
      console.log(output)
      return code
    } finally {
      await pooler.stop()
      await server.close()
    }
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  }
}
