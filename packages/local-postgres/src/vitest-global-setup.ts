import { startTestServer } from './test-server.ts'

/** One server with one migrated template for the whole run; the run of several packages brings its own (scripts/test.ts). */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.SOUK_TEST_SERVER) return undefined
  const server = await startTestServer()
  // Test files run in child processes, which inherit the environment.
  process.env.SOUK_TEST_SERVER = JSON.stringify(server.facts)
  return async () => {
    delete process.env.SOUK_TEST_SERVER
    await server.close()
  }
}
