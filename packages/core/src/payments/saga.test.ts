import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expireReservations } from '../stock/end-reservations.ts'
import { fillCart, outcomes } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import {
  addPayingShop,
  eventsOf,
  letTimePass,
  operationsOf,
  type PayingShop,
  payCart,
  paymentsOf,
  readOrder,
  runJobs,
  STAFF,
} from '../testing/paying-shop.ts'
import { capturePayment, voidPayment } from './change-payment.ts'
import { expireOrder } from './expire-order.ts'
import { requestOperation } from './request-operation.ts'
import { resolveReview } from './resolve-review.ts'
import { settleOperation } from './settle-operation.ts'
import { settlePayment } from './settle-payment.ts'

let shop: TestShop
let seller: PayingShop
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 30_000 })
})
beforeEach(() => sell())
afterEach(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
})
afterAll(() => shop.close())

async function sell(given: Parameters<typeof addPayingShop>[1] = {}, onHand = 10n): Promise<void> {
  seller = await addPayingShop(shop, given)
  goods = await addGoods(seller, { price: 1_000n, onHand })
}

const by = () => ({ actor: STAFF, now: new Date() })
const eur = (amount: bigint) => ({ amount, currency: 'EUR' })
const buy = async (given: Parameters<typeof payCart>[2] = {}) => payCart(seller, (await fillCart(seller, [{ goods }])).id, given)
const settle = (paymentId: string) => settlePayment(seller.inMerchant, seller.payments, { paymentId }, by())
const expire = (orderId: string) => expireOrder(seller.inMerchant, seller.payments, { orderId }, by())
const perform = (operationId: string) => settleOperation(seller.inMerchant, seller.payments, { operationId }, by())
const count = async (orderId: string, type: string) => (await eventsOf(seller, orderId)).filter((told) => told === type).length

async function levels() {
  const [row] = await seller.inMerchant.read(
    (tx) => tx.sql`
      select on_hand - reserved - allocated as free from stock_level
      where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId}`,
  )
  return row!.free as bigint
}

describe('settling', () => {
  it('thirty times at once confirms and captures once', async () => {
    const { id, payment_id: paymentId } = await buy({ token: 'action' })
    seller.fake.confirm(paymentId)
    expect(await outcomes(Array.from({ length: 30 }, () => settle(paymentId)))).toEqual({ ok: 30 })
    expect(await eventsOf(seller, id)).toEqual([
      ...['order.submitted', 'payment.action_required', 'payment.authorized', 'order.placed', 'payment.captured'],
    ])
    const journals = await seller.inMerchant.read(
      (tx) => tx.sql`select key from journal where merchant_id = ${tx.merchantId} and order_id = ${id}`,
    )
    expect(journals).toHaveLength(1)
  })

  it('asks what became of a lost answer, and never charges again', async () => {
    seller.fake.failing('authorize', 'drop')
    const { id } = await buy()
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'paid' })
    expect(seller.fake.calls).toEqual(['authorize', 'find'])
    expect(seller.fake.payments.size).toBe(1)
  })

  it('asks for the money again when the provider has never heard of it', async () => {
    seller.fake.failing('authorize', 'lose')
    const { id } = await buy()
    await runJobs(seller, 1)
    expect(seller.fake.calls).toEqual(['authorize', 'find', 'authorize'])
    expect(await readOrder(seller, id)).toMatchObject({ status: 'paid' })
  })

  it('leaves a provider alone that fails, and tries with one call', async () => {
    seller.fake.failing('authorize', ...Array.from({ length: 20 }, () => 'lose' as const))
    const answers = await Promise.all(Array.from({ length: 8 }, () => buy()))
    expect(answers.every(({ statusCode }) => statusCode === 202)).toBe(true)
    const calls = seller.fake.calls.length
    expect(await buy()).toMatchObject({ statusCode: 202, payment: 'pending' })
    expect(seller.fake.calls.length).toBe(calls)
    seller.payments.breakers.of(seller.merchant.id, 'fake').record('ok', 0)
  })

  it('keeps a payment where it is, whatever is heard late', async () => {
    const { id, payment_id: paymentId } = await buy()
    seller.fake.confirm(paymentId, 'declined')
    await settle(paymentId)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'paid' })
  })
})

