import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { makeFleetingFolder } from '@souk/local-postgres/throwaway-folder.ts'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { openDatabase, readGiven, urlAs } from './database.ts'
import { openSecrets, openState, type State, statePaths } from './state.ts'

describe('the address in DATABASE_URL', () => {
  test('names the database, or `souk` stands in for a system database', () => {
    expect(readGiven('postgres://me:pw@db.example:5433/shop%20one').name).toBe('shop one')
    expect(readGiven('postgresql://me@db.example/postgres').name).toBe('souk')
    expect(readGiven('postgres://me@db.example').name).toBe('souk')
  })

  test.each(['localhost:5432/souk', 'mysql://me@db.example/souk', 'postgres://', ''])('%j is refused without being repeated', (address) => {
    expect(() => readGiven(address)).toThrow('DATABASE_URL is not an address')
  })

  test('keeps its parameters for every role', () => {
    const url = urlAs('postgres://admin:secret@db.example:5433/postgres?sslmode=require', 'souk_app', 'p/w', 'souk')
    expect(url).toBe('postgres://souk_app:p%2Fw@db.example:5433/souk?sslmode=require')
  })
})

describe.each(['superuser', 'role with CREATEROLE and CREATEDB'])('a given server, administered by a %s', (kind) => {
  let folder: string
  let server: LocalServer
  let state: State

  let address: (database?: string) => string

  beforeAll(async () => {
    folder = makeFleetingFolder()
    server = await startServer({ dataDir: join(folder, 'data'), durable: false })
    await asAdmin((admin) => admin`create role manager login createrole createdb password 'manager'`)
    address = (database) => (kind === 'superuser' ? server.adminUrl(database) : asUser('manager', database))
    state = statePaths(join(folder, '.souk'))
    openState(state)
  })
  afterEach(() => vi.unstubAllEnvs())
  afterAll(async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  function asUser(name: string, database?: string): string {
    return server.adminUrl(database).replace(/postgres:[0-9a-f]+@/, `${name}:${name}@`)
  }

  async function asAdmin(work: (admin: postgres.Sql) => Promise<unknown>, database = 'postgres'): Promise<void> {
    const admin = postgres(server.adminUrl(database), { max: 1 })
    try {
      await work(admin)
    } finally {
      await admin.end()
    }
  }

  async function open(url: string): Promise<string> {
    vi.stubEnv('DATABASE_URL', url)
    const database = await openDatabase(state, openSecrets(state), () => {})
    expect(database.server).toBeUndefined()
    const app = postgres(database.url('souk_app'), { max: 1 })
    const [row] = await app`select current_database() as name`
    await app.end()
    return row?.name
  }

  test('gets a database of the name that the address has, and serves a second start', async () => {
    expect(await open(address('fresh'))).toBe('fresh')
    expect(await open(address('fresh'))).toBe('fresh')
  })

  test('may have the database already, if it is empty', async () => {
    await asAdmin((admin) => admin`create database empty_one owner manager`)
    expect(await open(address('empty_one'))).toBe('empty_one')
    expect(await open(address('empty_one'))).toBe('empty_one')
  })

  test("keeps somebody's tables to themselves", async () => {
    await asAdmin((admin) => admin`create database theirs owner manager`)
    await asAdmin((admin) => admin`create table ledger (id int)`, 'theirs')
    await expect(open(address('theirs'))).rejects.toThrow('"theirs" in DATABASE_URL holds somebody\'s tables already')
    await asAdmin(async (admin) => {
      const [row] = await admin`select pg_get_userbyid(datdba) as owner from pg_database where datname = 'theirs'`
      expect(row?.owner).toBe('manager')
    })
  })

  test('that does not let us in is explained, its password not repeated', async () => {
    const wrong = address().replace(/:[^:@]+@/, ':not-the-password@')
    const refused = open(wrong).catch((error: Error) => error.message)
    expect(await refused).toMatch(/DATABASE_URL: no way into 127\.0\.0\.1:\d+.*unset it/)
    expect(await refused).not.toContain('not-the-password')
  })

  test('whose user may not make roles is explained', async () => {
    await asAdmin((admin) => admin`create role weak login password 'weak'`)
    await expect(open(asUser('weak'))).rejects.toThrow(/may not prepare.*CREATEROLE/)
  })
})
