import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CATALOGUE_LAWS } from './catalogue-laws.ts'
import { databaseShapes, disagreements, drizzleShapes } from './drizzle-law.ts'

type Querier = postgres.Sql | postgres.TransactionSql

let database: TestDatabase
let admin: postgres.Sql

beforeAll(async () => {
  database = await createTestDatabase()
  admin = postgres(database.adminUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await admin.end()
  await database.drop()
})

async function violationsOf(sql: Querier, law: string): Promise<string[]> {
  const { query } = CATALOGUE_LAWS.find((candidate) => candidate.name === law) ?? { query: '' }
  const rows = await sql.unsafe<{ violation: string }[]>(query)
  return rows.map((row) => row.violation)
}

/** What `look` sees in a database that was changed by these statements; the change itself is taken back. */
async function afterChange<T>(statements: string, look: (sql: Querier) => Promise<T>): Promise<T> {
  const takenBack = new Error('taken back')
  let seen: T | undefined
  try {
    await admin.begin(async (sql) => {
      await sql.unsafe(statements)
      seen = await look(sql)
      throw takenBack
    })
  } catch (error) {
    if (error !== takenBack) throw error
  }
  return seen as T
}

const GOOD_TABLE = 'create table mutant (merchant_id uuid not null, id uuid not null, primary key (merchant_id, id)); '
const PROTECTED = `${GOOD_TABLE} select app.protect('mutant'); `
const DEFINER = `create function app.mutant() returns integer language sql security definer `

/** For each law, changes that break it, and a word of the violation that is then reported. */
const MUTANTS: Record<string, [string, string][]> = {
  'every table in schema public has merchant_id uuid not null': [
    ['create table mutant (id uuid primary key)', 'mutant'],
    ['create table mutant (merchant_id uuid)', 'mutant'],
    ['create table mutant (merchant_id text not null)', 'mutant'],
  ],
  'every tenant table has row security, forced on its owner too': [
    [GOOD_TABLE, 'mutant'],
    ['alter table cart no force row level security', 'cart'],
    ['alter table cart disable row level security', 'cart'],
    ['create table mutant (merchant_id uuid not null) partition by hash (merchant_id)', 'mutant'],
  ],
  'every tenant table has exactly one policy: permissive, for all commands and roles, and the merchant in scope alone': [
    [`${GOOD_TABLE} alter table mutant enable row level security`, 'mutant: 0 policies'],
    [`${PROTECTED} create policy second on mutant using (true)`, 'mutant: 2 policies'],
    [`${PROTECTED} alter policy merchant_only on mutant using (merchant_id = app.current_merchant() or true)`, 'mutant: 1 policies, 0'],
    [`${PROTECTED} alter policy merchant_only on mutant with check (true)`, 'mutant: 1 policies, 0'],
    [`${PROTECTED} alter policy merchant_only on mutant to souk_app`, 'mutant: 1 policies, 0'],
    [`${PROTECTED} alter policy merchant_only on mutant using (merchant_id = (select app.current_merchant()))`, 'mutant: 1 policies, 0'],
    [
      `${GOOD_TABLE} create policy p on mutant as restrictive using (merchant_id = app.current_merchant()) with check (merchant_id = app.current_merchant())`,
      'mutant: 1 policies, 0',
    ],
    [`${GOOD_TABLE} create policy p on mutant for select using (merchant_id = app.current_merchant())`, 'mutant: 1 policies, 0'],
  ],
  'every tenant table has a primary key led by merchant_id': [
    ['create table mutant (merchant_id uuid not null, id uuid not null)', 'mutant'],
    ['create table mutant (merchant_id uuid not null, id uuid primary key)', 'mutant'],
    ['create table mutant (merchant_id uuid not null, id uuid, primary key (id, merchant_id))', 'mutant'],
  ],
  'every index of a tenant table, unique or not, is led by merchant_id': [
    ['create table mutant (merchant_id uuid not null, id uuid primary key)', 'mutant_pkey'],
    [`${GOOD_TABLE} alter table mutant add email text unique`, 'mutant_email_key'],
    [`${GOOD_TABLE} create index by_id on mutant (id)`, 'by_id'],
    [`${GOOD_TABLE} create index by_expression on mutant ((id::text), merchant_id)`, 'by_expression'],
    [`${GOOD_TABLE} create unique index partly on mutant (id) where id is not null`, 'partly'],
  ],
  'every foreign key of or to a tenant table is led by merchant_id on both sides': [
    [
      'create table mutant_target (merchant_id uuid not null, id uuid primary key); create table mutant (merchant_id uuid not null, target uuid references mutant_target (id))',
      'mutant_target_fkey',
    ],
    [`${GOOD_TABLE} alter table mutant add foreign key (id, merchant_id) references cart (merchant_id, id)`, 'mutant_id_merchant_id_fkey'],
    [`${GOOD_TABLE} alter table mutant add foreign key (merchant_id) references platform.merchant (id)`, 'mutant_merchant_id_fkey'],
    [`create table platform.mutant (merchant_id uuid, id uuid, foreign key (merchant_id, id) references cart)`, 'platform.mutant'],
  ],
  'no tenant column is an enum, numeric, money or floating, nor a domain or array of these': [
    [`create type colour as enum ('red'); create table mutant (merchant_id uuid not null, c colour)`, 'mutant.c colour'],
    ['create table mutant (merchant_id uuid not null, c numeric(12, 2))', 'mutant.c numeric'],
    ['create table mutant (merchant_id uuid not null, c numeric[])', 'mutant.c numeric[]'],
    ['create domain price as numeric; create table mutant (merchant_id uuid not null, c price)', 'mutant.c price'],
    ['create table mutant (merchant_id uuid not null, c money)', 'mutant.c money'],
    ['create table mutant (merchant_id uuid not null, c real)', 'mutant.c real'],
  ],
  'no tenant column counts by identity or sequence: such numbers run across merchants': [
    ['create table mutant (merchant_id uuid not null, n bigint generated always as identity)', 'mutant.n'],
    ['create table mutant (merchant_id uuid not null, n bigserial)', 'mutant.n'],
    ['create sequence mutant', 'sequence mutant'],
  ],
  'a table that inherits, as a partition or otherwise, is granted to nobody: only the parent`s policy is checked': [
    [
      `create table mutant (merchant_id uuid not null) partition by hash (merchant_id);
       create table mutant_0 partition of mutant for values with (modulus 1, remainder 0); grant select on mutant_0 to souk_app`,
      'mutant_0 to souk_app',
    ],
    ['create table mutant () inherits (cart); grant update (status) on mutant to souk_app', 'mutant to souk_app'],
  ],
  'append-only tables are never updated or deleted from': [
    ['grant update on event to souk_app', 'event: update'],
    ['grant update (data) on event to souk_app', 'event: update'],
    ['grant delete on stock_movement to souk_app', 'stock_movement: delete'],
    ['alter table stock_movement rename to movement_of_stock', 'no such table: stock_movement'],
  ],
  'a function that reads the merchant is never IMMUTABLE: its answer would be kept for the next merchant': [
    [`create function mutant() returns text language sql immutable as $$ select current_setting('app.merchant_id') $$`, 'mutant()'],
    ['create function mutant() returns uuid language sql immutable begin atomic select app.current_merchant(); end', 'mutant()'],
    [
      'create function app.mutant() returns uuid language plpgsql immutable as $$ begin return app.current_merchant(); end $$',
      'app.mutant()',
    ],
    ['alter function app.current_merchant() immutable', 'app.current_merchant()'],
  ],
  'app.current_merchant is plain STABLE SQL that the planner can inline': [
    ['alter function app.current_merchant() volatile', 'app.current_merchant()'],
    ['alter function app.current_merchant() strict', 'app.current_merchant()'],
    ['alter function app.current_merchant() security definer', 'app.current_merchant()'],
    ['alter function app.current_merchant() set search_path = pg_catalog', 'app.current_merchant()'],
    [
      `create or replace function app.current_merchant() returns uuid language plpgsql stable parallel safe
       as $$ begin return current_setting('app.merchant_id')::uuid; end $$`,
      'app.current_merchant()',
    ],
  ],
  'a SECURITY DEFINER function has a fixed search_path without any schema of ours': [
    [`${DEFINER} as 'select 1'; revoke execute on function app.mutant() from public`, 'app.mutant()'],
    [`${DEFINER} set search_path = public as 'select 1'`, 'app.mutant()'],
    [`${DEFINER} set work_mem = '1MB' as 'select 1'`, 'app.mutant()'],
    ['alter function tenancy.enter(uuid, bigint) reset search_path', 'tenancy.enter(uuid,bigint)'],
  ],
  'a SECURITY DEFINER function cannot be executed by everybody': [
    [`${DEFINER} set search_path = pg_catalog as 'select 1'`, 'app.mutant()'],
    ['grant execute on function queue.enqueue(text, jsonb, text, timestamptz, integer) to public', 'queue.enqueue'],
  ],
  'a view that the application can read, or that lies among tenant tables, runs with the rights of its reader': [
    ['create view mutant as select * from cart', 'mutant'],
    ['create view tenancy.mutant as select * from cart; grant select on tenancy.mutant to souk_app', 'tenancy.mutant'],
    ['create view mutant with (security_invoker = false) as select * from cart', 'mutant'],
  ],
  'a materialised view is granted to nobody: it has no row security': [
    ['create materialized view mutant as select * from cart; grant select on mutant to souk_app', 'mutant to souk_app'],
  ],
  'souk_app owns nothing': [
    ['create table mutant (id uuid); alter table mutant owner to souk_app', 'table mutant'],
    ['create schema mutant authorization souk_app', 'schema mutant'],
  ],
  'no role that serves can bypass row security, or make itself one that does': [
    ['alter role souk_app bypassrls', 'souk_app'],
    ['alter role souk_app superuser', 'souk_app'],
    ['alter role souk_platform createrole', 'souk_platform'],
    ['grant souk_owner to souk_app with inherit false', 'souk_app'],
    ['alter role souk_owner bypassrls', 'souk_owner'],
  ],
  'souk_app has no right on a tenant table beyond reading and writing rows: no TRUNCATE, REFERENCES, TRIGGER or MAINTAIN': [
    ['grant truncate on cart to souk_app', 'cart: truncate'],
    ['grant all on cart to souk_app', 'cart: trigger'],
    ['grant truncate on cart to public', 'cart: truncate'],
  ],
  'souk_app reads and writes nothing outside schema public': [
    ['grant select on platform.merchant to souk_app', 'platform.merchant'],
    ['grant select (id) on platform.merchant to souk_app', 'platform.merchant'],
    ['grant update on tenancy.home to souk_app', 'tenancy.home'],
    ['grant select on queue.runner to souk_app', 'queue.runner'],
    ['grant insert on graphile_worker._private_jobs to souk_app', 'graphile_worker._private_jobs'],
    ['grant select on graphile_worker.jobs to public', 'graphile_worker.jobs'],
    ['grant usage on all sequences in schema graphile_worker to souk_app', 'graphile_worker'],
  ],
  'souk_platform and souk_queue have no tenant table': [
    ['grant select on cart to souk_platform', 'cart to souk_platform'],
    ['grant insert (merchant_id) on cart to souk_queue', 'cart to souk_queue'],
  ],
  'no role that serves can create anything in a schema that it does not own': [
    ['grant create on schema public to public', 'public by souk_app'],
    ['grant create on schema app to souk_app', 'app by souk_app'],
  ],
  'nothing is granted to everybody, now or by default': [
    ['grant select on cart to public', 'cart'],
    ['alter default privileges for role souk_owner in schema public grant select on tables to souk_app', 'by default'],
    ['alter default privileges grant select on tables to public', 'by default'],
  ],
  'the roles that serve have their limits': [
    ['alter role souk_app reset statement_timeout', 'souk_app: statement_timeout'],
    ['alter role souk_app set lock_timeout = 0', 'souk_app: lock_timeout'],
    ['alter role souk_queue reset all', 'souk_queue: idle_in_transaction_session_timeout'],
  ],
  'pitfall 3: merchant_id is in the replica identity of every tenant table, or a move would make every update of it fail': [
    ['alter table cart replica identity nothing', 'cart'],
    [
      'create table mutant (merchant_id uuid not null, id uuid not null unique, primary key (merchant_id, id)); alter table mutant replica identity using index mutant_id_key',
      'mutant',
    ],
  ],
  'pitfall 6: which merchants live in a database is told to no other': [
    ['create publication mutant for table tenancy.home', 'mutant: tenancy.home'],
    ['create publication mutant for tables in schema tenancy', 'mutant: tenancy.home'],
    ['create publication mutant for all tables', 'mutant: tenancy.home'],
  ],
  'pitfall 16: souk_mover can take every tenant table along, and owns nothing': [
    [GOOD_TABLE, 'mutant: select'],
    ['revoke delete on cart from souk_mover', 'cart: delete'],
    ['create table mutant (id uuid); alter table mutant owner to souk_mover', 'table mutant'],
  ],
}

describe.each(CATALOGUE_LAWS)('law: $name', ({ name }) => {
  test('holds', async () => {
    expect(await violationsOf(admin, name)).toEqual([])
  })

  test.each(MUTANTS[name] ?? [])('is broken by: %s', async (statements, expected) => {
    expect((await afterChange(statements, (sql) => violationsOf(sql, name))).join('\n')).toContain(expected)
  })

  test('has something that breaks it', () => {
    expect(MUTANTS[name]?.length ?? 0).toBeGreaterThan(0)
  })
})

test('no mutant is left over from a law that is gone', () => {
  expect(Object.keys(MUTANTS).filter((name) => !CATALOGUE_LAWS.some((law) => law.name === name))).toEqual([])
})

test('a table that keeps every law is reported by none', async () => {
  const found = await afterChange(PROTECTED, async (sql) => {
    const violations: string[] = []
    for (const law of CATALOGUE_LAWS) violations.push(...(await violationsOf(sql, law.name)))
    return violations
  })
  expect(found).toEqual([])
})

describe('the plan of a query behind row security', () => {
  const merchantId = '00000000-0000-0000-0000-000000000001'
  const planOf = (query: string) =>
    afterChange(`set local role souk_app; set local app.merchant_id = '${merchantId}'; set local enable_seqscan = off`, async (sql) => {
      const rows = await sql.unsafe(`explain ${query}`)
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    })

  test('has the policy inlined: no function is called', async () => {
    const plan = await planOf('select * from cart')
    expect(plan).toContain(`Index Cond: (merchant_id = (current_setting('app.merchant_id'::text))::uuid)`)
    expect(plan).not.toContain('current_merchant')
  })

  test('checks the policy once when the query names the merchant too, and is made for that merchant', async () => {
    const plan = await planOf(`select * from cart where merchant_id = '${merchantId}'`)
    expect(plan).toContain(`One-Time Filter: ((current_setting('app.merchant_id'::text))::uuid = '${merchantId}'::uuid)`)
    expect(plan).toContain(`Index Cond: (merchant_id = '${merchantId}'::uuid)`)
  })
})

describe('the Drizzle tables of core and the database agree', () => {
  const compare = async (sql: Querier) => disagreements(await drizzleShapes(), await databaseShapes(sql))

  test('in every table, column, type, nullability and key, both ways', async () => {
    expect(await compare(admin)).toEqual([])
  })

  test('and that is about all tenant tables there are', async () => {
    const tables = await databaseShapes(admin)
    expect(tables.length).toBeGreaterThanOrEqual(20)
    expect(tables.every((table) => table.columns.length > 0 && table.primaryKey.startsWith('(merchant_id'))).toBe(true)
  })

  test.each([
    [PROTECTED, 'mutant: 0 Drizzle tables'],
    ['drop table event', 'event: not in the database'],
    ['alter table event add note text', 'event: column note text is only in the database'],
    ['alter table event drop column type', 'event: column type text not null is only in tables.ts'],
    ['alter table event alter sequence type integer', 'event: column sequence bigint not null is only in tables.ts'],
    ['alter table event alter type drop not null', 'event: column type text is only in the database'],
    ['alter table api_key alter revoked_at set not null', 'api_key: column revoked_at timestamp with time zone is only in tables.ts'],
    ['alter table event drop constraint event_pkey; alter table event add primary key (merchant_id, sequence)', 'event: primary key'],
    ['alter table event add unique (merchant_id, occurred_at)', 'event: (merchant_id, occurred_at) is only in the database'],
    ['create unique index on event (merchant_id, lower(type))', 'event: (merchant_id, lower(type)) is only in the database'],
    ['alter table staff drop constraint staff_merchant_id_email_key', 'staff: (merchant_id, email) is only in tables.ts'],
    [
      'alter table api_key drop constraint api_key_merchant_id_created_by_fkey',
      'api_key: foreign key (merchant_id, created_by) to staff (merchant_id, id) is only in tables.ts',
    ],
    ['alter table event add foreign key (merchant_id, aggregate_id) references cart (merchant_id, id)', 'only in the database'],
  ])('a database that differs is noticed: %s', async (statements, expected) => {
    expect((await afterChange(statements, compare)).join('\n')).toContain(expected)
  })
})
