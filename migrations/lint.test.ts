import { describe, expect, test } from 'vitest'
import { type MigrationFile, parseMigration, readMigrations } from './files.ts'
import { findUnsafe } from './lint/findings.ts'

// What was there before the first release met empty databases only. Nothing may be added below these numbers.
const BEFORE_THE_FIRST_RELEASE = { directory: 4, cell: 26 }

const file = (text: string): MigrationFile => parseMigration('cell', '0099_mutant.sql', text)

async function rulesBrokenBy(text: string): Promise<string[]> {
  return [...new Set((await findUnsafe([file(text)])).map((finding) => finding.rule))].sort()
}

test('no migration since the first release stops or breaks those who are served meanwhile', async () => {
  const files = [...(await readMigrations('directory')), ...(await readMigrations('cell'))]
  const findings = await findUnsafe(files.filter(({ set, number }) => number > BEFORE_THE_FIRST_RELEASE[set]))
  expect(findings.map(({ file, line, rule, message }) => `${file}:${line} ${rule}: ${message}`)).toEqual([])
})

describe('refused', () => {
  test.each([
    ['a column is dropped', 'alter table cart drop column status;', 'ban-drop-column'],
    ['a table is dropped', 'drop table cart;', 'ban-drop-table'],
    ['a column is renamed', 'alter table cart rename column status to state;', 'renaming-column'],
    ['a table is renamed', 'alter table cart rename to basket;', 'renaming-table'],
    ['a type is changed', 'alter table cart alter column status type bigint;', 'changing-column-type'],
    ['a column is added that nobody fills', 'alter table cart add column n text not null;', 'adding-required-field'],
    ['a column becomes required', 'alter table cart alter column note set not null;', 'adding-not-nullable-field'],
    ['a default rewrites the table', 'alter table cart add column n uuid default gen_random_uuid();', 'adding-field-with-default'],
    ['an index is built while writers wait', 'create index on cart (merchant_id, status);', 'require-concurrent-index-creation'],
    [
      'an index is built concurrently in a transaction',
      'select 1; create index concurrently i on cart (merchant_id);',
      'ban-concurrent-index-creation-in-transaction',
    ],
    ['rows are checked under a lock', 'alter table cart add constraint c check (n > 0);', 'constraint-missing-not-valid'],
    [
      'a constraint is validated in the transaction that adds it',
      'alter table cart add constraint c check (n > 0) not valid; alter table cart validate constraint c;',
      'constraint-missing-not-valid',
    ],
    ['a table is emptied', 'truncate cart;', 'ban-truncate'],
    ['a table is locked', 'lock table cart in share mode;', 'ban-lock-table'],
    ['a table is rewritten', 'alter table cart set unlogged;', 'ban-rewrite'],
    ['all rows are updated at once', "update cart set status = 'open';", 'ban-unbatched-write'],
    ['rows are deleted at once', 'delete from cart;', 'ban-unbatched-write'],
    ['a function is dropped', 'drop function if exists app.total(uuid);', 'ban-drop-function'],
    ['a view is dropped', 'drop materialized view totals;', 'ban-drop-view'],
    ['row security is taken away', 'alter table cart no force row level security;', 'ban-less-security'],
    ['more is dropped than is named', 'drop table cart cascade;', 'ban-cascade'],
  ])('%s', async (_what, text, rule) => {
    expect(await rulesBrokenBy(text)).toContain(rule)
  })

  test('what cannot be repeated, in a file without a transaction', async () => {
    expect(await rulesBrokenBy('-- transaction: none\ncreate index concurrently i on cart (merchant_id);')).toEqual(['prefer-robust-stmts'])
  })

  test('a head that nobody understands', () => {
    expect(() => file('-- phase: contraction\nselect 1;')).toThrow('"phase: contraction" means nothing')
    expect(() => file('-- transaction: no\nselect 1;')).toThrow('"transaction: no" means nothing')
  })
})

describe('allowed', () => {
  test.each([
    [
      'a new table with its keys and indexes',
      'create table n (merchant_id uuid not null, primary key (merchant_id)); create index on n (merchant_id);',
    ],
    ['a column that may be empty, or has a constant', "alter table cart add column a text, add column b text not null default '';"],
    ['a constraint that is checked later', 'alter table cart add constraint c check (n > 0) not valid;'],
    ['an index beside the writers', '-- transaction: none\ncreate index concurrently if not exists i on cart (merchant_id);'],
    [
      'what a function will do one day',
      "create function app.f() returns void language sql as $$ update cart set status = 'x'; truncate cart $$;",
    ],
    ['words in a literal or a comment', "select 'x; delete from cart'; -- ; truncate cart\nselect 1;"],
  ])('%s', async (_what, text) => {
    expect(await rulesBrokenBy(text)).toEqual([])
  })

  test('what the release before used, in a contract, and only that', async () => {
    const drops = 'alter table cart drop column status; drop function app.total(uuid);'
    expect(await rulesBrokenBy(`-- phase: contract\n${drops}`)).toEqual([])
    expect(await rulesBrokenBy(`-- phase: contract\n${drops} truncate cart;`)).toEqual(['ban-truncate'])
    // The word belongs into the head.
    expect(await rulesBrokenBy(`select 1;\n-- phase: contract\n${drops}`)).toEqual(['ban-drop-column', 'ban-drop-function'])
  })

  test('what the line above gives a reason for', async () => {
    expect(await rulesBrokenBy('-- allow ban-unbatched-write: one row a cell.\nupdate only_row set n = 1;')).toEqual([])
    expect(await rulesBrokenBy('-- allow ban-unbatched-write: one row a cell.\n-- It was 0.\nupdate only_row set n = 1;')).toEqual([])
  })
})

test('an allowance has a reason, and something that it allows', async () => {
  expect(await rulesBrokenBy('-- allow ban-truncate\ntruncate cart;')).toEqual(['say-why'])
  expect(await rulesBrokenBy('-- allow ban-truncate: it is empty.\nselect 1;')).toEqual(['allow-something'])
  expect(await rulesBrokenBy('-- allow ban-truncate: it is empty.\nselect 1;\ntruncate cart;')).toEqual(['allow-something', 'ban-truncate'])
})
