import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { type Account, clearing, GIFT_CARDS_ISSUED, giftCard, SALES, STORE_CREDIT_ISSUED, storeCredit, TAX_PAYABLE } from './accounts.ts'
import { holdBalance, type NewJournal, postJournal, reverseJournal } from './journal.ts'
import { taxOfCapture } from './journals-of-payments.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 60_000 })
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

const actor = { kind: 'job', task: 'test' } as const
const journal = (given: Partial<NewJournal>): NewJournal => ({
  key: newId(),
  kind: 'capture',
  orderId: null,
  paymentId: null,
  currency: 'EUR',
  entries: [],
  actor,
  now: new Date(),
  ...given,
})
const credit = (account: Account, amount: bigint): NewJournal['entries'] => [
  { account: STORE_CREDIT_ISSUED, amount },
  { account, amount: -amount },
]
const spend = (account: Account, amount: bigint): NewJournal['entries'] => [
  { account, amount },
  { account: SALES, amount: -amount },
]

const post = (given: Partial<NewJournal>) => merchant.inMerchant(async (tx) => void (await postJournal(tx, journal(given))))
const balanceOf = (account: Account) => merchant.inMerchant((tx) => holdBalance(tx, account, 'EUR'))

async function entriesOf(key: string) {
  return merchant.inMerchant.read(
    (tx) => tx.sql`
    select e.account, e.currency, e.amount from journal j join ledger_entry e on e.merchant_id = j.merchant_id and e.journal_id = j.id
    where j.merchant_id = ${tx.merchantId} and j.key = ${key} order by position`,
  )
}

describe('a journal', () => {
  it('is written with its entries, and opens the accounts it needs', async () => {
    const entries = [
      { account: clearing('sandbox'), amount: 119n },
      { account: SALES, amount: -100n },
      { account: TAX_PAYABLE, amount: -19n },
    ]
    await post({ key: 'first', entries })
    expect(await entriesOf('first')).toEqual([
      { account: 'clearing:sandbox', currency: 'EUR', amount: 119n },
      { account: 'sales', currency: 'EUR', amount: -100n },
      { account: 'tax_payable', currency: 'EUR', amount: -19n },
    ])
  })

  it('of a key is written once, and moves balances once', async () => {
    const account = storeCredit(newId())
    await post({ key: 'once', entries: credit(account, 500n) })
    await post({ key: 'once', entries: credit(account, 500n) })
    expect(await balanceOf(account)).toBe(500n)
    expect(await entriesOf('once')).toHaveLength(2)
  })

  it('that does not come to zero, or has one entry, is refused before it is sent', async () => {
    await expect(post({ entries: [{ account: SALES, amount: 1n }] })).rejects.toThrow('does not balance')
    await expect(post({ entries: [...credit(SALES, 5n), { account: SALES, amount: 1n }] })).rejects.toThrow('does not balance')
  })

  it('cannot take more than a balance has, whoever forgot to look', async () => {
    const account = storeCredit(newId())
    await post({ entries: credit(account, 100n) })
    await expect(post({ entries: spend(account, 101n) })).rejects.toMatchObject({ code: '23514' })
    expect(await balanceOf(account)).toBe(100n)
  })

  it('takes from an account that was never opened nothing', async () => {
    await expect(post({ entries: spend(storeCredit(newId()), 1n) })).rejects.toMatchObject({ code: '23503' })
  })

  it('of thirty that credit one account at once leaves their sum', async () => {
    const account = giftCard(newId())
    const entries = [
      { account: GIFT_CARDS_ISSUED, amount: 7n },
      { account, amount: -7n },
    ]
    await Promise.all(Array.from({ length: 30 }, () => post({ kind: 'gift_card_issue', entries })))
    expect(await balanceOf(account)).toBe(210n)
  })
})

describe('a reversal', () => {
  const reverse = (key: string) => merchant.inMerchant(async (tx) => void (await reverseJournal(tx, { key, actor, now: new Date() })))

  it('writes the same entries the other way around, once', async () => {
    const account = storeCredit(newId())
    await post({ entries: credit(account, 100n) })
    await post({ key: 'wrong', entries: spend(account, 60n) })
    expect(await balanceOf(account)).toBe(40n)
    await Promise.all([reverse('wrong'), reverse('wrong')])
    await reverse('wrong')
    expect(await balanceOf(account)).toBe(100n)
    expect((await entriesOf('reversal:wrong')).map(({ amount }) => amount)).toEqual([-60n, 60n])
  })

  it('of what was never booked writes nothing', async () => {
    await reverse('never')
    expect(await entriesOf('reversal:never')).toEqual([])
  })
})

describe('the database itself', () => {
  it('lets nobody change or delete what was booked', async () => {
    const change = (statement: 'update' | 'delete') =>
      merchant.inMerchant((tx) =>
        statement === 'update'
          ? tx.sql`update ledger_entry set amount = 1 where merchant_id = ${tx.merchantId}`
          : tx.sql`delete from journal where merchant_id = ${tx.merchantId}`,
      )
    await expect(change('update')).rejects.toMatchObject({ code: '42501' })
    await expect(change('delete')).rejects.toMatchObject({ code: '42501' })
  })
})

describe('the tax in captures', () => {
  it('comes to the tax of the order, however it is captured', () => {
    const [total, taxTotal] = [1_000n, 159n]
    let captured = 0n
    let tax = 0n
    for (const amount of [333n, 333n, 333n, 1n]) {
      tax += taxOfCapture({ total, taxTotal, captured }, amount)
      captured += amount
    }
    expect([captured, tax]).toEqual([total, taxTotal])
  })

  it('is none in what is taken beyond the total, or for nothing', () => {
    expect(taxOfCapture({ total: 100n, taxTotal: 19n, captured: 100n }, 50n)).toBe(0n)
    expect(taxOfCapture({ total: 0n, taxTotal: 0n, captured: 0n }, 50n)).toBe(0n)
  })
})
