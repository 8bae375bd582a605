import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createCustomer } from '../customers/change-customers.ts'
import { verifyOrders } from '../orders/verify-orders.ts'
import { listSavedMethods } from '../payments/saved-methods.ts'
import { settlePayment } from '../payments/settle-payment.ts'
import { startPayment } from '../payments/start-payment.ts'
import { fillCart, outcomes } from '../testing/buying.ts'
import { editing } from '../testing/editing.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import {
  addPayingShop,
  eventsOf,
  letKeysGo,
  type PayingShop,
  payCart,
  paymentsOf,
  readOrder,
  runJobs,
  STAFF,
} from '../testing/paying-shop.ts'
import { requestEdit } from './request-edit.ts'

let shop: TestShop
let seller: PayingShop
let shirt: Goods
let customerId: string
let methodId: string
let orders = 0

/** One merchant sells to one customer, who has kept a method. */
beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 30_000 })
  seller = await addPayingShop(shop)
  shirt = await addGoods(seller, { price: 1_000n, onHand: 1_000n })
  customerId = (await seller.inMerchant((tx) => createCustomer(tx, { email: 'ada@buyer.example' }, { actor: STAFF, now: new Date() }))).id
  await buy({ save: true })
  methodId = (await seller.inMerchant.read((tx) => listSavedMethods(tx, customerId)))[0]!.id
})
afterEach(async () => {
  onCrashPoint(() => {})
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
})
afterAll(async () => {
  expect(await verifyOrders(seller.inMerchant)).toMatchObject({ untold: 0, differences: [] })
  await shop.close()
})

async function buy({ save = false } = {}) {
  const cart = await fillCart(seller, [{ goods: shirt, quantity: 2n }], { customerId })
  const { id } = await payCart(seller, cart.id, { payment: { provider: 'fake', token: 'ok', save } })
  orders += 1
  return readOrder(seller, id)
}

type Bought = Awaited<ReturnType<typeof buy>>
const shirts = (order: Bought, quantity: bigint) => ({ quantities: [{ lineId: order.lines[0]!.id, quantity }], added: [] })
const saved = () => ({ from: 'saved_method', wish: { provider: 'fake', savedMethodId: methodId } }) as const
const taken = async (orderId: string) => (await paymentsOf(seller, orderId)).reduce((sum, { capturedAmount }) => sum + capturedAmount, 0n)