describe('an order whose time is over', () => {
  it('is cancelled, its goods are free, its cart is open, and the buyer cannot pay any more', async () => {
    const { id, payment_id: paymentId } = await buy({ token: 'action' })
    expect(await levels()).toBe(9n)
    await expire(id)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'pending' })
    await letTimePass(seller, id)
    await expire(id)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'cancelled', payments: [{ status: 'failed' }] })
    expect(await levels()).toBe(10n)
    await runJobs(seller)
    expect(seller.fake.payments.get(paymentId)).toMatchObject({ state: 'voided' })
    expect((await operationsOf(seller, id)).map(({ kind, status }) => [kind, status])).toEqual([
      ['authorize', 'failed'],
      ['void', 'succeeded'],
    ])
    const [cart] = await seller.inMerchant.read(
      (tx) => tx.sql`select id from cart where merchant_id = ${tx.merchantId} and status = 'open'`,
    )
    expect(await payCart(seller, cart!.id as string)).toMatchObject({ statusCode: 201 })
  })

  it('is paid when the provider says so at the last moment', async () => {
    const { id, payment_id: paymentId } = await buy({ token: 'action' })
    await letTimePass(seller, id)
    seller.fake.confirm(paymentId)
    await expire(id)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'paid' })
    expect(await levels()).toBe(9n)
  })

  it('gives the money back that arrives after it was cancelled', async () => {
    const { id, payment_id: paymentId } = await buy({ token: 'processing' })
    await letTimePass(seller, id)
    await seller.inMerchant(
      (tx) => tx.sql`update payment set created_at = now() - interval '2 days' where merchant_id = ${tx.merchantId} and order_id = ${id}`,
    )
    await expire(id)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'cancelled' })
    seller.fake.confirm(paymentId)
    await runJobs(seller)
    expect(seller.fake.net).toBe(0n)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'cancelled', paymentStatus: 'refunded' })
    expect((await eventsOf(seller, id)).slice(-4)).toEqual(['order.cancelled', 'payment.authorized', 'payment.captured', 'refund.issued'])
  })

  it('lets go of an authorization that arrives after it was cancelled', async () => {
    await sell({ capture: 'later' })
    const { id, payment_id: paymentId } = await buy({ token: 'action' })
    seller.fake.refusing('void', 'busy')
    await letTimePass(seller, id)
    await expire(id)
    seller.fake.confirm(paymentId)
    seller.fake.refusing('void', undefined)
    await runJobs(seller)
    expect(seller.fake.payments.get(paymentId)).toMatchObject({ state: 'voided', captured: 0n })
    expect(await readOrder(seller, id)).toMatchObject({ status: 'cancelled', paymentStatus: 'voided', authorizedTotal: 0n })
  })

  it('waits without its goods while its provider does not answer', async () => {
    seller.fake.failing('authorize', 'drop')
    const { id } = await buy()
    seller.fake.failing('find', 'lose')
    await letTimePass(seller, id)
    await expire(id)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'pending' })
    expect(await levels()).toBe(10n)
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'paid' })
    expect(await levels()).toBe(9n)
  })

  it('is either paid or cancelled when both happen at once, and never both', async () => {
    const waiting = await Promise.all(Array.from({ length: 8 }, () => buy({ token: 'action' })))
    for (const { id } of waiting) await letTimePass(seller, id)
    await Promise.all(
      waiting.flatMap(({ id, payment_id: paymentId }) => {
        seller.fake.confirm(paymentId)
        return [expire(id), settle(paymentId), expire(id)]
      }),
    )
    await runJobs(seller)
    const orders = await Promise.all(waiting.map(({ id }) => readOrder(seller, id)))
    const paid = orders.filter(({ status }) => status === 'paid')
    expect(orders.every(({ status }) => status === 'paid' || status === 'cancelled')).toBe(true)
    expect(seller.fake.net).toBe(paid.reduce((sum, { total }) => sum + total, 0n))
    expect(await levels()).toBe(10n - BigInt(paid.length))
  })
})

