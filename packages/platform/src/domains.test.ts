import { randomUUID } from 'node:crypto'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Domains } from './domains.ts'
import { openPlatformSql, type PlatformSql } from './platform-sql.ts'

const MAX = 20

let database: TestDatabase
let directory: PlatformSql

beforeAll(async () => {
  database = await createTestDatabase()
  directory = openPlatformSql(database.url('souk_platform'))
})
afterAll(async () => {
  await directory.end()
  await database.drop()
})

test('of forty who add a domain to one merchant at once, twenty find room', async () => {
  const domains = new Domains(directory, 'souk.test', async () => [])
  const merchantId = randomUUID()
  await directory`insert into platform.merchant (id, slug, name, status) values (${merchantId}, 'kaffa', 'Kaffa', 'active')`
  const [admin] = await directory<{ id: string }[]>`
    insert into platform.admin (email, password_hash) values ('admin@souk.example', '') returning id`
  const by = { adminId: admin!.id, now: new Date() }
  const hosts = Array.from({ length: 2 * MAX }, (_, n) => `shop-${n}.kaffa.example`)
  const answers = await Promise.allSettled(hosts.map((host) => domains.add(merchantId, host, by)))
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(MAX)
  for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'host_not_allowed' })
  expect(await domains.list(merchantId)).toHaveLength(MAX)
  const [row] = await directory<{ entries: bigint }[]>`select count(*) as entries from platform.audit where action = 'domain.add'`
  expect(row!.entries).toBe(BigInt(MAX))
})
