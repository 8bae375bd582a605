import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addCoupon } from '../cart/cart-coupons.ts'
import { createCustomer } from '../customers/change-customers.ts'
import { getCustomer } from '../customers/customer.ts'
import { buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { pay } from '../testing/paying.ts'
import { addCoupon as addCode, addPromotion } from '../testing/promotions.ts'
import { cancelOrder } from './cancel-order.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 30_000 })
})
afterEach(() => onCrashPoint(() => {}))
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

const now = new Date()
const by = { actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const, now }
const cancel = (orderId: string, of = merchant) => of.inMerchant((tx) => cancelOrder(tx, { orderId, reason: 'changed their mind', ...by }))

/** An order of a customer, with a code that is good once and a limited offer. */
async function placed() {
  merchant = await shop.addMerchant()
  const goods = await addGoods(merchant, { price: 1_000n, onHand: 3n })
  const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: 'ada@buyer.example' }, by))
  const promotion = await addPromotion(merchant, { trigger: 'coupon', limits: { uses: 5, uses_per_customer: 1, budget: 10_000 } })
  await addCode(merchant, { promotionId: promotion.id, code: 'ONCE', usesMax: 1 })
  const open = async () => {
    const cart = await fillCart(merchant, [{ goods, quantity: 3n }], { customerId: customer.id })
    await merchant.inMerchant((tx) => addCoupon(tx, cart.id, { code: 'ONCE', now }))
    return cart
  }
  const { order } = await buyCart(merchant, (await open()).id)
  return { order, goods, customer, open }
}

async function events(orderId: string) {
  const rows = await merchant.inMerchant.read(
    (tx) => tx.sql`select type from event where merchant_id = ${tx.merchantId} and aggregate_id = ${orderId} order by sequence`,
  )
  return rows.map((row) => row.type)
}

describe('cancelling an order', () => {
  it('gives back stock, coupon, offer and figures, voids the payment, and says so', async () => {
    const { order, customer, open } = await placed()
    expect(await merchant.inMerchant.read((tx) => getCustomer(tx, customer.id))).toMatchObject({ ordersCount: 1n, totalSpent: order.total })
    const cancelled = await cancel(order.id)
    expect(cancelled).toMatchObject({
      status: 'cancelled',
      paymentStatus: 'voided',
      cancelReason: 'changed their mind',
      payments: [{ status: 'voided' }],
      total: order.total,
    })
    expect(await merchant.inMerchant.read((tx) => getCustomer(tx, customer.id))).toMatchObject({
      ordersCount: 0n,
      totalSpent: 0n,
      lastOrderAt: null,
    })
    expect(await events(order.id)).toEqual(['order.placed', 'order.cancelled'])
    // All three units, the code and the customer's one use are to be had again.
    expect((await buyCart(merchant, (await open()).id)).order.discountTotal).toBe(300n)
  })

  it('happens once of twenty times at once', async () => {
    const { order } = await placed()
    expect(await outcomes(Array.from({ length: 20 }, () => cancel(order.id)))).toEqual({ ok: 20 })
    expect(await events(order.id)).toEqual(['order.placed', 'order.cancelled'])
  })

  it('gives money back that was paid by hand, once of many', async () => {
    const { order } = await placed()
    await pay(merchant, order)
    expect(await outcomes(Array.from({ length: 5 }, () => cancel(order.id)))).toEqual({ ok: 5 })
    expect(await cancel(order.id)).toMatchObject({ status: 'cancelled', paymentStatus: 'refunded', refundedTotal: order.total })
    expect((await events(order.id)).filter((type) => type === 'refund.issued')).toHaveLength(1)
  })

  it('is refused for nobody’s order', async () => {
    const { order } = await placed()
    const other = await shop.addMerchant()
    await expect(cancel(order.id, other)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('is refused while a shipment is under way, and goes on when that is called off', async () => {
    const { order } = await placed()
    await merchant.inMerchant(
      (tx) => tx.sql`
      insert into shipment (merchant_id, order_id, install_id, method, status, sender, parcels, tracking_events, requested_by)
      values (${tx.merchantId}, ${order.id}, ${order.id}, 'parcel', 'labelled', '{}', '[]', '[]', '{}')`,
    )
    await expect(cancel(order.id)).rejects.toMatchObject({ code: 'invalid_state', details: { extra: { current_state: 'shipping' } } })
    await merchant.inMerchant((tx) => tx.sql`update shipment set status = 'cancelled' where merchant_id = ${tx.merchantId}`)
    expect((await cancel(order.id)).status).toBe('cancelled')
  })

  it('leaves everything as it was when it dies in the middle', async () => {
    const { order, customer } = await placed()
    onCrashPoint((passed) => {
      if (passed === 'cancel.released') throw new Error('failed')
    })
    await expect(cancel(order.id)).rejects.toThrow('failed')
    expect(await merchant.inMerchant.read((tx) => getCustomer(tx, customer.id))).toMatchObject({ ordersCount: 1n })
    expect(await events(order.id)).toEqual(['order.placed'])
    onCrashPoint(() => {})
    expect((await cancel(order.id)).status).toBe('cancelled')
  })

  it('and placing others at the same time leaves stock, counters and figures in order', async () => {
    merchant = await shop.addMerchant()
    const goods = await addGoods(merchant, { price: 1_000n, onHand: 10n })
    await addPromotion(merchant, { limits: { uses: 10, uses_per_customer: null, budget: null } })
    const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: 'ada@buyer.example' }, by))
    const open = () => fillCart(merchant, [{ goods }], { customerId: customer.id })
    const first: string[] = []
    for (let order = 0; order < 8; order++) first.push((await buyCart(merchant, (await open()).id)).order.id)
    const carts: string[] = []
    for (let cart = 0; cart < 8; cart++) carts.push((await open()).id)
    const counts = await outcomes([...first.map((id) => cancel(id)), ...carts.map((id) => buyCart(merchant, id))])
    const { ok = 0, quote_outdated: outdated = 0, insufficient_stock: short = 0, promotion_used_up: used = 0 } = counts
    expect(ok + outdated + short + used, JSON.stringify(counts)).toBe(16)
  })
})
