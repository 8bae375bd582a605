import { randomBytes } from 'node:crypto'
import { issueGiftCards } from '@souk/core/gift-cards/issue-gift-cards.ts'
import { newId } from '@souk/core/ids.ts'
import { trialBalance } from '@souk/core/ledger/trial-balance.ts'
import { openAccount, type SealedAccount, saveAccount, sealedAccountQuery } from '@souk/core/payments/accounts.ts'
import { PAYMENT_SECRETS_PURPOSE, PaymentBreakers } from '@souk/core/payments/call-provider.ts'
import { reconcile, requestReconciliation } from '@souk/core/reconciliation/reconcile.ts'
import { type Reconciliation, reconciliationById } from '@souk/core/reconciliation/reconciliation.ts'
import { refundOrder } from '@souk/core/refunds/refund-order.ts'
import { SecretBox } from '@souk/core/secret-box.ts'
import { fillCart, outcomes } from '@souk/core/testing/buying.ts'
import { FakeProvider } from '@souk/core/testing/fake-provider.ts'
import { addGoods, type Goods } from '@souk/core/testing/goods.ts'
import { createTestShop, type TestShop } from '@souk/core/testing/merchant.ts'
import { type PayingShop, payCart, paymentsOf, readOrder, runJobs, STAFF } from '@souk/core/testing/paying-shop.ts'
import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { SandboxProvider } from '@souk/payment-providers/sandbox/sandbox-provider.ts'
import { SandboxPsp } from '@souk/sandbox-psp/start-sandbox-psp.ts'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

// Orders, payments, refunds and the books of a shop against a provider that is a process with a journal of its own.

let psp: SandboxPsp
let shop: TestShop
let seller: PayingShop
let accountId: string
let goods: Goods

const provider = () => new SandboxProvider([psp.url])
const by = () => ({ actor: STAFF, now: new Date() })

beforeAll(async () => {
  psp = await SandboxPsp.start()
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 60_000 })
})
beforeEach(async () => {
  const merchant = await shop.addMerchant()
  const secretBox = new SecretBox({ keys: [{ kid: 'k', secret: randomBytes(32) }] }, PAYMENT_SECRETS_PURPOSE)
  const payments = { providers: new Map([['sandbox', provider()]]), secretBox, breakers: new PaymentBreakers(), callTimeoutMs: 10_000 }
  const opened = await psp.control.openAccount({ name: 'Shop' })
  accountId = opened.id
  const secrets = { api_key: opened.api_key, callback_secret: opened.callback_secret }
  await merchant.inMerchant((tx) => saveAccount(tx, payments, { provider: 'sandbox', enabled: true, secrets }, by()))
  const selling = { inMerchant: merchant.inMerchant, payments, giftCardKeys: shop.keys }
  seller = { ...merchant, fake: new FakeProvider(), payments, shop: selling }
  goods = await addGoods(seller, { price: 1_000n, onHand: 1_000n })
})
afterAll(async () => {
  await shop.close()
  await psp.close()
})

async function buy(giftCards: string[] = []): Promise<string> {
  const cart = await fillCart(seller, [{ goods, quantity: 2n }])
  const { id, status } = await payCart(seller, cart.id, { payment: { provider: 'sandbox', token: 'tok_ok' }, giftCards })
  expect(status).toBe('paid')
  return id
}

const refund = (orderId: string, amount: bigint | 'rest') =>
  seller.inMerchant((tx) => refundOrder(tx, { orderId, lines: [], shipping: 0n, amount, to: 'original', reason: '', ...by() }))

async function reconciled(): Promise<Reconciliation> {
  const now = new Date()
  const period = { from: new Date(now.getTime() - 3_600_000), until: new Date(now.getTime() + 3_600_000) }
  const deps = { statements: new Map([['sandbox', provider()]]), secretBox: seller.payments.secretBox }
  const { id } = await seller.inMerchant((tx) => requestReconciliation(tx, { provider: 'sandbox', ...period, ...by() }))
  await reconcile(seller.inMerchant, deps, { reconciliationId: id }, now)
  return seller.inMerchant.read((tx) => reconciliationById(tx, id))
}

