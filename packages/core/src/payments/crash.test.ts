import { setTimeout as pause } from 'node:timers/promises'
import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { type CrashPoint, onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HELD_SECONDS } from '../idempotency/idempotency.ts'
import { fillCart } from '../testing/buying.ts'
import { signCallback } from '../testing/fake-provider.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import {
  addPayingShop,
  eventsOf,
  letKeysGo,
  letTimePass,
  type PayingShop,
  payCart,
  paymentsOf,
  readOrder,
  runJobs,
  STAFF,
} from '../testing/paying-shop.ts'
import { processCallback, receiveCallback } from './callbacks.ts'
import { capturePayment } from './change-payment.ts'
import { expireOrder } from './expire-order.ts'
import { settleOperation } from './settle-operation.ts'

let shop: TestShop
let seller: PayingShop
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 8, waitMs: 30_000 })
})
beforeEach(async () => {
  seller = await addPayingShop(shop)
  goods = await addGoods(seller, { price: 1_000n, onHand: 10n })
})
afterEach(async () => {
  onCrashPoint(() => {})
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
})
afterAll(() => shop.close())

/** Has the process die where it passes a point for the first time. */
function dieAt(point: CrashPoint): void {
  let dead = false
  onCrashPoint((passed) => {
    if (passed !== point || dead) return
    dead = true
    throw new Error(`died at ${point}`)
  })
}

const ordersOf = async () =>
  (await seller.inMerchant.read((tx) => tx.sql`select id, status from orders where merchant_id = ${tx.merchantId}`)) as unknown as {
    id: string
    status: string
  }[]
const cart = async () => (await fillCart(seller, [{ goods }])).id
const by = () => ({ actor: STAFF, now: new Date() })
const codeOf = (error: { code?: string }) => error.code

const PHASES: CrashPoint[] = [
  'checkout.before_claim',
  'checkout.claimed',
  'checkout.submitting',
  'checkout.submitted',
  'payment.before_provider',
  'payment.after_provider',
  'checkout.answering',
  'payment.settling',
  'payment.settled',
  'checkout.answered',
]

describe.each(PHASES)('a checkout that dies at %s', (point) => {
  it('is finished by whoever repeats it: one order, one charge, one answer', async () => {
    const cartId = await cart()
    dieAt(point)
    await expect(payCart(seller, cartId, { key: 'mine' })).rejects.toThrow(`died at ${point}`)
    await letKeysGo(seller)
    const answer = await payCart(seller, cartId, { key: 'mine' })
    expect(answer).toMatchObject({ statusCode: 201, status: 'paid' })
    expect(await payCart(seller, cartId, { key: 'mine' })).toMatchObject({ ...answer, replayed: true })
    expect(await ordersOf()).toEqual([{ id: answer.id, status: 'paid' }])
    expect(seller.fake.net).toBe((await readOrder(seller, answer.id)).total)
    expect(seller.fake.payments.size).toBe(1)
  })

  it('is finished by the worker when nobody repeats it', async () => {
    dieAt(point)
    await expect(payCart(seller, await cart())).rejects.toThrow(`died at ${point}`)
    await runJobs(seller)
    const orders = await ordersOf()
    const begun = PHASES.indexOf(point) > PHASES.indexOf('checkout.submitting')
    expect(orders.map(({ status }) => status)).toEqual(begun ? ['paid'] : [])
    expect(seller.fake.net).toBe(begun ? (await readOrder(seller, orders[0]!.id)).total : 0n)
  })
})

