import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createCustomer } from '../customers/change-customers.ts'
import { getCustomer } from '../customers/customer.ts'
import type { Order } from '../orders/order.ts'
import { orderAt } from '../orders/order-at.ts'
import { verifyOrders } from '../orders/verify-orders.ts'
import { refundOrder } from '../refunds/refund-order.ts'
import { ADDRESS, buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { editing } from '../testing/editing.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { pay } from '../testing/paying.ts'
import { cancelOrder } from './cancel-order.ts'
import type { OrderEdit } from './edit-pricing.ts'
import { previewEdit } from './request-edit.ts'

let shop: TestShop
const merchants: TestMerchant[] = []

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 30_000 })
})
afterEach(() => onCrashPoint(() => {}))
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  for (const { inMerchant } of merchants) expect(await verifyOrders(inMerchant)).toMatchObject({ untold: 0, differences: [] })
  await shop.close()
})

const by = {
  actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const,
  get now() {
    return new Date()
  },
}
const NOTHING: OrderEdit = { quantities: [], added: [] }

interface Story {
  merchant: TestMerchant
  shirt: Goods
  mug: Goods
  customerId: string
  order: Order
  edit: (edit: Partial<OrderEdit>, expected?: bigint) => Promise<Order>
  available: (goods: Goods) => Promise<bigint>
}

/** Two shirts at 10.00 and one mug at 5.00, of five in stock each, ordered by a customer. */
async function placed(): Promise<Story> {
  const merchant = await shop.addMerchant()
  merchants.push(merchant)
  const [shirt, mug] = [await addGoods(merchant, { price: 1_000n, onHand: 5n }), await addGoods(merchant, { price: 500n, onHand: 5n })]
  const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: 'ada@buyer.example' }, by))
  const cart = await fillCart(merchant, [{ goods: shirt, quantity: 2n }, { goods: mug }], { customerId: customer.id })
  const { order } = await buyCart(merchant, cart.id)
  const edit = (given: Partial<OrderEdit>, expected?: bigint) =>
    editing(merchant, {
      ...{ orderId: order.id, edit: { ...NOTHING, ...given } },
      expectedTotal: expected === undefined ? undefined : { amount: expected, currency: 'EUR' },
    })
  const available = (goods: Goods) =>
    merchant.inMerchant.read(async (tx) => {
      const [row] = await tx.sql`
        select sum(on_hand - reserved - allocated)::bigint as left from stock_level
        where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId}`
      return row!.left as bigint
    })
  return { merchant, shirt, mug, customerId: customer.id, order, edit, available }
}

const lineOf = (order: Order, goods: Goods) => order.lines.find(({ variantId }) => variantId === goods.variantId)!

