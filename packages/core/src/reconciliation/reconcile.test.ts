import { randomBytes } from 'node:crypto'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { cartOf, line, priceIn } from '../pricing/testing/shop.ts'
import { SecretBox } from '../secret-box.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPaidOrder } from '../testing/paid-orders.ts'
import { reconcile, requestDailyReconciliations, requestReconciliation } from './reconcile.ts'
import { listReconciliations, reconciliationById } from './reconciliation.ts'
import type { StatementLine } from './statement.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
})
beforeEach(async () => {
  merchant = await shop.addMerchant()
  await merchant.inMerchant(
    (tx) => tx.sql`insert into payment_account (merchant_id, provider) values (${tx.merchantId}, 'sandbox'), (${tx.merchantId}, 'stripe')`,
  )
})
afterEach(() => onCrashPoint(() => {}))
afterAll(() => shop.close())

const HOUR_MS = 3_600_000
const actor = { kind: 'staff', id: newId() } as const
const secretBox = new SecretBox({ keys: [{ kid: 'test', secret: randomBytes(32) }] }, 'test')

/** What the provider says; it was asked for `asked`. */
function provider(lines: () => StatementLine[]) {
  const asked: { from: Date; until: Date }[] = []
  const read = async (_account: unknown, period: { from: Date; until: Date }) => {
    asked.push(period)
    return lines()
  }
  return { asked, deps: { secretBox, statements: new Map([['sandbox', { read }]]) } }
}

const sold = () =>
  addPaidOrder(merchant, { priced: priceIn({}, cartOf([line('mug', 1_000)])), payments: [{ provider: 'sandbox', captured: 1_000n }] })
const lineOf = (paymentId: string, amount: bigint): StatementLine => ({
  kind: 'capture',
  paymentId,
  reference: `at-${paymentId}`,
  amount,
  currency: 'EUR',
  at: new Date(),
})
const ask = (name = 'sandbox') => {
  const now = new Date()
  const period = { from: new Date(now.getTime() - HOUR_MS), until: new Date(now.getTime() + HOUR_MS) }
  return merchant.inMerchant((tx) => requestReconciliation(tx, { provider: name, ...period, actor, now }))
}
const read = (id: string) => merchant.inMerchant.read((tx) => reconciliationById(tx, id))

