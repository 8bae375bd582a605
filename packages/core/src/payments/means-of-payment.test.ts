import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { payOrder } from '../checkout/pay-order.ts'
import { createCustomer } from '../customers/change-customers.ts'
import { issueGiftCards } from '../gift-cards/issue-gift-cards.ts'
import { changeStoreCredit } from '../gift-cards/store-credit.ts'
import { fillCart, outcomes } from '../testing/buying.ts'
import { signCallback } from '../testing/fake-provider.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import {
  addPayingShop,
  answerOrder,
  eventsOf,
  letTimePass,
  type PayingShop,
  payCart,
  paymentsOf,
  readAnswer,
  readOrder,
  runJobs,
  STAFF,
} from '../testing/paying-shop.ts'
import { processCallback, receiveCallback } from './callbacks.ts'
import { listDisputes } from './disputes.ts'
import { expireOrder } from './expire-order.ts'
import type { PaymentWish } from './payment-wish.ts'
import { listSavedMethods, removeSavedMethod } from './saved-methods.ts'
import { settlePayment } from './settle-payment.ts'

let shop: TestShop
let seller: PayingShop
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 30_000 })
})
beforeEach(async () => {
  seller = await addPayingShop(shop)
  goods = await addGoods(seller, { price: 1_000n, onHand: 100n })
})
afterEach(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
})
afterAll(() => shop.close())

const by = () => ({ actor: STAFF, now: new Date() })
const cart = async (customerId?: string) => (await fillCart(seller, [{ goods }], customerId === undefined ? {} : { customerId })).id
const customer = async () => (await seller.inMerchant((tx) => createCustomer(tx, { email: 'ada@buyer.example' }, by()))).id

let keys = 0
const payAgain = async (orderId: string, wish: PaymentWish, key = `again-${++keys}`) =>
  readAnswer(
    await payOrder(seller.shop as Required<typeof seller.shop>, {
      ...{ orderId, wish, answer: answerOrder, by: { actor: { kind: 'buyer' }, now: new Date() } },
      idempotency: { route: 'POST /v1/orders/:order_id/payments', key, fingerprint: 'same' },
    }),
  )

async function card(amount: bigint): Promise<string> {
  const wanted = { amount: { amount, currency: 'EUR' }, count: 1, expiresAt: null, note: '', ...by() }
  const { cards } = await seller.inMerchant((tx) => issueGiftCards(tx, shop.keys, wanted))
  return cards[0]!.code
}

describe('another attempt', () => {
  it('pays an order whose first one was declined, once', async () => {
    const { id } = await payCart(seller, await cart(), { token: 'declined' })
    const attempts = Array.from({ length: 10 }, () => payAgain(id, { provider: 'fake', token: 'ok' }))
    expect(await outcomes(attempts)).toEqual({ ok: 1, invalid_state: 9 })
    expect(await readOrder(seller, id)).toMatchObject({ status: 'paid', payments: [{ status: 'failed' }, { status: 'captured' }] })
    expect(seller.fake.net).toBe(1_490n)
  })

  it('pays through a provider what was to come by hand, which is not waited for any more', async () => {
    const { id } = await payCart(seller, await cart(), { payment: undefined, paymentMethod: 'invoice' })
    expect(await payAgain(id, { provider: 'fake', token: 'ok' })).toMatchObject({ statusCode: 201, status: 'paid' })
    const payments = await paymentsOf(seller, id)
    expect(payments.map(({ provider, status }) => `${provider} ${status}`).sort()).toEqual(['fake captured', 'manual voided'])
  })

  it('is answered the same again to the same key', async () => {
    const { id } = await payCart(seller, await cart(), { token: 'declined' })
    const first = await payAgain(id, { provider: 'fake', token: 'declined' }, 'twice')
    expect(first).toMatchObject({ statusCode: 402 })
    expect(await payAgain(id, { provider: 'fake', token: 'declined' }, 'twice')).toEqual({ ...first, replayed: true })
    expect(seller.fake.payments.size).toBe(2)
  })

  it('has the goods kept anew, if they are there', async () => {
    goods = await addGoods(seller, { onHand: 1n })
    const { id } = await payCart(seller, await cart(), { token: 'declined' })
    await letTimePass(seller, id)
    expect(await payAgain(id, { provider: 'fake', token: 'declined' })).toMatchObject({ statusCode: 402, status: 'pending' })
    await expireOrder(seller.inMerchant, seller.payments, { orderId: id }, by())
    expect(await readOrder(seller, id)).toMatchObject({ status: 'pending' })
  })

  it('is given back when the one before goes through after all', async () => {
    const first = await payCart(seller, await cart(), { token: 'declined' })
    const second = await payAgain(first.id, { provider: 'fake', token: 'action' })
    seller.fake.confirm(first.payment_id)
    await settlePayment(seller.inMerchant, seller.payments, { paymentId: first.payment_id }, by())
    expect(await readOrder(seller, first.id)).toMatchObject({ status: 'paid' })
    seller.fake.confirm(second.payment_id)
    await runJobs(seller)
    expect(await readOrder(seller, first.id)).toMatchObject({ status: 'paid', capturedTotal: 2_980n, refundedTotal: 1_490n })
    expect(seller.fake.net).toBe(1_490n)
  })
})