describe('editing an order', () => {
  it('changes quantities: stock, totals, payment and figures follow', async () => {
    const story = await placed()
    const { order, shirt, merchant, customerId } = story
    const edited = await story.edit({ quantities: [{ lineId: lineOf(order, shirt).id, quantity: 4n }] })
    expect(edited).toMatchObject({ subtotal: 4_500n, total: order.total + 2_000n, payments: [{ amount: order.total + 2_000n }] })
    expect(await story.available(shirt)).toBe(1n)
    expect(await merchant.inMerchant.read((tx) => getCustomer(tx, customerId))).toMatchObject({ totalSpent: edited.total })
    const fewer = await story.edit({ quantities: [{ lineId: lineOf(order, shirt).id, quantity: 1n }] })
    expect(fewer.total).toBe(order.total - 1_000n)
    expect(await story.available(shirt)).toBe(4n)
  })

  it('takes lines out and adds goods at the price of now', async () => {
    const story = await placed()
    const { order, mug, merchant } = story
    const hat = await addGoods(merchant, { price: 750n, onHand: 3n })
    const edited = await story.edit({
      quantities: [{ lineId: lineOf(order, mug).id, quantity: 0n }],
      added: [{ variantId: hat.variantId, quantity: 2n }],
    })
    const subtotals = (goods: Goods) =>
      edited.lines.filter(({ variantId }) => variantId === goods.variantId).map(({ subtotal }) => subtotal)
    expect([story.shirt, mug, hat].map(subtotals)).toEqual([[2_000n], [0n], [1_500n]])
    expect([await story.available(mug), await story.available(hat)]).toEqual([5n, 1n])
  })

  it('takes something off by hand, and takes that back', async () => {
    const story = await placed()
    const less = await story.edit({ discount: { amount: 300n, reason: 'a scratch' } })
    expect(less).toMatchObject({ discountTotal: 300n, total: story.order.total - 300n })
    expect(less.pricing.adjustments).toContainEqual(expect.objectContaining({ source: 'manual', reason: 'a scratch', amount: -300n }))
    expect((await story.edit({ discount: null })).total).toBe(story.order.total)
    await expect(story.edit({ discount: { amount: 2_501n, reason: '' } })).rejects.toMatchObject({ code: 'discount_exceeds_total' })
  })

  it('is what its preview said, and nothing before', async () => {
    const story = await placed()
    const { order, shirt, merchant } = story
    const edit = { ...NOTHING, quantities: [{ lineId: lineOf(order, shirt).id, quantity: 3n }] }
    const seen = await previewEdit(merchant, { orderId: order.id, edit, now: by.now })
    expect(seen).toMatchObject({ difference: 1_000n, outstanding: order.total + 1_000n, excess: 0n })
    expect(await story.available(shirt)).toBe(3n)
    await expect(story.edit(edit, order.total)).rejects.toMatchObject({ code: 'total_changed' })
    expect((await story.edit(edit, seen.after.total)).total).toBe(seen.after.total)
  })

  it('corrects the address, and remembers the old one', async () => {
    const story = await placed()
    const { order, merchant } = story
    const edited = await story.edit({ shippingAddress: { ...ADDRESS, city: 'Hamburg', postcode: '20095' } })
    expect(edited.shippingAddress).toMatchObject({ city: 'Hamburg' })
    expect(await merchant.inMerchant.read((tx) => orderAt(tx, order.id, order.placedAt))).toMatchObject({
      shippingAddress: { city: 'Berlin' },
    })
  })

  it('is refused where stock, state or the lines do not allow it', async () => {
    const story = await placed()
    const { order, shirt, mug } = story
    const shirts = (quantity: bigint) => ({ quantities: [{ lineId: lineOf(order, shirt).id, quantity }] })
    await expect(story.edit(shirts(6n))).rejects.toMatchObject({ code: 'insufficient_stock' })
    await expect(story.edit(shirts(-1n))).rejects.toMatchObject({ code: 'quantity_out_of_range' })
    await expect(story.edit({ quantities: [{ lineId: order.id, quantity: 1n }] })).rejects.toMatchObject({ code: 'not_found' })
    await expect(story.edit({ added: [{ variantId: order.id, quantity: 1n }] })).rejects.toMatchObject({ code: 'not_found' })
    await expect(
      story.edit({ quantities: [lineOf(order, shirt), lineOf(order, mug)].map(({ id }) => ({ lineId: id, quantity: 0n })) }),
    ).rejects.toMatchObject({ code: 'cart_empty' })
    expect(await story.available(shirt)).toBe(3n)
    await story.merchant.inMerchant((tx) => cancelOrder(tx, { orderId: order.id, reason: '', ...by }))
    await expect(story.edit(shirts(1n))).rejects.toMatchObject({
      code: 'invalid_state',
      details: { extra: { current_state: 'cancelled' } },
    })
  })

  it('after goods were refunded counts them as given, and asks for what was added alone', async () => {
    const story = await placed()
    const { order, merchant, shirt, mug } = story
    await pay(merchant, order)
    const refund = (quantity: bigint, line: Goods) =>
      merchant.inMerchant((tx) =>
        refundOrder(tx, {
          ...{ orderId: order.id, lines: [{ lineId: lineOf(order, line).id, quantity }], shipping: 0n },
          ...{ to: 'original', reason: '', ...by },
        }),
      )
    expect(await refund(1n, shirt)).toMatchObject({ amount: 1_000n })
    const shirts = (quantity: bigint) => ({ quantities: [{ lineId: lineOf(order, shirt).id, quantity }] })
    await expect(story.edit(shirts(0n))).rejects.toMatchObject({ code: 'quantity_out_of_range' })
    const edited = await story.edit({ added: [{ variantId: mug.variantId, quantity: 1n }] })
    expect(edited.payments.map(({ status, amount }) => [status, amount])).toEqual([
      ['captured', order.total],
      ['pending', 500n],
    ])
    await pay(merchant, order)
    // A third off everything: of 13.33 for both shirts 10.00 went back for the first.
    await story.edit({ discount: { amount: 1_000n, reason: 'late' } })
    expect(await refund(1n, shirt)).toMatchObject({ amount: 333n })
  })

  it('asks for what is missing of a paid order', async () => {
    const story = await placed()
    const { order, shirt } = story
    await pay(story.merchant, order)
    const edited = await story.edit({ quantities: [{ lineId: lineOf(order, shirt).id, quantity: 3n }] })
    expect(edited).toMatchObject({ status: 'placed', paymentStatus: 'part_paid' })
    expect(edited.payments.map(({ status, amount }) => [status, amount])).toEqual([
      ['captured', order.total],
      ['pending', 1_000n],
    ])
  })

  it('gives back what was paid too much', async () => {
    const story = await placed()
    const { order, shirt } = story
    await pay(story.merchant, order)
    const edited = await story.edit({ quantities: [{ lineId: lineOf(order, shirt).id, quantity: 1n }] })
    expect(edited).toMatchObject({
      total: order.total - 1_000n,
      capturedTotal: order.total,
      refundedTotal: 1_000n,
      paymentStatus: 'part_refunded',
    })
  })

  it('by two at once happens one after the other', async () => {
    const story = await placed()
    const { order, shirt } = story
    const lineId = lineOf(order, shirt).id
    const attempts = [1n, 3n, 4n, 5n, 2n, 5n].map((quantity) => story.edit({ quantities: [{ lineId, quantity }] }))
    expect(await outcomes(attempts)).toEqual({ ok: 6 })
    const [level] = await story.merchant.inMerchant.read(
      (tx) => tx.sql`select allocated from stock_level where merchant_id = ${tx.merchantId} and variant_id = ${shirt.variantId}`,
    )
    const [line] = await story.merchant.inMerchant.read(
      (tx) => tx.sql`select quantity from order_line where merchant_id = ${tx.merchantId} and id = ${lineId}`,
    )
    expect(level!.allocated).toBe(line!.quantity)
  })

  it('leaves everything as it was when it dies in the middle', async () => {
    const story = await placed()
    const { order, shirt } = story
    onCrashPoint((passed) => {
      if (passed === 'edit.written') throw new Error('failed')
    })
    const more = { quantities: [{ lineId: lineOf(order, shirt).id, quantity: 5n }] }
    await expect(story.edit(more)).rejects.toThrow('failed')
    expect(await story.available(shirt)).toBe(3n)
    onCrashPoint(() => {})
    expect((await story.edit(more)).subtotal).toBe(5_500n)
  })
})
