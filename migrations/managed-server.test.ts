import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { makeFleetingFolder } from '@souk/local-postgres/throwaway-folder.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkInvariants } from './invariants.ts'
import { ensureRoles, ROLE_NAMES, type RoleName } from './roles.ts'
import { migrate } from './run.ts'

// A managed server hands out an administrator who is no superuser. Roles and schema have to come about all the same.

const MERCHANT = '00000000-0000-0000-0000-000000000001'
const passwords = Object.fromEntries(ROLE_NAMES.map((role) => [role, `password of ${role}`])) as Record<RoleName, string>

let place: string
let server: LocalServer
let superuser: postgres.Sql

beforeAll(async () => {
  place = makeFleetingFolder()
  server = await startServer({ dataDir: join(place, 'data'), durable: false })
  superuser = postgres(server.adminUrl(), { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await superuser.end()
  await server.stop()
  rmSync(place, { recursive: true, force: true })
})

function address(user: string, password: string, database: string): string {
  const url = new URL(server.adminUrl(database))
  url.username = user
  url.password = encodeURIComponent(password)
  return url.toString()
}

/** What the administrator is told while a database is made ready, twice: the second time changes nothing. */
async function prepare(admin: string, database: string): Promise<string[]> {
  const said: string[] = []
  const options = { adminUrl: address(admin, 'managed', 'postgres'), database, passwords, log: (line: string) => said.push(line) }
  await ensureRoles(options)
  const url = address('souk_owner', passwords.souk_owner, database)
  expect((await migrate({ url })).applied.length).toBeGreaterThan(30)
  await ensureRoles({ ...options, log: () => {} })
  expect(await migrate({ url })).toEqual({ applied: [] })
  return said
}

/** Whether a merchant can be let in and served there. */
async function serves(database: string): Promise<void> {
  const platform = postgres(address('souk_platform', passwords.souk_platform, database), { max: 1 })
  const app = postgres(address('souk_app', passwords.souk_app, database), { max: 1 })
  try {
    await platform`select tenancy.admit(${MERCHANT})`
    await app.begin(async (tx) => {
      await tx`select tenancy.enter(${MERCHANT}, 1)`
      await tx`insert into product (merchant_id, handle, title, option_names, status, published) values (${MERCHANT}, 'cup', 'Cup', '{}', 'active', true)`
    })
    await expect(app`select count(*) from product`).rejects.toMatchObject({ code: '22P02' })
  } finally {
    await Promise.all([app.end(), platform.end()])
  }
}

test('an administrator with CREATEROLE and CREATEDB alone: everything but moves', async () => {
  await superuser`create role plain_admin login createrole createdb password 'managed'`
  const said = await prepare('plain_admin', 'plain')
  expect(said).toEqual([expect.stringContaining('may not create souk_mover')])
  await serves('plain')
})

test('one with REPLICATION and BYPASSRLS, as RDS has it: moves too, and the invariants can be looked at', async () => {
  await superuser`drop database plain`
  for (const role of ROLE_NAMES) await superuser`drop role if exists ${superuser(role)}`
  await superuser`create role full_admin login createrole createdb replication bypassrls password 'managed'`
  await superuser`grant pg_create_subscription, pg_read_all_stats, pg_read_all_data to full_admin with admin option`
  await superuser`grant set on parameter session_replication_role to full_admin with grant option`
  expect(await prepare('full_admin', 'whole')).toEqual([])
  await serves('whole')
  const [mover] =
    await superuser`select rolreplication and rolbypassrls as able, pg_has_role('souk_mover', 'pg_create_subscription', 'usage') as subscribes,
    has_parameter_privilege('souk_mover', 'session_replication_role', 'set') as quiet from pg_roles where rolname = 'souk_mover'`
  expect(mover).toEqual({ able: true, subscribes: true, quiet: true })

  const admin = postgres(address('full_admin', 'managed', 'postgres'), { max: 1, onnotice: () => {} })
  await admin`grant souk_app to full_admin with set true, inherit false`
  await admin`grant souk_owner to full_admin with inherit true`
  await admin.end()
  expect(await checkInvariants(address('full_admin', 'managed', 'whole'))).toEqual([])
})
