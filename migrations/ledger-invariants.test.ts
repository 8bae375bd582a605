import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import postgres from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readInvariants } from './invariants.ts'

// The books of a merchant, written by hand: 100.00 came in for an order, 19 % tax in it, 30.00 of which went back to the buyer's
// store credit and 20.00 to the payment.

const MERCHANT = '01990000-0000-7000-8000-000000000001'
const OTHER = '01990000-0000-7000-8000-000000000002'
const [ORDER, LINE, PAYMENT, REFUND, CREDIT_REFUND, CUSTOMER] = Array.from(
  { length: 6 },
  (_, index) => `01990000-0000-7000-8000-00000000001${index}`,
)

const BOOKS = `
  insert into orders (merchant_id, id, number, cart_id, status, payment_status, fulfillment_status, currency, email, subtotal, discount_total,
      shipping_discount_total, shipping_total, tax_total, tax_included, total, pricing_input, pricing_result, authorized_total, captured_total,
      refunded_total)
    values ('${MERCHANT}', '${ORDER}', 1, '${ORDER}', 'paid', 'part_refunded', 'unfulfilled', 'EUR', 'a@b.example', 9000, 0, 0, 1000, 1597, true,
      10000, '{}', '{"shipping": {"total": 1000}}', 10000, 10000, 5000);
  insert into order_line (merchant_id, id, order_id, position, product_id, variant_id, product_title, variant_title, sku, quantity, unit_price,
      subtotal, discount_total, tax_total, total)
    values ('${MERCHANT}', '${LINE}', '${ORDER}', 1, '${LINE}', '${LINE}', '', '', '', 3, 3000, 9000, 0, 1437, 9000);
  insert into payment (merchant_id, id, order_id, provider, method, status, amount, currency, authorized_amount, captured_amount, refunded_amount)
    values ('${MERCHANT}', '${PAYMENT}', '${ORDER}', 'manual', 'invoice', 'captured', 10000, 'EUR', 10000, 10000, 2000);
  insert into ledger_account (merchant_id, code, currency, kind) values
    ('${MERCHANT}', 'clearing:manual', 'EUR', 'asset'), ('${MERCHANT}', 'sales', 'EUR', 'income'), ('${MERCHANT}', 'refunds', 'EUR', 'income'),
    ('${MERCHANT}', 'tax_payable', 'EUR', 'liability');
  insert into ledger_account (merchant_id, code, currency, kind, owner_type, owner_id, balance, sequence)
    values ('${MERCHANT}', 'store_credit:x', 'EUR', 'liability', 'customer', '${CUSTOMER}', 3000, 1);
  insert into journal (merchant_id, id, key, kind, order_id, payment_id, actor) values
    ('${MERCHANT}', '${PAYMENT}', 'capture', 'capture', '${ORDER}', '${PAYMENT}', '{}'),
    ('${MERCHANT}', '${REFUND}', 'refund', 'refund', '${ORDER}', '${PAYMENT}', '{}'),
    ('${MERCHANT}', '${CREDIT_REFUND}', 'credit', 'refund', '${ORDER}', null, '{}');
  insert into ledger_entry (merchant_id, journal_id, position, account, currency, amount, sequence, balance_after) values
    ('${MERCHANT}', '${PAYMENT}', 1, 'clearing:manual', 'EUR', 10000, 0, null),
    ('${MERCHANT}', '${PAYMENT}', 2, 'sales', 'EUR', -8403, 0, null),
    ('${MERCHANT}', '${PAYMENT}', 3, 'tax_payable', 'EUR', -1597, 0, null),
    ('${MERCHANT}', '${REFUND}', 1, 'refunds', 'EUR', 2000, 0, null),
    ('${MERCHANT}', '${REFUND}', 2, 'clearing:manual', 'EUR', -2000, 0, null),
    ('${MERCHANT}', '${CREDIT_REFUND}', 1, 'refunds', 'EUR', 3000, 0, null),
    ('${MERCHANT}', '${CREDIT_REFUND}', 2, 'store_credit:x', 'EUR', -3000, 1, 3000);
  insert into refund (merchant_id, id, order_id, destination, customer_id, currency, amount, tax, shipping, shipping_tax, withheld, reason, actor)
    values ('${MERCHANT}', '${REFUND}', '${ORDER}', 'original', null, 'EUR', 2000, 0, 0, 0, 1000, '', '{}'),
      ('${MERCHANT}', '${CREDIT_REFUND}', '${ORDER}', 'store_credit', '${CUSTOMER}', 'EUR', 3000, 0, 0, 0, 0, '', '{}');
  insert into refund_line (merchant_id, refund_id, order_line_id, quantity, amount, tax)
    values ('${MERCHANT}', '${REFUND}', '${LINE}', 1, 3000, 0), ('${MERCHANT}', '${CREDIT_REFUND}', '${LINE}', 1, 3000, 0);
  insert into refund_part (merchant_id, refund_id, payment_id, amount, tax) values ('${MERCHANT}', '${REFUND}', '${PAYMENT}', 2000, 0);`