describe('goods that are gone when the money is there', () => {
  it.each(['now', 'later'] as const)('cancel the order and give the money back: taken %s', async (capture) => {
    await sell({ capture }, 1n)
    const { id, payment_id: paymentId } = await buy({ token: 'action' })
    await letTimePass(seller, id)
    const other = await payCart(seller, await cartAfterExpiry(id))
    expect(other).toMatchObject({ statusCode: 201 })
    seller.fake.confirm(paymentId)
    await settle(paymentId)
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'cancelled', cancelReason: 'Something in it could not be had any more.' })
    const { captured, refunded, state } = seller.fake.payments.get(paymentId)!
    expect(captured - refunded).toBe(0n)
    expect(state).toBe(capture === 'now' ? 'authorized' : 'voided')
    expect(await count(id, 'order.placed')).toBe(0)
  })

  /** Somebody else's cart, once nothing is kept for the order any more. */
  async function cartAfterExpiry(orderId: string): Promise<string> {
    await seller.inMerchant((tx) => expireReservations(tx, { orderId }, by()))
    return (await fillCart(seller, [{ goods }])).id
  }
})

describe('captures', () => {
  async function authorized() {
    await sell({ capture: 'later' })
    return buy()
  }
  const capture = (paymentId: string, amount: bigint, final = false) =>
    seller.inMerchant((tx) => capturePayment(tx, { paymentId, amount: eur(amount), final }, by()))

  it('in parts come to what was authorized, and the last one lets go of the rest', async () => {
    const { id, payment_id: paymentId } = await authorized()
    await capture(paymentId, 400n)
    await capture(paymentId, 500n, true)
    await runJobs(seller)
    expect(await paymentsOf(seller, id)).toMatchObject([{ status: 'captured', authorizedAmount: 900n, capturedAmount: 900n }])
    expect(await readOrder(seller, id)).toMatchObject({ paymentStatus: 'part_paid', capturedTotal: 900n, authorizedTotal: 900n })
    expect((await eventsOf(seller, id)).slice(-3)).toEqual(['payment.captured', 'payment.captured', 'payment.voided'])
  })

  it('raced take no more than is authorized', async () => {
    const { payment_id: paymentId } = await authorized()
    const counts = await outcomes(Array.from({ length: 20 }, () => capture(paymentId, 400n)))
    expect(counts).toEqual({ ok: 3, capture_exceeds_authorization: 17 })
    await runJobs(seller)
    expect(seller.fake.net).toBe(1_200n)
  })

  it('that are refused for good leave the rest to be taken', async () => {
    const { id, payment_id: paymentId } = await authorized()
    seller.fake.refusing('capture', 'limit')
    await capture(paymentId, 400n)
    await runJobs(seller)
    seller.fake.refusing('capture', undefined)
    expect((await operationsOf(seller, id)).at(-1)).toMatchObject({ kind: 'capture', status: 'failed', failure: { code: 'limit' } })
    await capture(paymentId, 1_490n)
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'paid' })
  })

  it('and voids exclude each other', async () => {
    const { id, payment_id: paymentId } = await authorized()
    await capture(paymentId, 400n)
    const letGo = () => seller.inMerchant((tx) => voidPayment(tx, { paymentId }, by()))
    await expect(letGo()).rejects.toMatchObject({ code: 'invalid_state' })
    await runJobs(seller)
    await letGo()
    await expect(capture(paymentId, 1n)).rejects.toMatchObject({ code: 'invalid_state' })
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ authorizedTotal: 400n, capturedTotal: 400n })
  })

  it('find nothing when the authorization has lapsed, which a callback tells, whatever is being asked then', async () => {
    const { id, payment_id: paymentId } = await authorized()
    seller.fake.payments.get(paymentId)!.state = 'voided'
    const { operationId } = await seller.inMerchant((tx) => requestOperation(tx, { paymentId, kind: 'capture', amount: 100n, ...by() }))
    await settle(paymentId)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'placed', paymentStatus: 'authorized' })
    await perform(operationId)
    await Promise.all([settle(paymentId), settle(paymentId)])
    expect(await readOrder(seller, id)).toMatchObject({ status: 'placed', paymentStatus: 'voided' })
    expect((await paymentsOf(seller, id))[0]).toMatchObject({ status: 'voided', authorizedAmount: 0n })
    expect(await count(id, 'payment.voided')).toBe(1)
  })

  it('whose answer is lost are made once', async () => {
    const { id, payment_id: paymentId } = await authorized()
    const { operationId } = await capture(paymentId, 400n)
    seller.fake.failing('capture', 'drop')
    expect(await perform(operationId!)).toMatchObject({ status: 'pending', failure: { code: 'unknown' } })
    await Promise.all(Array.from({ length: 10 }, () => perform(operationId!)))
    expect(await count(id, 'payment.captured')).toBe(1)
    expect(seller.fake.net).toBe(400n)
  })

  it('that the provider made without being asked are found when it refuses to void', async () => {
    const { id, payment_id: paymentId } = await authorized()
    const payment = seller.fake.payments.get(paymentId)!
    payment.captured = payment.amount
    await seller.inMerchant((tx) => voidPayment(tx, { paymentId }, by()))
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'paid', capturedTotal: 1_490n })
  })
})