describe('a request that another process is at', () => {
  it('is refused until that one has been dead for a moment, and then taken up', async () => {
    const cartId = await cart()
    dieAt('payment.after_provider')
    await expect(payCart(seller, cartId, { key: 'held' })).rejects.toThrow('died')
    await expect(payCart(seller, cartId, { key: 'held' })).rejects.toMatchObject({ code: 'idempotency_in_progress' })
    await expect.poll(() => payCart(seller, cartId, { key: 'held' }).catch(codeOf)).toMatchObject({ statusCode: 201, replayed: true })
  })

  it('is refused for as long as that one lives, however slow its provider is', async () => {
    const cartId = await cart()
    const letGo = seller.fake.holding('authorize')
    const slow = payCart(seller, cartId, { key: 'slow' })
    await expect.poll(() => seller.fake.calls.length).toBeGreaterThan(0)
    await pause(HELD_SECONDS * 1_000 + 500)
    await expect(payCart(seller, cartId, { key: 'slow' })).rejects.toMatchObject({ code: 'idempotency_in_progress' })
    letGo()
    expect(await slow).toMatchObject({ statusCode: 201, replayed: false })
    expect(seller.fake.payments.size).toBe(1)
  })

  it('is answered with a decline, when that is what came of it', async () => {
    const cartId = await cart()
    dieAt('payment.settling')
    await expect(payCart(seller, cartId, { key: 'no', token: 'declined' })).rejects.toThrow('died')
    await letKeysGo(seller)
    expect(await payCart(seller, cartId, { key: 'no', token: 'declined' })).toMatchObject({ statusCode: 402, payment: 'failed' })
  })
})

describe.each([
  'operation.begun',
  'operation.before_provider',
  'operation.after_provider',
  'operation.settling',
  'operation.settled',
] as const)('a capture that dies at %s', (point) => {
  it('is made once', async () => {
    const later = await addPayingShop(shop, { capture: 'later' })
    seller = later
    goods = await addGoods(later, { price: 1_000n })
    const answer = await payCart(later, await cart())
    const { operationId } = await later.inMerchant((tx) =>
      capturePayment(tx, { paymentId: answer.payment_id, amount: { amount: 500n, currency: 'EUR' }, final: false }, by()),
    )
    dieAt(point)
    await expect(settleOperation(later.inMerchant, later.payments, { operationId: operationId! }, by())).rejects.toThrow('died')
    await runJobs(later)
    expect(await paymentsOf(later, answer.id)).toMatchObject([{ status: 'part_captured', capturedAmount: 500n }])
    expect(later.fake.net).toBe(500n)
    expect((await eventsOf(later, answer.id)).filter((type) => type === 'payment.captured')).toHaveLength(1)
  })
})

describe.each(['order.expiring', 'order.expired'] as const)('an expiry that dies at %s', (point) => {
  it('gives the goods back once', async () => {
    const { id } = await payCart(seller, await cart(), { token: 'action' })
    await letTimePass(seller, id)
    dieAt(point)
    await expect(expireOrder(seller.inMerchant, seller.payments, { orderId: id }, by())).rejects.toThrow('died')
    await runJobs(seller)
    expect(await readOrder(seller, id)).toMatchObject({ status: 'cancelled', cancelReason: 'It was not paid in time.' })
    expect((await eventsOf(seller, id)).filter((type) => type === 'order.cancelled')).toHaveLength(1)
  })
})

describe.each(['callback.storing', 'callback.stored', 'callback.processing', 'callback.processed'] as const)(
  'a callback that dies at %s',
  (point) => {
    it('is acted on when it comes again, or by the worker', async () => {
      const { id, payment_id: paymentId } = await payCart(seller, await cart(), { token: 'action' })
      seller.fake.confirm(paymentId)
      const rawBody = JSON.stringify({ eventId: 'evt', kind: 'payment', paymentId, reference: null })
      const headers = { 'fake-signature': signCallback('whsec_test', rawBody) }
      const receive = () => receiveCallback(seller.inMerchant, seller.payments, { provider: 'fake', headers, rawBody }, new Date())
      const process = async () => {
        const kept = await seller.inMerchant.read(
          (tx) => tx.sql<{ id: string }[]>`select id from payment_callback where merchant_id = ${tx.merchantId} and processed_at is null`,
        )
        for (const { id: callbackId } of kept) await processCallback(seller.inMerchant, seller.payments, { callbackId }, by())
      }
      dieAt(point)
      await expect(receive().then(process)).rejects.toThrow(`died at ${point}`)
      await receive()
      await process()
      expect(await readOrder(seller, id)).toMatchObject({ status: 'paid' })
      expect((await eventsOf(seller, id)).filter((type) => type === 'payment.captured')).toHaveLength(1)
    })
  },
)