describe('what an edit leaves outstanding', () => {
  it('is charged to the method that the customer has kept, with nobody there', async () => {
    const order = await buy()
    const edited = await editing(seller.shop, { orderId: order.id, edit: shirts(order, 3n), collect: saved() })
    expect(edited).toMatchObject({ status: 'paid', capturedTotal: order.total + 1_000n })
    expect(edited.payments.map(({ provider, status, amount }) => [provider, status, amount])).toEqual([
      ['fake', 'captured', order.total],
      ['manual', 'voided', 1_000n],
      ['fake', 'captured', 1_000n],
    ])
    expect([...seller.fake.payments.values()].at(-1)).toMatchObject({ offSession: true, amount: 1_000n })
  })

  it('is asked of the buyer where that is declined, who pays it as any other payment', async () => {
    const order = await buy()
    seller.fake.decliningSaved = true
    const edited = await editing(seller.shop, { orderId: order.id, edit: shirts(order, 3n), collect: saved() })
    seller.fake.decliningSaved = false
    expect(edited).toMatchObject({ status: 'placed', paymentStatus: 'part_paid', total: order.total + 1_000n })
    expect((await eventsOf(seller, order.id)).slice(-2)).toEqual(['payment.failed', 'payment.requested'])
    const by = { actor: { kind: 'buyer' } as const, now: new Date() }
    const wish = { provider: 'fake', token: 'action' }
    const { paymentId, question } = await seller.inMerchant((tx) => startPayment(tx, { orderId: order.id, wish }, by))
    await settlePayment(seller.inMerchant, seller.payments, { paymentId, question }, by)
    seller.fake.confirm(paymentId)
    await Promise.all(Array.from({ length: 5 }, () => settlePayment(seller.inMerchant, seller.payments, { paymentId }, by)))
    expect(await readOrder(seller, order.id)).toMatchObject({ status: 'paid', capturedTotal: order.total + 1_000n })
  })

  it('is asked of the buyer at once if that is wanted', async () => {
    const order = await buy()
    const edited = await editing(seller.shop, { orderId: order.id, edit: shirts(order, 5n), collect: { from: 'buyer' } })
    expect((await eventsOf(seller, order.id)).at(-1)).toBe('payment.requested')
    expect(edited.payments.at(-1)).toMatchObject({ provider: 'manual', status: 'pending', amount: 3_000n })
  })

  it('comes back when it was too much, once, however soon the next edit follows', async () => {
    const order = await buy()
    await editing(seller.shop, { orderId: order.id, edit: shirts(order, 1n) })
    // The provider has not given anything back yet.
    const again = await editing(seller.shop, { orderId: order.id, edit: shirts(order, 2n) })
    expect(again.payments.at(-1)).toMatchObject({ provider: 'manual', status: 'pending', amount: 1_000n })
    await editing(seller.shop, { orderId: order.id, edit: shirts(order, 1n) })
    await runJobs(seller)
    expect(await readOrder(seller, order.id)).toMatchObject({ status: 'paid', refundedTotal: 1_000n, repaidTotal: 1_000n })
  })

  it('goes to store credit if that is wanted', async () => {
    const order = await buy()
    const edited = await editing(seller.shop, { orderId: order.id, edit: shirts(order, 1n), refundTo: 'store_credit' })
    expect(edited).toMatchObject({ refundedTotal: 1_000n, repaidTotal: 1_000n, paymentStatus: 'part_refunded', status: 'paid' })
  })

  it('is collected once by many edits at the same moment', async () => {
    const order = await buy()
    const attempts = [3n, 4n, 5n, 6n].map((quantity) =>
      editing(seller.shop, { orderId: order.id, edit: shirts(order, quantity), collect: saved() }),
    )
    const told = await outcomes(attempts)
    expect(told.ok).toBeGreaterThan(0)
    await runJobs(seller)
    const { total, outstandingAfter } = await readOrder(seller, order.id).then((now) => ({
      total: now.total,
      outstandingAfter: now.total + now.repaidTotal - now.authorizedTotal,
    }))
    expect(outstandingAfter).toBeLessThanOrEqual(total)
    expect((await taken(order.id)) - (await readOrder(seller, order.id)).refundedTotal).toBeLessThanOrEqual(total)
  })
})

describe('a crash', () => {
  it.each([
    'edit.written',
    'checkout.submitting',
    'checkout.submitted',
    'payment.before_provider',
    'payment.after_provider',
    'checkout.answering',
  ])('at %s leaves one edit and one charge for whoever repeats the request', async (point) => {
    const order = await buy()
    const charges = seller.fake.payments.size
    const request = () =>
      requestEdit(seller.shop, {
        ...{ orderId: order.id, edit: shirts(order, 3n), reason: '', expectedTotal: undefined, refundTo: 'original', collect: saved() },
        ...{ actor: STAFF, now: new Date() },
        idempotency: { route: 'POST /v1/admin/orders/:order_id/edits', key: `edit-${orders}`, fingerprint: 'same' },
        answer: ({ id, total }) => ({ statusCode: 200, body: JSON.stringify({ id, total: Number(total) }) }),
      })
    let isArmed = true
    onCrashPoint((passed) => {
      if (isArmed && passed === point) {
        isArmed = false
        throw new Error('killed')
      }
    })
    await expect(request()).rejects.toThrow('killed')
    await letKeysGo(seller)
    expect(JSON.parse((await request()).body)).toMatchObject({ id: order.id, total: Number(order.total) + 1_000 })
    await runJobs(seller)
    expect(await readOrder(seller, order.id)).toMatchObject({ status: 'paid', capturedTotal: order.total + 1_000n })
    expect(seller.fake.payments.size).toBe(charges + 1)
  })
})