describe('a reconciliation', () => {
  it('finds nothing where both books agree', async () => {
    const [one, two] = [await sold(), await sold()]
    const { asked, deps } = provider(() => [one, two].map(({ payments }) => lineOf(payments[0]!.id, 1_000n)))
    const { id, from, until } = await ask()
    await reconcile(merchant.inMerchant, deps, { reconciliationId: id }, new Date())
    expect(await read(id)).toMatchObject({ status: 'done', linesRead: 2n, differenceCount: 0n, differences: [] })
    expect(asked).toEqual([{ from: new Date(from.getTime() - 24 * HOUR_MS), until: new Date(until.getTime() + 24 * HOUR_MS) }])
  })

  it('tells what differs, in a report and an event', async () => {
    const [one, two] = [await sold(), await sold()]
    const [first, second] = [one.payments[0]!.id, two.payments[0]!.id]
    const { deps } = provider(() => [lineOf(first, 999n), lineOf(newId(), 1n)])
    const { id } = await ask()
    await reconcile(merchant.inMerchant, deps, { reconciliationId: id }, new Date())
    const report = await read(id)
    expect(report).toMatchObject({ status: 'done', differenceCount: 3n })
    expect(report.differences.map(({ kind }) => kind).sort()).toEqual(['amount_differs', 'missing_at_provider', 'unknown_payment'])
    expect(report.differences.find(({ kind }) => kind === 'amount_differs')).toMatchObject({
      paymentId: first,
      ours: { amount: 1_000, currency: 'EUR' },
      theirs: { amount: 999, currency: 'EUR' },
    })
    expect(report.differences.find(({ kind }) => kind === 'missing_at_provider')).toMatchObject({ paymentId: second, theirs: null })
    const [event] = await merchant.inMerchant.read(
      (tx) => tx.sql`select data from event where merchant_id = ${tx.merchantId} and type = 'reconciliation.finished'`,
    )
    expect(event!.data).toEqual({ reconciliation_id: id, provider: 'sandbox', status: 'done', difference_count: 3 })
  })

  it('waits for an operation that is under way', async () => {
    const order = await sold()
    const paymentId = order.payments[0]!.id
    await merchant.inMerchant(
      (tx) => tx.sql`
      insert into payment_operation (merchant_id, id, payment_id, order_id, kind, amount, currency, requested_by)
      values (${tx.merchantId}, ${newId()}, ${paymentId}, ${order.id}, 'refund', 1000, 'EUR', '{}')`,
    )
    const { deps } = provider(() => [lineOf(paymentId, 1_000n), { ...lineOf(paymentId, 1_000n), kind: 'refund' }])
    const { id } = await ask()
    await reconcile(merchant.inMerchant, deps, { reconciliationId: id }, new Date())
    expect(await read(id)).toMatchObject({ differenceCount: 0n })
  })

  it('is done again when the provider does not answer, or the worker is killed, and then once', async () => {
    const { payments } = await sold()
    let answers = false
    const { deps } = provider(() => {
      if (!answers) throw new Error('no answer')
      return [lineOf(payments[0]!.id, 1_000n)]
    })
    const { id } = await ask()
    const work = () => reconcile(merchant.inMerchant, deps, { reconciliationId: id }, new Date())
    await expect(work()).rejects.toThrow('no answer')
    answers = true
    onCrashPoint((point) => {
      if (point === 'reconciliation.read') throw new Error('killed')
    })
    await expect(work()).rejects.toThrow('killed')
    expect(await read(id)).toMatchObject({ status: 'queued' })
    onCrashPoint(() => {})
    await Promise.all([work(), work()])
    await work()
    expect(await read(id)).toMatchObject({ status: 'done', linesRead: 1n })
    const events = await merchant.inMerchant.read(
      (tx) => tx.sql`select id from event where merchant_id = ${tx.merchantId} and type = 'reconciliation.finished'`,
    )
    expect(events).toHaveLength(1)
  })

  it('is given up when the provider has not answered for a day', async () => {
    const { deps } = provider(() => {
      throw new Error('no answer')
    })
    const { id, requestedAt } = await ask()
    await reconcile(merchant.inMerchant, deps, { reconciliationId: id }, new Date(requestedAt.getTime() + 24 * HOUR_MS))
    expect(await read(id)).toMatchObject({ status: 'failed', failure: 'The provider has not answered for a day.' })
  })

  it('fails for good where nothing can be read, and is refused without an account', async () => {
    const { deps } = provider(() => [])
    const { id } = await ask('stripe')
    await reconcile(merchant.inMerchant, deps, { reconciliationId: id }, new Date())
    expect(await read(id)).toMatchObject({ status: 'failed', failure: 'The provider has no statement that could be read.' })
    await expect(ask('nobody')).rejects.toMatchObject({ code: 'payment_provider_unknown' })
    await expect(read(newId())).rejects.toMatchObject({ code: 'not_found' })
  })

  it('is asked for once a day of each provider with a statement and an account', async () => {
    const { deps } = provider(() => [])
    const now = new Date()
    const daily = (at: Date) => requestDailyReconciliations(merchant.inMerchant, deps, at)
    await daily(now)
    await daily(new Date(now.getTime() + HOUR_MS))
    await daily(new Date(now.getTime() + 24 * HOUR_MS))
    const { reconciliations, next } = await merchant.inMerchant.read((tx) => listReconciliations(tx, { limit: 10 }))
    expect(reconciliations.map(({ provider, status }) => [provider, status])).toEqual([
      ['sandbox', 'queued'],
      ['sandbox', 'queued'],
    ])
    expect(next).toBeNull()
  })
})
