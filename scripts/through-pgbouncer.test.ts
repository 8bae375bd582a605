import { pgBouncer } from '@souk/local-postgres/pgbouncer.ts'
import type { TestServerFacts } from '@souk/local-postgres/test-server.ts'
import { SOLD_BY } from '@souk/migrations/testing/release-before.ts'
import { expect, test } from 'vitest'
import { coreThroughPgBouncer } from './core-through-pgbouncer.ts'

// `npm run through-pgbouncer` runs all of core so.

const WITHIN_MS = 1_200_000

if (!pgBouncer.isThere) console.log(`Core was not tried through PgBouncer: there is no ${pgBouncer.program} here.`)

test.skipIf(!pgBouncer.isThere)(
  'what a shop does all day goes through a real PgBouncer in transaction mode',
  async () => {
    const { code, output } = await coreThroughPgBouncer(JSON.parse(process.env.SOUK_TEST_SERVER!) as TestServerFacts, SOLD_BY)
    expect(output).toMatch(/Tests +\d+ passed/)
    expect(code, output).toBe(0)
  },
  WITHIN_MS,
)
