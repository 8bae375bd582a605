import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { beforeAll, describe, expect, test } from 'vitest'
import { findLeaks } from './testing/isolation.ts'

// Every table, view and function that the application can reach, found in the system catalogue, and every way of laying hands on another
// merchant's rows through it. A new table takes part by existing; one whose rows cannot be made from its definition fails here until
// testing/generated-rows.ts has learned to.

const CASES_MIN = 6_000

async function inScratchDatabase<T>(change: string, look: (database: TestDatabase) => Promise<T>): Promise<T> {
  const database = await createTestDatabase()
  const admin = postgres(database.adminUrl, { max: 1, onnotice: () => {} })
  try {
    await admin.unsafe(change)
    return await look(database)
  } finally {
    await admin.end()
    await database.drop()
  }
}

test("another merchant's rows are nowhere, whatever is tried on whatever connection", { timeout: 900_000 }, async () => {
  const { cases, leaks } = await inScratchDatabase('', (database) => findLeaks(database))
  const count = Object.values(cases).reduce((sum, tried) => sum + tried, 0)
  console.log(
    `${count} cases of one merchant against another: ${Object.entries(cases)
      .map((entry) => entry.join(' '))
      .join(', ')}.`,
  )
  expect(leaks).toEqual([])
  expect(count).toBeGreaterThan(CASES_MIN)
})

interface Hole {
  name: string
  change: string
  /** The table, view or function that has it. */
  where: string
  /** What must be said of it. */
  reported: RegExp[]
}

const tableOf = (name: string) =>
  `create table ${name} (merchant_id uuid not null, id uuid not null, note text not null, primary key (merchant_id, id)); `
const currentMerchant = (volatility: string, body: string) =>
  `create or replace function app.current_merchant() returns uuid language sql ${volatility} parallel safe as $$ select ${body} $$`
const definer = (name: string, result: string, body: string) =>
  `create function app.${name} returns ${result} language plpgsql security definer set search_path = pg_catalog, public
   as $$ begin ${body} end $$;
   grant execute on function app.${name} to souk_app`

/** Each in a table of its own, so that all can be looked for in one database. */
const HOLES_IN_TABLES: Hole[] = [
  {
    name: 'a table without protection',
    change: `${tableOf('mutant')} grant select, insert, update, delete on mutant to souk_app`,
    where: 'mutant',
    reported: [
      /^mutant: select everything \(fresh\): betrays/,
      /^mutant: insert a row of the other/,
      /^mutant: delete the other's by merchant/,
      /^mutant: move/,
      /^mutant: select everything \(reused\), without a merchant/,
    ],
  },
  {
    name: 'row security that is switched off',
    change: 'alter table cart disable row level security',
    where: 'cart',
    reported: [/^cart: select/, /^cart: update/, /^cart: delete/],
  },
  {
    name: 'a second policy that lets everything pass',
    change: 'create policy open on product using (true)',
    where: 'product',
    reported: [/^product: select everything/, /^product: update everything/],
  },
  {
    name: 'a second policy for reading only',
    change: 'create policy open on promotion for select using (true)',
    where: 'promotion',
    reported: [/^promotion: select everything/],
  },
  {
    name: 'a policy that does not check what is written',
    change: 'alter policy merchant_only on customer_group with check (true)',
    where: 'customer_group',
    reported: [/^customer_group: insert a row of the other/, /^customer_group: move whatever there is/],
  },
  {
    name: 'the right to truncate',
    change: 'grant truncate on cart_line to souk_app',
    where: 'cart_line',
    reported: [/^cart_line: delete everything of everybody/],
  },
  {
    name: 'a foreign key by the id alone',
    change: `create table mutant_parent (merchant_id uuid not null, id uuid primary key); select app.protect('mutant_parent');
      ${tableOf('mutant_child')} alter table mutant_child add parent_id uuid not null references mutant_parent (id);
      select app.protect('mutant_child')`,
    where: 'mutant_child',
    reported: [
      /^mutant_parent: two merchants cannot have equal rows/,
      /^mutant_child: refer by mutant_child_parent_id_fkey in a new row \(fresh\): not refused/,
      /^mutant_child: refer by mutant_child_parent_id_fkey in an old row/,
    ],
  },
  {
    name: "a foreign key by a merchant who need not be the row's",
    change: `${tableOf('mutant_guest')} alter table mutant_guest add owner_id uuid not null, add cart_id uuid not null,
       add foreign key (owner_id, cart_id) references cart (merchant_id, id); select app.protect('mutant_guest')`,
    where: 'mutant_guest',
    reported: [/^mutant_guest: refer by mutant_guest_owner_id_cart_id_fkey in a new row \(fresh\): not refused/],
  },
  {
    name: 'a name that is unique across merchants',
    change: 'create unique index everywhere on collection (handle)',
    where: 'collection',
    reported: [
      /^collection: two merchants cannot have equal rows, by everywhere/,
      /^collection: insert a row of one's own with every name/,
      /^collection: upsert names and ids/,
    ],
  },
  {
    name: 'a view with the rights of its owner',
    change: 'create view names as select name from shipping_zone; grant select on names to souk_app',
    where: 'names',
    reported: [/^names: select everything \(fresh\): betrays/],
  },
]