/** What the provider holds for the merchant, by its own journal and by our books. */
async function held(): Promise<{ theirs: bigint; ours: bigint }> {
  const journal = await psp.control.journal({ account: accountId })
  const { lines, totals } = await seller.inMerchant.read((tx) => trialBalance(tx))
  expect(totals.map(({ balance }) => balance)).toEqual([0n])
  const clearing = lines.find(({ account }) => account === 'clearing:sandbox')
  return { theirs: journal.reduce((sum, { net }) => sum + BigInt(net), 0n), ours: clearing?.balance ?? 0n }
}

test('an order paid by gift card and provider, refunded in parts, leaves both books equal', async () => {
  const { cards } = await seller.inMerchant((tx) =>
    issueGiftCards(tx, shop.keys, { amount: { amount: 500n, currency: 'EUR' }, count: 1, expiresAt: null, note: '', ...by() }),
  )
  const orderId = await buy([cards[0]!.code])
  const { total } = await readOrder(seller, orderId)
  expect((await paymentsOf(seller, orderId)).map(({ provider, capturedAmount }) => [provider, capturedAmount]).sort()).toEqual([
    ['gift_card', 500n],
    ['sandbox', total - 500n],
  ])
  await refund(orderId, 700n)
  await runJobs(seller)
  expect(await readOrder(seller, orderId)).toMatchObject({ paymentStatus: 'part_refunded', refundedTotal: 700n })
  expect(await held()).toEqual({ theirs: total - 1_200n, ours: total - 1_200n })
  expect(await reconciled()).toMatchObject({ status: 'done', linesRead: 2n, differenceCount: 0n })
  await refund(orderId, 'rest')
  await runJobs(seller)
  expect(await readOrder(seller, orderId)).toMatchObject({ paymentStatus: 'refunded', refundedTotal: total })
  expect(await held()).toEqual({ theirs: 0n, ours: 0n })
  expect(await reconciled()).toMatchObject({ differenceCount: 0n })
})

test('a refund whose answers are lost, while many ask for it, is made once', async () => {
  const orderId = await buy()
  const { total } = await readOrder(seller, orderId)
  await psp.control.addScript({ account: accountId, on: ['refund'], times: 2, fault: { kind: 'drop', when: 'after' } })
  const tries = Array.from({ length: 10 }, () => refund(orderId, total))
  expect(await outcomes(tries)).toEqual({ ok: 1, refund_exceeds_capture: 9 })
  // What is under way is no difference yet.
  expect(await reconciled()).toMatchObject({ differenceCount: 0n })
  await expect
    .poll(
      async () => {
        await runJobs(seller, 1)
        return (await readOrder(seller, orderId)).paymentStatus
      },
      { timeout: 60_000 },
    )
    .toBe('refunded')
  expect(await held()).toEqual({ theirs: 0n, ours: 0n })
  const [payment] = await psp.control.journal({ account: accountId })
  expect(payment!.operations.map(({ kind }) => kind)).toEqual(['capture', 'refund'])
  expect(await reconciled()).toMatchObject({ differenceCount: 0n })
})

test('what somebody refunds at the provider behind our back is found, and told', async () => {
  const orderId = await buy()
  const [payment] = await paymentsOf(seller, orderId)
  const [account] = await seller.inMerchant.read((tx) => sealedAccountQuery(tx, 'sandbox'))
  const opened = openAccount(seller.payments.secretBox, seller.merchant.id, account as SealedAccount)
  const ask = { operationId: newId(), reference: payment!.providerReference!, amount: 300n, currency: 'EUR' }
  expect(await provider().refund(opened, ask, AbortSignal.timeout(10_000))).toMatchObject({ kind: 'refunded' })
  const report = await reconciled()
  expect(report).toMatchObject({ status: 'done', differenceCount: 1n })
  expect(report.differences).toMatchObject([
    { kind: 'missing_in_books', movement: 'refund', paymentId: payment!.id, ours: null, theirs: { amount: 300, currency: 'EUR' } },
  ])
})

test('all that must hold of stock, orders and money does', async () => {
  const orderId = await buy()
  await refund(orderId, 100n)
  await runJobs(seller)
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
})