describe('refunds', () => {
  it('raced give back no more than was taken, and are booked once', async () => {
    const { id, payment_id: paymentId } = await buy()
    const refund = () => seller.inMerchant((tx) => requestOperation(tx, { paymentId, kind: 'refund', amount: 1_000n, ...by() }))
    expect(await outcomes(Array.from({ length: 10 }, refund))).toEqual({ ok: 1, refund_exceeds_capture: 9 })
    seller.fake.failing('refund', 'drop')
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ paymentStatus: 'part_refunded', refundedTotal: 1_000n })
    expect(seller.fake.net).toBe(490n)
  })

  it('that are refused can be asked for again', async () => {
    const { id, payment_id: paymentId } = await buy()
    const refund = () => seller.inMerchant((tx) => requestOperation(tx, { paymentId, kind: 'refund', amount: 1_490n, ...by() }))
    seller.fake.refusing('refund', 'balance_too_low')
    await refund()
    await runJobs(seller)
    seller.fake.refusing('refund', undefined)
    expect(await readOrder(seller, id)).toMatchObject({ refundedTotal: 0n })
    await refund()
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ paymentStatus: 'refunded' })
  })
})

describe('a payment that is held for review', () => {
  const decide = (paymentId: string, decision: 'accept' | 'reject') =>
    seller.inMerchant((tx) => resolveReview(tx, { paymentId, decision, reason: 'looked at' }, by()))

  it('does not expire, and confirms the order when it is accepted', async () => {
    const { id, payment_id: paymentId } = await buy({ token: 'lie_amount' })
    await letTimePass(seller, id)
    await expire(id)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'pending', paymentStatus: 'review' })
    expect(await outcomes([decide(paymentId, 'accept'), decide(paymentId, 'accept')])).toEqual({ ok: 1, invalid_state: 1 })
    expect(await readOrder(seller, id)).toMatchObject({ status: 'placed', paymentStatus: 'part_paid', capturedTotal: 1_489n })
  })

  it.each(['lie_amount', 'lie_currency'])('is given back when it is rejected, and the order with it: %s', async (token) => {
    const { id, payment_id: paymentId } = await buy({ token })
    if (token === 'lie_currency') await expect(decide(paymentId, 'accept')).rejects.toMatchObject({ code: 'currency_mismatch' })
    await decide(paymentId, 'reject')
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'cancelled', capturedTotal: 0n })
    expect(seller.fake.net).toBe(0n)
    expect(await levels()).toBe(10n)
  })
})