describe('methods that a customer keeps', () => {
  it('pay later orders, with nobody there, and no other customer’s', async () => {
    const customerId = await customer()
    await payCart(seller, await cart(customerId), { payment: { provider: 'fake', token: 'ok', save: true } })
    const [method] = await seller.inMerchant.read((tx) => listSavedMethods(tx, customerId))
    expect(method).toMatchObject({ provider: 'fake', brand: 'visa', last4: '4242' })
    const again = await payCart(seller, await cart(customerId), { payment: { provider: 'fake', savedMethodId: method!.id } })
    expect(again).toMatchObject({ statusCode: 201 })
    expect(seller.fake.payments.get(again.payment_id)).toMatchObject({ method: 'saved_1', offSession: false })
    const declined = await payCart(seller, await cart(customerId), { token: 'declined' })
    const charged = await payAgain(declined.id, { provider: 'fake', savedMethodId: method!.id, offSession: true })
    expect(charged).toMatchObject({ statusCode: 201 })
    expect(seller.fake.payments.get(charged.payment_id)).toMatchObject({ offSession: true })
    const guest = await payCart(seller, await cart(), { token: 'declined' })
    const wish = { provider: 'fake', savedMethodId: method!.id, offSession: true }
    await expect(payAgain(guest.id, wish)).rejects.toMatchObject({ code: 'payment_method_unusable' })
    await seller.inMerchant((tx) => removeSavedMethod(tx, { customerId, methodId: method!.id }))
    await expect(payAgain(guest.id, wish)).rejects.toMatchObject({ code: 'payment_method_unusable' })
  })
})

describe('gift cards and store credit', () => {
  it('pay first, and the provider what is left', async () => {
    const customerId = await customer()
    await seller.inMerchant((tx) => changeStoreCredit(tx, { customerId, change: { amount: 200n, currency: 'EUR' }, reason: '', ...by() }))
    const answer = await payCart(seller, await cart(customerId), { giftCards: [await card(300n)], useStoreCredit: true })
    expect(answer).toMatchObject({ statusCode: 201, status: 'paid' })
    const payments = await paymentsOf(seller, answer.id)
    expect(payments.map(({ provider, capturedAmount }) => `${provider} ${capturedAmount}`).sort()).toEqual([
      ...['fake 990', 'gift_card 300', 'store_credit 200'],
    ])
  })

  it('pay all of it, and nobody is asked', async () => {
    const answer = await payCart(seller, await cart(), { payment: undefined, giftCards: [await card(5_000n)] })
    expect(answer).toMatchObject({ statusCode: 201, status: 'paid' })
    expect(seller.fake.calls).toEqual([])
    expect(await eventsOf(seller, answer.id)).toEqual(['order.placed', 'payment.authorized', 'payment.captured'])
  })

  it('pay first, and the rest by hand', async () => {
    const answer = await payCart(seller, await cart(), { payment: undefined, paymentMethod: 'invoice', giftCards: [await card(490n)] })
    expect(await readOrder(seller, answer.id)).toMatchObject({ status: 'placed', paymentStatus: 'part_paid', capturedTotal: 490n })
    const payments = await paymentsOf(seller, answer.id)
    expect(payments.map(({ status, amount }) => `${status} ${amount}`).sort()).toEqual(['captured 490', 'pending 1000'])
  })

  it('are there again when the order comes to nothing', async () => {
    const code = await card(300n)
    const { id } = await payCart(seller, await cart(), { token: 'declined', giftCards: [code] })
    await letTimePass(seller, id)
    await expireOrder(seller.inMerchant, seller.payments, { orderId: id }, by())
    expect(await readOrder(seller, id)).toMatchObject({ status: 'cancelled', capturedTotal: 300n, refundedTotal: 300n })
    const answer = await payCart(seller, await cart(), { giftCards: [code] })
    const payments = await paymentsOf(seller, answer.id)
    expect(payments.find(({ provider }) => provider === 'gift_card')).toMatchObject({ capturedAmount: 300n })
  })

  it('are spent once, however many carts name them', async () => {
    const code = await card(1_490n)
    const carts = await Promise.all(Array.from({ length: 10 }, () => cart()))
    const counts = await outcomes(carts.map((id) => payCart(seller, id, { payment: undefined, giftCards: [code] })))
    expect(counts.ok).toBe(1)
    expect((counts.insufficient_credit ?? 0) + (counts.payment_method_unusable ?? 0)).toBe(9)
  })
})

