import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { expect, test } from 'vitest'
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

const TABLE = 'create table mutant (merchant_id uuid not null, id uuid not null, note text not null, primary key (merchant_id, id)); '
const GRANTED = `${TABLE} grant select, insert, update, delete on mutant to souk_app; `
const PARENT = 'create table mutant_parent (merchant_id uuid not null, id uuid primary key); '
const currentMerchant = (volatility: string, body: string) =>
  `create or replace function app.current_merchant() returns uuid language sql ${volatility} parallel safe as $$ select ${body} $$`
const definer = (name: string, result: string, body: string) =>
  `create function app.${name} returns ${result} language plpgsql security definer set search_path = pg_catalog, public
   as $$ begin ${body} end $$;
   grant execute on function app.${name} to souk_app`

/** Schemas with a hole, where it is, and what must be said of it. */
const HOLES: [name: string, change: string, where: string, reported: RegExp[]][] = [
  [
    'a table without protection',
    GRANTED,
    'mutant',
    [
      /mutant: select everything \(fresh\): betrays/,
      /mutant: insert a row of the other/,
      /mutant: delete the other's by merchant/,
      /mutant: move/,
      /mutant: select everything \(reused\), without a merchant/,
    ],
  ],
  [
    'row security that is switched off',
    'alter table cart disable row level security',
    'cart',
    [/cart: select/, /cart: update/, /cart: delete/],
  ],
  [
    'a second policy that lets everything pass',
    'create policy open on product using (true)',
    'product',
    [/product: select everything/, /product: update everything/],
  ],
  ['a second policy for reading only', 'create policy open on product for select using (true)', 'product', [/product: select everything/]],
  [
    'a policy that does not check what is written',
    'alter policy merchant_only on product with check (true)',
    'product',
    [/product: insert a row of the other/, /product: move whatever there is/],
  ],
  ['the right to truncate', 'grant truncate on cart_line to souk_app', 'cart_line', [/cart_line: delete everything of everybody/]],
  [
    'a foreign key by the id alone',
    `${PARENT} select app.protect('mutant_parent');
     ${TABLE} alter table mutant add parent_id uuid not null references mutant_parent (id); select app.protect('mutant')`,
    'mutant',
    [
      /mutant_parent: two merchants cannot have equal rows/,
      /mutant: refer by mutant_parent_id_fkey in a new row \(fresh\): not refused/,
      /mutant: refer by mutant_parent_id_fkey in an old row/,
    ],
  ],
  [
    "a foreign key by a merchant who need not be the row's",
    `${TABLE} alter table mutant add owner_id uuid not null, add cart_id uuid not null,
       add foreign key (owner_id, cart_id) references cart (merchant_id, id); select app.protect('mutant')`,
    'mutant',
    [/mutant: refer by mutant_owner_id_cart_id_fkey in a new row \(fresh\): not refused/],
  ],
  [
    'a name that is unique across merchants',
    'create unique index everywhere on product (handle)',
    'product',
    [
      /product: two merchants cannot have equal rows, by everywhere/,
      /product: insert a row of one's own with every name/,
      /product: upsert names and ids/,
    ],
  ],
  [
    'a view with the rights of its owner',
    'create view titles as select title from product; grant select on titles to souk_app',
    'titles',
    [/titles: select everything \(fresh\): betrays/],
  ],
  [
    'a function that answers whoever is asked for',
    definer('peek(wanted uuid)', 'setof text', 'return query select title from product where merchant_id = wanted;'),
    'app.peek',
    [/app\.peek\(uuid\) \(fresh, in scope\).*answers/, /app\.peek\(uuid\) \(failed transaction, without a merchant\).*answers/],
  ],
  [
    'a function that becomes whoever is asked for',
    definer('become(wanted text)', 'void', `perform set_config('app.merchant_id', wanted, true);`),
    'app.become',
    [/app\.become\(text\).*leaves us as/],
  ],
  [
    'a function that deletes whatever is asked for',
    definer('clear(wanted uuid)', 'void', 'delete from cart where id = wanted;'),
    'app.clear',
    [/other's rows have changed after app\.clear\(uuid\)/],
  ],
  [
    'keys of jobs that two merchants share',
    `create or replace function queue.job_key(merchant uuid, task text, key text) returns text language sql immutable
     as $$ select task || ':' || key $$`,
    'queue.enqueue',
    [/other's rows have changed after queue\.enqueue/],
  ],
  [
    'a merchant that is remembered in plans',
    currentMerchant('immutable', `current_setting('app.merchant_id')::uuid`),
    'location',
    [/location: select everything \(reused\)/],
  ],
  [
    'no error where there is no merchant',
    currentMerchant('stable', `nullif(current_setting('app.merchant_id', true), '')::uuid`),
    'cart',
    [/cart: select everything \(fresh\), without a merchant: 0 rows/],
  ],
  [
    'a merchant who stays when the transaction is over',
    `create or replace function tenancy.enter(merchant uuid, at_epoch bigint) returns void language sql volatile security definer
     set search_path = pg_catalog as $$ select set_config('app.merchant_id', merchant::text, false) $$`,
    'cart',
    [/cart: select everything \(reused\), without a merchant: \d+ rows/],
  ],
]

test.concurrent.each(HOLES)('%s is found', { timeout: 60_000 }, async (_name, change, where, reported) => {
  const { leaks } = await inScratchDatabase(change, (database) => findLeaks(database, { relations: [where], functions: [where] }))
  const missing = reported.filter((expected) => !leaks.some((leak) => expected.test(leak)))
  expect(missing, `not among ${leaks.length} leaks`).toEqual([])
})