const OF_THE_BOOKS = [
  '10_journals_balance',
  '11_trial_balance_is_nothing',
  '12_books_are_whole',
  '13_balances_are_their_entries',
  '14_no_more_back_than_came_in',
]

const entry = (change: string, where: string) => `update ledger_entry set ${change} where merchant_id = '${MERCHANT}' and ${where}`

/** What somebody with the rights of a superuser may do to the books, past every trigger, and the invariant that sees it. */
const VIOLATIONS: [invariant: string, what: string, statement: string][] = [
  ['10_journals_balance', 'an amount that was changed', entry('amount = 9999', `journal_id = '${PAYMENT}' and position = 1`)],
  ['10_journals_balance', 'a journal without entries', `delete from ledger_entry where journal_id = '${REFUND}'`],
  ['10_journals_balance', 'a journal in two currencies', entry(`currency = 'USD'`, `journal_id = '${REFUND}' and position = 2`)],
  ['11_trial_balance_is_nothing', 'an entry that is gone', `delete from ledger_entry where journal_id = '${PAYMENT}' and position = 3`],
  [
    '11_trial_balance_is_nothing',
    'journals of another merchant',
    `update ledger_entry set merchant_id = '${OTHER}' where journal_id = '${PAYMENT}'`,
  ],
  [
    '12_books_are_whole',
    'a journal that is gone',
    `delete from ledger_entry where journal_id = '${REFUND}'; delete from journal where id = '${REFUND}'`,
  ],
  ['12_books_are_whole', 'a capture that was never booked', `update journal set payment_id = null where id = '${PAYMENT}'`],
  ['12_books_are_whole', 'a journal of a payment that is not there', `update journal set payment_id = '${LINE}' where id = '${REFUND}'`],
  [
    '12_books_are_whole',
    'store credit whose history is gone',
    `delete from ledger_entry where journal_id = '${CREDIT_REFUND}'; delete from journal where id = '${CREDIT_REFUND}'`,
  ],
  ['13_balances_are_their_entries', 'a balance that was raised', `update ledger_account set balance = 3001 where owner_id = '${CUSTOMER}'`],
  ['13_balances_are_their_entries', 'an entry that was changed', entry('amount = -2999', 'sequence = 1')],
  [
    '13_balances_are_their_entries',
    'credit that was spent before it was there',
    `insert into journal (merchant_id, id, key, kind, actor) values ('${MERCHANT}', '${LINE}', 'early', 'capture', '{}');
     ${entry('sequence = 2', 'sequence = 1')}; update ledger_account set balance = 2000, sequence = 2 where owner_id = '${CUSTOMER}';
     ${entry('balance_after = 2000', 'sequence = 2')};
     insert into ledger_entry (merchant_id, journal_id, position, account, currency, amount, sequence, balance_after) values
       ('${MERCHANT}', '${LINE}', 1, 'store_credit:x', 'EUR', 1000, 1, 0), ('${MERCHANT}', '${LINE}', 2, 'sales', 'EUR', -1000, 0, null)`,
  ],
  [
    '14_no_more_back_than_came_in',
    'a payment that gave back more than it took',
    `alter table payment drop constraint refunded_was_captured; update payment set refunded_amount = 10001 where id = '${PAYMENT}'`,
  ],
  ['14_no_more_back_than_came_in', 'credit beyond what was captured', `update payment set refunded_amount = 7001 where id = '${PAYMENT}'`],
  [
    '14_no_more_back_than_came_in',
    'a refund that is asked for beyond what was captured',
    `insert into payment_operation (merchant_id, id, payment_id, order_id, kind, amount, currency, requested_by)
     values ('${MERCHANT}', '${LINE}', '${PAYMENT}', '${ORDER}', 'refund', 5001, 'EUR', '{}')`,
  ],
  [
    '14_no_more_back_than_came_in',
    'more pieces back than were bought',
    `update refund_line set quantity = 3 where refund_id = '${REFUND}'`,
  ],
  ['14_no_more_back_than_came_in', 'more shipping back than was charged', `update refund set shipping = 1001 where id = '${REFUND}'`],
  ['14_no_more_back_than_came_in', 'parts that are not the whole', `update refund_part set amount = 1999 where refund_id = '${REFUND}'`],
  ['14_no_more_back_than_came_in', 'lines that are not the whole', `update refund_line set amount = 2999 where refund_id = '${REFUND}'`],
]

