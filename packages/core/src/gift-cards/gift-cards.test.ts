import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createCustomer } from '../customers/change-customers.ts'
import { newId } from '../ids.ts'
import { accountStatement } from '../ledger/account-statement.ts'
import { giftCard, storeCredit } from '../ledger/accounts.ts'
import { cartOf, line, priceIn } from '../pricing/testing/shop.ts'
import { outcomes } from '../testing/buying.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPaidOrder } from '../testing/paid-orders.ts'
import { disableGiftCard } from './disable-gift-card.ts'
import { giftCardByCode, giftCardById, listGiftCards } from './gift-card.ts'
import { type CardsToIssue, issueGiftCards } from './issue-gift-cards.ts'
import { giveBack, spendGiftCard, spendStoreCredit } from './spend.ts'
import { changeStoreCredit, storeCreditOf } from './store-credit.ts'

let shop: TestShop
let merchant: TestMerchant
let orderId: string

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 60_000 })
})
beforeEach(async () => {
  merchant = await shop.addMerchant()
  orderId = (await addPaidOrder(merchant, { priced: priceIn({}, cartOf([line('mug', 1_000)])), payments: [] })).id
})
afterAll(() => shop.close())

const by = { actor: { kind: 'staff', id: newId() } as const, now: new Date() }
const eur = (amount: bigint) => ({ amount, currency: 'EUR' })

const issue = (given: Partial<CardsToIssue> = {}) =>
  merchant.inMerchant((tx) => issueGiftCards(tx, shop.keys, { amount: eur(1_000n), count: 1, expiresAt: null, note: '', ...by, ...given }))
const read = (id: string, now = by.now) => merchant.inMerchant.read((tx) => giftCardById(tx, id, now))
const find = (code: string, now = by.now) => merchant.inMerchant.read((tx) => giftCardByCode(tx, shop.keys, code, now))
const spending = (amount: bigint, paymentId = newId()) => ({
  orderId,
  paymentId,
  currency: 'EUR',
  amount,
  order: { total: 1_000n, taxTotal: 0n, captured: 0n },
  ...by,
})
const spend = (giftCardId: string, amount: bigint, paymentId?: string) =>
  merchant.inMerchant((tx) => spendGiftCard(tx, { giftCardId, ...spending(amount, paymentId) }))

async function newCustomer(): Promise<string> {
  return (await merchant.inMerchant((tx) => createCustomer(tx, { email: `${newId()}@buyer.example` }, by))).id
}
const creditOf = async (customerId: string) => (await merchant.inMerchant.read((tx) => storeCreditOf(tx, customerId)))[0]?.amount ?? 0n
const change = (customerId: string, amount: bigint, currency = 'EUR') =>
  merchant.inMerchant((tx) => changeStoreCredit(tx, { customerId, change: { amount, currency }, reason: 'sorry', ...by }))

