import { randomBytes } from 'node:crypto'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assertSafeRole, type UnsafeRole } from './boot-check.ts'
import { failureOf } from './test-merchants.ts'

let database: TestDatabase
let admin: postgres.Sql
const role = `unsafe_${randomBytes(6).toString('hex')}`

beforeAll(async () => {
  database = await createTestDatabase()
  admin = postgres(database.adminUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await admin.end()
  await database.drop()
})

async function reasonsFor(url: string): Promise<string[]> {
  return ((await failureOf(assertSafeRole(url))) as UnsafeRole).reasons
}

/** A login of its own, made dangerous by `arm`; roles belong to the whole server, so it is gone afterwards. */
async function reasonsForRole(attributes: string, arm: (sql: postgres.Sql) => Promise<unknown> = async () => {}): Promise<string[]> {
  await admin.unsafe(`create role ${role} login password 'secret' ${attributes}`)
  try {
    await arm(admin)
    const url = new URL(database.adminUrl)
    url.username = role
    url.password = 'secret'
    return await reasonsFor(url.toString())
  } finally {
    await admin.unsafe(`reassign owned by ${role} to souk_owner`)
    await admin.unsafe(`drop owned by ${role}`)
    await admin.unsafe(`drop role ${role}`)
  }
}

describe('pitfall 25: the application connects as somebody whom row security does not hold', () => {
  test('lets souk_app in', async () => {
    await assertSafeRole(database.url('souk_app'))
  })

  test('refuses the administrator and says why', async () => {
    const failure = await failureOf(assertSafeRole(database.adminUrl))
    expect(failure.message).toContain('it is a superuser')
    expect(failure.message).toContain('Connect as souk_app.')
  })

  test('refuses the owner of the tables', async () => {
    expect((await reasonsFor(database.url('souk_owner'))).join()).toMatch(/owns .*database souk_test/)
  })

  test('refuses the role of moves', async () => {
    expect(await reasonsFor(database.url('souk_mover'))).toEqual([
      'bypasses row security (BYPASSRLS)',
      'may replicate everything (REPLICATION)',
      'is a member of pg_create_subscription, pg_read_all_stats',
    ])
  })

  test.each([
    ['BYPASSRLS', 'bypassrls', /BYPASSRLS/],
    ['CREATEROLE', 'createrole', /CREATEROLE/],
    ['CREATEDB', 'createdb', /CREATEDB/],
    ['REPLICATION', 'replication', /REPLICATION/],
  ])('refuses a role with %s', async (_name, attributes, reason) => {
    const reasons = await reasonsForRole(attributes)
    expect(reasons).toHaveLength(1)
    expect(reasons[0]).toMatch(reason)
  })

  test('refuses a member of the owner, even one that does not inherit', async () => {
    const reasons = await reasonsForRole('', (sql) => sql.unsafe(`grant souk_owner to ${role} with inherit false, set true`))
    expect(reasons).toEqual(['is a member of souk_owner'])
  })

  test('refuses the owner of a single table', async () => {
    const reasons = await reasonsForRole('', async (sql) => {
      await sql.unsafe(`create table owned_by_application (id uuid); alter table owned_by_application owner to ${role}`)
    })
    expect(reasons[0]).toBe('owns owned_by_application')
    await admin`drop table owned_by_application`
  })

  test('refuses a role that may truncate', async () => {
    const reasons = await reasonsForRole('', (sql) => sql.unsafe(`grant truncate on location to ${role}`))
    expect(reasons).toEqual(['may truncate location'])
  })

  test('is not fooled by a login that puts on another role', async () => {
    const url = new URL(database.adminUrl)
    url.searchParams.set('options', '-c role=souk_app')
    expect(await reasonsFor(url.toString())).toContain('is a superuser')
  })
})