let database: TestDatabase
let sql: postgres.Sql

beforeAll(async () => {
  database = await createTestDatabase()
  sql = postgres(database.adminUrl, { max: 1, onnotice: () => {} })
})
afterAll(async () => {
  await sql.end()
  await database.drop()
})

/** The invariants 10 to 14 that these statements break. All is taken back. */
async function brokenBy(statements: string): Promise<string[]> {
  const takenBack = new Error('taken back')
  const broken: string[] = []
  try {
    await sql.begin(async (tx) => {
      // Triggers and foreign keys are off: whoever is a superuser can do that.
      await tx`set local session_replication_role = replica`
      await tx.unsafe(`${BOOKS} ${statements}`)
      for (const { name, text } of await readInvariants()) {
        if (OF_THE_BOOKS.includes(name) && (await tx.unsafe(text)).length > 0) broken.push(name)
      }
      throw takenBack
    })
  } catch (error) {
    if (error !== takenBack) throw error
  }
  return broken
}

describe('the invariants of the books', () => {
  test('hold for honest ones', async () => {
    expect(await brokenBy('')).toEqual([])
  })

  test.each(VIOLATIONS)('%s sees %s', async (invariant, _what, statement) => {
    expect(await brokenBy(statement)).toContain(invariant)
  })

  test('each have something that breaks them, and are there', async () => {
    const names = (await readInvariants()).map(({ name }) => name)
    for (const name of OF_THE_BOOKS) expect(names).toContain(name)
    expect([...new Set(VIOLATIONS.map(([invariant]) => invariant))]).toEqual(OF_THE_BOOKS)
  })
})

describe('the database itself', () => {
  const unbalanced = { code: '23514', constraint_name: 'journal_balances' }
  const head = (id: string) =>
    `insert into journal (merchant_id, id, key, kind, actor) values ('${MERCHANT}', '${id}', '${id}', 'capture', '{}');`
  const entries = (id: string, ...amounts: number[]) =>
    `insert into ledger_entry (merchant_id, journal_id, position, account, currency, amount) values ${amounts
      .map((amount, index) => `('${MERCHANT}', '${id}', ${amount > 0 ? 10 : 20} + ${index}, 'sales', 'EUR', ${amount})`)
      .join(', ')};`

  beforeEach(async () => {
    await sql.unsafe(`delete from ledger_entry; delete from journal; delete from ledger_account`)
    await sql`insert into ledger_account (merchant_id, code, currency, kind) values (${MERCHANT}, 'sales', 'EUR', 'income')`
  })

  test('refuses at the commit what does not balance, and a journal without entries', async () => {
    await expect(sql.unsafe(head(ORDER!) + entries(ORDER!, 5, -4))).rejects.toMatchObject(unbalanced)
    await expect(sql.unsafe(head(ORDER!))).rejects.toMatchObject(unbalanced)
  })

  test('and what is added to a journal later', async () => {
    await sql.unsafe(head(ORDER!) + entries(ORDER!, 5, -5))
    await expect(sql.unsafe(entries(ORDER!, 1).replace('10 +', '30 +'))).rejects.toMatchObject(unbalanced)
    await sql.unsafe(entries(ORDER!, 1, -1).replaceAll('0 +', '5 +'))
  })
})