describe('gift cards', () => {
  it('are issued with their codes, which are written nowhere', async () => {
    const { batchId, cards } = await issue({ count: 3, note: 'for the fair' })
    expect(new Set(cards.map(({ code }) => code)).size).toBe(3)
    const { cards: listed } = await merchant.inMerchant.read((tx) => listGiftCards(tx, { batchId }, { limit: 10, now: by.now }))
    expect(listed).toHaveLength(3)
    expect(listed[0]).toMatchObject({ initialAmount: 1_000n, balance: 1_000n, status: 'active', note: 'for the fair', batchId })
    const [{ rows }] = (await merchant.inMerchant.read(
      (tx) => tx.sql`
      select jsonb_agg(g)::text || (select jsonb_agg(e)::text from event e where merchant_id = ${tx.merchantId})
        || (select jsonb_agg(a)::text from audit_entry a where merchant_id = ${tx.merchantId}) as rows
      from gift_card g where merchant_id = ${tx.merchantId}`,
    )) as unknown as [{ rows: string }]
    for (const { code } of cards) {
      expect(rows).not.toContain(code)
      expect(rows).not.toContain(code.replaceAll('-', ''))
    }
  })

  it('are found by their code in any spelling, also after the key was changed, and by nothing else', async () => {
    const { cards } = await issue()
    const { id, code } = cards[0]!
    expect(await find(` ${code.toLowerCase().replaceAll('-', ' ')} `)).toMatchObject({ id, balance: 1_000n, lastFour: code.slice(-4) })
    const newer = { keys: [{ kid: 'newer', secret: Buffer.alloc(32, 1) }, ...shop.keys.keys] }
    expect(await merchant.inMerchant.read((tx) => giftCardByCode(tx, newer, code, by.now))).toMatchObject({ id })
    for (const wrong of ['', 'no', code.slice(1), `${code}2`, 'OOOO-OOOO-OOOO-OOOO', 'x'.repeat(100_000)])
      await expect(find(wrong)).rejects.toMatchObject({ code: 'gift_card_invalid' })
  })

  it('of another merchant are nobody’s', async () => {
    const { cards } = await issue()
    merchant = await shop.addMerchant()
    await expect(find(cards[0]!.code)).rejects.toMatchObject({ code: 'gift_card_invalid' })
    await expect(read(cards[0]!.id)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('pay what is on them, to thirty who spend at once no more than that', async () => {
    const { cards } = await issue()
    const { id } = cards[0]!
    expect(await outcomes(Array.from({ length: 30 }, () => spend(id, 100n)))).toEqual({ ok: 10, insufficient_credit: 20 })
    expect(await read(id)).toMatchObject({ balance: 0n })
    const { entries } = await merchant.inMerchant.read((tx) =>
      accountStatement(tx, { code: giftCard(id).code, currency: 'EUR' }, { limit: 100 }),
    )
    expect(entries.map(({ kind, amount }) => [kind, amount])).toEqual([...Array(10).fill(['capture', 100n]), ['gift_card_issue', -1_000n]])
  })

  it('get back once what was spent on an order that came to nothing', async () => {
    const { cards } = await issue()
    const { id } = cards[0]!
    const paymentId = newId()
    await spend(id, 700n, paymentId)
    const back = () => merchant.inMerchant((tx) => giveBack(tx, { paymentId, ...by }))
    await Promise.all([back(), back(), back()])
    expect(await read(id)).toMatchObject({ balance: 1_000n })
  })

  it('pay nothing once they are disabled or their time is over', async () => {
    const expiresAt = new Date(by.now.getTime() + 1)
    const { cards } = await issue({ count: 2, expiresAt })
    const [disabled, expired] = cards as [(typeof cards)[0], (typeof cards)[0]]
    const disable = () => merchant.inMerchant((tx) => disableGiftCard(tx, disabled.id, { ...by, reason: 'stolen' }))
    expect(await disable()).toMatchObject({ status: 'disabled', balance: 1_000n })
    expect(await disable()).toMatchObject({ status: 'disabled' })
    await expect(spend(disabled.id, 1n)).rejects.toMatchObject({ code: 'gift_card_invalid' })
    await expect(find(disabled.code)).rejects.toMatchObject({ code: 'gift_card_invalid' })
    expect(await find(expired.code)).toMatchObject({ status: 'active' })
    await expect(find(expired.code, expiresAt)).rejects.toMatchObject({ code: 'gift_card_invalid' })
    expect(await read(expired.id, expiresAt)).toMatchObject({ status: 'expired', balance: 1_000n })
  })

  it('are not issued for nothing, for too much, or in another currency', async () => {
    await expect(issue({ amount: eur(0n) })).rejects.toMatchObject({ code: 'amount_out_of_range' })
    await expect(issue({ amount: eur(1_000_000_000_000n), count: 2 })).rejects.toMatchObject({ code: 'amount_out_of_range' })
    await expect(issue({ amount: { amount: 1n, currency: 'USD' } })).rejects.toMatchObject({ code: 'currency_mismatch' })
  })

  it('come five hundred at a time', async () => {
    expect((await issue({ count: 500 })).cards).toHaveLength(500)
  })
})

describe('store credit', () => {
  it('is granted and withdrawn, with a word in the log, and never falls below nothing', async () => {
    const customerId = await newCustomer()
    expect(await change(customerId, 500n)).toEqual(eur(500n))
    expect(await change(customerId, -200n)).toEqual(eur(300n))
    await expect(change(customerId, -301n)).rejects.toMatchObject({ code: 'insufficient_credit' })
    await expect(change(customerId, 0n)).rejects.toMatchObject({ code: 'amount_out_of_range' })
    await expect(change(customerId, 1n, 'USD')).rejects.toMatchObject({ code: 'currency_mismatch' })
    await expect(change(newId(), 1n)).rejects.toMatchObject({ code: 'not_found' })
    expect(await merchant.inMerchant.read((tx) => storeCreditOf(tx, customerId))).toEqual([eur(300n)])
    const [log] = await merchant.inMerchant.read(
      (tx) => tx.sql`
      select count(*)::int as entries, max(reason) as reason from audit_entry where merchant_id = ${tx.merchantId} and target_id = ${customerId}
        and action = 'store_credit.changed'`,
    )
    expect(log).toEqual({ entries: 2, reason: 'sorry' })
  })

  it('is spent by ten of thirty buyers at once', async () => {
    const customerId = await newCustomer()
    await change(customerId, 1_050n)
    const tries = Array.from({ length: 30 }, () => merchant.inMerchant((tx) => spendStoreCredit(tx, { customerId, ...spending(100n) })))
    expect(await outcomes(tries)).toEqual({ ok: 10, insufficient_credit: 20 })
    expect(await creditOf(customerId)).toBe(50n)
  })

  it('is never below nothing, at no moment of any history', async () => {
    const step = fc.record({ what: fc.constantFrom('grant', 'withdraw', 'spend', 'back'), amount: fc.bigInt(1n, 300n) })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const customerId = await newCustomer()
        const spent: { paymentId: string; amount: bigint }[] = []
        let expected = 0n
        for (const { what, amount } of steps) {
          const paymentId = newId()
          const last = what === 'back' ? spent.pop() : undefined
          const work = {
            grant: () => change(customerId, amount),
            withdraw: () => change(customerId, -amount),
            spend: () => merchant.inMerchant((tx) => spendStoreCredit(tx, { customerId, ...spending(amount, paymentId) })),
            back: () => merchant.inMerchant((tx) => giveBack(tx, { paymentId: last?.paymentId ?? newId(), ...by })),
          }[what]!
          const difference = what === 'grant' ? amount : what === 'back' ? (last?.amount ?? 0n) : -amount
          const counts = await outcomes([work()])
          expect(counts).toEqual(expected + difference >= 0n ? { ok: 1 } : { insufficient_credit: 1 })
          if (counts.ok) expected += difference
          if (counts.ok && what === 'spend') spent.push({ paymentId, amount })
        }
        const [worst] = await merchant.inMerchant.read(
          (tx) => tx.sql`
          select coalesce(min(held), 0)::bigint as least, coalesce(bool_and(held = balance_after), true) as told
          from (select balance_after, -sum(amount) over (order by sequence) as held from ledger_entry
            where merchant_id = ${tx.merchantId} and account = ${storeCredit(customerId).code}) history`,
        )
        expect(worst!.least).toBeGreaterThanOrEqual(0n)
        expect(worst!.told).toBe(true)
        expect(await creditOf(customerId)).toBe(expected)
      }),
      { numRuns: 25 },
    )
  })
})
