import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PREVIOUS_RELEASE } from './lint/previous-release.ts'
import { migrate } from './run.ts'

// While a release is rolled out, the programs of the one before work on its schema. All that they could name is still there after
// the expands, and nothing is asked of their rows that they do not know.

let neighbour: TestDatabase
let admin: postgres.Sql
let name: string
let owner: postgres.Sql
let folder: string

beforeAll(async () => {
  neighbour = await createTestDatabase()
  admin = postgres(neighbour.adminUrl, { max: 1, onnotice: () => {} })
  name = `${neighbour.name}_previous`
  await admin`create database ${admin(name)} owner souk_owner`
  owner = postgres(address(), { max: 1, onnotice: () => {} })
  folder = mkdtempSync(join(tmpdir(), 'souk-previous-'))
  for (const set of ['directory', 'cell'] as const) {
    cpSync(new URL(set, import.meta.url), join(folder, set), { recursive: true })
    for (const file of readdirSync(join(folder, set))) {
      if (Number(file.slice(0, 4)) > PREVIOUS_RELEASE[set]) rmSync(join(folder, set, file))
    }
  }
  await migrate({ url: address(), folder: pathToFileURL(`${folder}/`) })
})
afterAll(async () => {
  await owner.end()
  await admin`drop database ${admin(name)} with (force)`
  await admin.end()
  await neighbour.drop()
  rmSync(folder, { recursive: true })
})

function address(): string {
  const url = new URL(neighbour.url('souk_owner'))
  url.pathname = `/${name}`
  return url.toString()
}

const OURS = `n.nspname not like 'pg\\_%' and n.nspname not in ('information_schema', 'graphile_worker', 'migration')`

/** What a statement of a program may rely on, a line each. */
const RELIED_ON = {
  'tables and their columns': `
    select format('%s.%s.%s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)) as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and c.relkind in ('r', 'p', 'v') and a.attnum > 0 and not a.attisdropped`,
  'columns that may be empty, or fill themselves': `
    select format('%s.%s.%s', n.nspname, c.relname, a.attname) as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and (not a.attnotnull or a.atthasdef)`,
  'functions by their arguments': `
    select format('%s.%s(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as line
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where ${OURS}`,
  'unique keys, which an insert may name in its conflict': `
    select pg_get_indexdef(i.indexrelid) as line
    from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace where ${OURS} and i.indisunique`,
  'what roles may do to tables': `
    select format('%s: %s %s.%s', r.rolname, p.privilege, n.nspname, c.relname) as line
    from pg_class c join pg_namespace n on n.oid = c.relnamespace,
      (values ('souk_app'), ('souk_platform'), ('souk_queue')) as r (rolname),
      (values ('select'), ('insert'), ('update'), ('delete')) as p (privilege)
    where ${OURS} and c.relkind in ('r', 'p', 'v') and case p.privilege when 'delete' then has_table_privilege(r.rolname, c.oid, 'delete')
      else has_any_column_privilege(r.rolname, c.oid, p.privilege) end`,
  'what roles may call': `
    select format('%s: %s.%s(%s)', r.rolname, n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as line
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace, (values ('souk_app'), ('souk_platform'), ('souk_queue')) as r (rolname)
    where ${OURS} and has_function_privilege(r.rolname, p.oid, 'execute')`,
}

async function look(): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for (const [what, query] of Object.entries(RELIED_ON)) {
    found[what] = (await owner.unsafe<{ line: string }[]>(query)).map(({ line }) => line).sort()
  }
  return found
}

/** New columns of old tables that a program which does not know them would have to fill. */
async function demanded(tables: string[]): Promise<string[]> {
  const rows = await owner.unsafe<{ line: string }[]>(`
    select format('%s.%s.%s', n.nspname, c.relname, a.attname) as line
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef and a.attidentity = ''`)
  return rows.map(({ line }) => line).filter((line) => tables.some((table) => line.startsWith(`${table}.`)))
}

const tableOf = (line: string) => line.split('.').slice(0, 2).join('.')

test('all that programs of the release before rely on is there after the expands of this one', async () => {
  const before = await look()
  const tables = [...new Set((before['tables and their columns'] ?? []).map(tableOf))]
  const demandedBefore = await demanded(tables)
  await migrate({ url: address(), upTo: 'expand' })
  const after = await look()
  const gone = Object.entries(before).flatMap(([what, lines]) => {
    const left = new Set(after[what])
    return lines.filter((line) => !left.has(line)).map((line) => `${what}: ${line}`)
  })
  expect(gone).toEqual([])
  expect((await demanded(tables)).filter((line) => !demandedBefore.includes(line))).toEqual([])
  expect(Object.values(before).every((lines) => lines.length > 10)).toBe(true)

  // That it is seen when something goes.
  const nothingGoes = new Error('taken back')
  await owner
    .begin(async (tx) => {
      await tx.unsafe('alter table cart drop column status cascade; alter table cart add column demanded text not null')
      const changed = (await tx.unsafe<{ line: string }[]>(RELIED_ON['tables and their columns'])).map(({ line }) => line)
      expect(before['tables and their columns']?.filter((line) => !changed.includes(line)).map((line) => line.split(' ')[0])).toEqual([
        'public.cart.status',
      ])
      throw nothingGoes
    })
    .catch((error) => {
      if (error !== nothingGoes) throw error
    })
})
