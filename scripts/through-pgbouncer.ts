import { pgBouncer } from '@souk/local-postgres/pgbouncer.ts'
import { startTestServer } from '@souk/local-postgres/test-server.ts'
import { coreThroughPgBouncer } from './core-through-pgbouncer.ts'
import { describeFailure, Explained } from './explained.ts'

// All tests of core, or those that are named, with every merchant served through a real PgBouncer in transaction mode:
// docs/scaling.md.

process.exitCode = await main(process.argv.slice(2))

async function main(files: string[]): Promise<number> {
  try {
    if (!pgBouncer.isThere) throw new Explained(`There is no ${pgBouncer.program} here: install it, or name the program in SOUK_PGBOUNCER.`)
    const server = await startTestServer()
    try {
      const { code, output } = await coreThroughPgBouncer(server.facts, files)
      console.log(output)
      return code
    } finally {
      await server.close()
    }
  } catch (error) {
    console.error(describeFailure(error))
    return 1
  }
}