const HOLES_IN_FUNCTIONS: Hole[] = [
  {
    name: 'a function that answers whoever is asked for',
    change: definer('peek(wanted uuid)', 'setof text', 'return query select title from product where merchant_id = wanted;'),
    where: 'app.peek',
    reported: [/^app\.peek\(uuid\) \(fresh, in scope\).*answers/, /^app\.peek\(uuid\) \(failed transaction, without a merchant\).*answers/],
  },
  {
    name: 'a function that becomes whoever is asked for',
    change: definer('become(wanted text)', 'void', `perform set_config('app.merchant_id', wanted, true);`),
    where: 'app.become',
    reported: [/^app\.become\(text\).*leaves us as/],
  },
  {
    name: 'a function that deletes whatever is asked for',
    change: definer('clear(wanted uuid)', 'void', 'delete from cart where id = wanted;'),
    where: 'app.clear',
    reported: [/other's rows have changed after app\.clear\(uuid\)/],
  },
  {
    name: 'keys of jobs that two merchants share',
    change: `create or replace function queue.job_key(merchant uuid, task text, key text) returns text language sql immutable
     as $$ select task || ':' || key $$`,
    where: 'queue.enqueue',
    reported: [/other's rows have changed after queue\.enqueue/],
  },
]

/** Holes that are everywhere: each in a database of its own. */
const HOLES_IN_THE_DOOR: Hole[] = [
  {
    name: 'a merchant that is remembered in plans',
    change: currentMerchant('immutable', `current_setting('app.merchant_id')::uuid`),
    where: 'location',
    reported: [/^location: select everything \(reused\)/],
  },
  {
    name: 'no error where there is no merchant',
    change: currentMerchant('stable', `nullif(current_setting('app.merchant_id', true), '')::uuid`),
    where: 'cart',
    reported: [/^cart: select everything \(fresh\), without a merchant: 0 rows/],
  },
  {
    name: 'a merchant who stays when the transaction is over',
    change: `create or replace function tenancy.enter(merchant uuid, at_epoch bigint) returns void language sql volatile security definer
     set search_path = pg_catalog as $$ select set_config('app.merchant_id', merchant::text, false) $$`,
    where: 'cart',
    reported: [/^cart: select everything \(reused\), without a merchant: \d+ rows/],
  },
]

describe.each([HOLES_IN_TABLES, HOLES_IN_FUNCTIONS, ...HOLES_IN_THE_DOOR.map((hole) => [hole])].map((holes) => ({ holes })))(
  'of holes in one database',
  ({ holes }) => {
    let leaks: string[] = []

    beforeAll(async () => {
      const places = holes.map(({ where }) => where)
      const change = holes.map((hole) => hole.change).join(';\n')
      const findings = await inScratchDatabase(change, (database) => findLeaks(database, { relations: places, functions: places }))
      leaks = findings.leaks
    })

    test.each(holes)('$name is found', ({ reported }) => {
      const missing = reported.filter((expected) => !leaks.some((leak) => expected.test(leak)))
      expect(missing, `not among ${leaks.length} leaks`).toEqual([])
    })
  },
)