describe('callbacks', () => {
  const receive = async (notice: object) => {
    const rawBody = JSON.stringify({ kind: 'payment', paymentId: null, reference: null, ...notice })
    const headers = { 'fake-signature': signCallback('whsec_test', rawBody) }
    await receiveCallback(seller.inMerchant, seller.payments, { provider: 'fake', headers, rawBody }, new Date())
    return waiting()
  }
  const waiting = async () =>
    (await seller.inMerchant.read(
      (tx) => tx.sql<{ id: string }[]>`
        select id from payment_callback where merchant_id = ${tx.merchantId} and processed_at is null order by received_at`,
    )) as { id: string }[]
  const process = async () => {
    for (const { id } of await waiting()) await processCallback(seller.inMerchant, seller.payments, { callbackId: id }, by())
  }

  it('wake a payment: by our id or the provider’s, doubled and in any order', async () => {
    for (const name of ['paymentId', 'reference']) {
      const { id, payment_id: paymentId } = await payCart(seller, await cart(), { token: 'action' })
      seller.fake.confirm(paymentId)
      const notice = name === 'paymentId' ? { paymentId } : { reference: `pay_${paymentId}` }
      expect(await receive({ eventId: `evt-${name}`, ...notice })).toHaveLength(1)
      expect(await receive({ eventId: `evt-${name}`, ...notice })).toHaveLength(1)
      await process()
      await process()
      expect(await readOrder(seller, id)).toMatchObject({ status: 'paid' })
    }
  })

  it('of payments that are not ours change nothing', async () => {
    await receive({ eventId: 'evt-x', paymentId: 'not an id', reference: 'pay_of_somebody' })
    await process()
    expect(await waiting()).toEqual([])
  })

  it('open and decide a dispute once, in whatever order they come', async () => {
    const { id, payment_id: paymentId } = await payCart(seller, await cart())
    const dispute = (eventId: string, status: string) =>
      receive({
        ...{ eventId, kind: 'dispute', paymentId },
        dispute: { reference: 'dp_1', status, amount: '1490', currency: 'EUR', reason: 'fraudulent' },
      })
    await dispute('evt-lost', 'lost')
    await process()
    await dispute('evt-opened', 'opened')
    await dispute('evt-lost-again', 'lost')
    await process()
    expect(await seller.inMerchant.read((tx) => listDisputes(tx, { status: undefined, limit: 10 }))).toMatchObject([
      { status: 'lost', amount: 1_490n, orderId: id },
    ])
    expect((await eventsOf(seller, id)).filter((type) => type === 'payment.disputed')).toHaveLength(2)
    const keptBack = () =>
      seller.inMerchant.read(
        (tx) => tx.sql`
          select account, sum(amount)::int as sum from ledger_entry where merchant_id = ${tx.merchantId} and account like 'dispute%'
          group by account having sum(amount) <> 0`,
      )
    expect(await keptBack()).toMatchObject([{ sum: 1_490 }])
    for (const eventId of ['evt-appeal', 'evt-appeal-again']) await dispute(eventId, 'won')
    await process()
    expect(await seller.inMerchant.read((tx) => listDisputes(tx, { status: 'won', limit: 10 }))).toHaveLength(1)
    expect((await eventsOf(seller, id)).filter((type) => type === 'payment.disputed')).toHaveLength(3)
    expect(await keptBack()).toEqual([])
  })
})
