import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { loadCart } from '../cart/cart.ts'
import { cancelOrder } from '../checkout/cancel-order.ts'
import { openFulfillments } from '../fulfillment/open-fulfillments.ts'
import { packFulfillment } from '../fulfillment/pick-fulfillment.ts'
import { shipFulfillment } from '../fulfillment/ship-fulfillment.ts'
import { holdOrder, readOrderState } from '../orders/hold-order.ts'
import { capturePayment } from '../payments/change-payment.ts'
import { buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { loadReturn } from './order-return.ts'
import { receiveReturn } from './receive-return.ts'
import { requestReturn } from './request-return.ts'
import { exchangeReturn, refundReturn } from './settle-return.ts'

const by = { actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as Actor, now: new Date() }
const ALL = { shipping: 0n, to: 'original', reason: '' } as const

let shop: TestShop
let seller: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  seller = await shop.addMerchant()
})
afterAll(() => shop.close())

/** An order over two pieces of 10.00, paid unless it is not, sent, and one piece announced to come back. */
async function announced({ isPaid = true } = {}) {
  const goods = await addGoods(seller, { price: 1_000n })
  const cart = await fillCart(seller, [{ goods, quantity: 2n }])
  const { order } = await buyCart({ inMerchant: seller.inMerchant }, cart.id)
  const [lineId, paymentId] = [order.lines[0]!.id, order.payments[0]!.id]
  if (isPaid) await seller.inMerchant((tx) => capturePayment(tx, { paymentId, amount: undefined, final: false }, by))
  await seller.inMerchant(async (tx) => {
    const { fulfillments } = await openFulfillments(tx, await holdOrder(tx, order.id), by)
    await packFulfillment(tx, fulfillments[0]!.id, by)
    await shipFulfillment(tx, fulfillments[0]!.id, {}, by)
  })
  const lines = [{ lineId, quantity: 1n, reason: 'unwanted' as const }]
  const { id } = await seller.inMerchant((tx) => requestReturn(tx, { orderId: order.id, lines, note: '' }, by))
  return { id, orderId: order.id, lineId }
}
const receive = ({ id, lineId }: { id: string; lineId: string }) =>
  seller.inMerchant((tx) =>
    receiveReturn(
      tx,
      id,
      { locationId: seller.locationId, lines: [{ lineId, inspections: [{ decision: 'restock', quantity: 1n, condition: '' }] }] },
      by,
    ),
  )
const refund = (id: string, wish: Partial<Parameters<typeof refundReturn>[2]> = {}) =>
  seller.inMerchant((tx) => refundReturn(tx, id, { ...ALL, ...wish }, by))
const exchange = (id: string, goods: Goods, quantity = 1n) =>
  seller.inMerchant((tx) => exchangeReturn(tx, id, [{ variantId: goods.variantId, quantity }], by))
const refunded = async (orderId: string) => (await seller.inMerchant((tx) => readOrderState(tx, orderId))).state.refunded

describe('goods that came back', () => {
  it('are paid back by their stored share, once', async () => {
    const made = await announced()
    await expect(refund(made.id)).rejects.toMatchObject({ code: 'invalid_state', details: { extra: { current_state: 'approved' } } })
    await receive(made)
    expect(await outcomes(Array.from({ length: 4 }, () => refund(made.id)))).toEqual({ ok: 1, invalid_state: 3 })
    expect(await refunded(made.orderId)).toBe(1_000n)
    expect((await seller.inMerchant.read((tx) => loadReturn(tx, made.id))).refundId).not.toBeNull()
  })

  it('may be paid back in part: the rest is kept', async () => {
    const made = await announced()
    await receive(made)
    const { refund: paid } = await refund(made.id, { amount: 700n })
    expect(paid).toMatchObject({ amount: 700n, withheld: 300n })
  })

  it('that nobody paid for are not paid back', async () => {
    const made = await announced({ isPaid: false })
    await receive(made)
    await expect(refund(made.id)).rejects.toMatchObject({ code: 'invalid_state' })
    expect((await seller.inMerchant.read((tx) => loadReturn(tx, made.id))).refundId).toBeNull()
  })
})

describe('an exchange', () => {
  it('for dearer goods is a draft that collects the difference, and leaves nothing to pay back', async () => {
    const made = await announced()
    const dearer = await addGoods(seller, { price: 2_500n })
    const { draft, orderReturn } = await exchange(made.id, dearer)
    expect(draft.priced.totals).toMatchObject({ subtotal: 2_500n, discount: 1_000n })
    expect(draft).toMatchObject({ email: 'ada@buyer.example', shippingAddress: { city: 'Berlin' } })
    expect(orderReturn).toMatchObject({ exchangeCartId: draft.id, exchangeCredit: 1_000n, exchangeOrderId: null })
    const { order } = await buyCart({ inMerchant: seller.inMerchant }, draft.id)
    expect((await seller.inMerchant.read((tx) => loadReturn(tx, made.id))).exchangeOrderId).toBe(order.id)
    await receive(made)
    await expect(refund(made.id)).rejects.toMatchObject({ details: { extra: { current_state: 'exchanged' } } })
    expect(await refunded(made.orderId)).toBe(0n)
  })

  it('for cheaper goods pays the rest back with the return', async () => {
    const made = await announced()
    const cheaper = await addGoods(seller, { price: 400n })
    const { draft } = await exchange(made.id, cheaper)
    expect(draft.priced.totals).toMatchObject({ subtotal: 400n, discount: 400n })
    await buyCart({ inMerchant: seller.inMerchant }, draft.id)
    await receive(made)
    expect((await refund(made.id)).refund).toMatchObject({ amount: 600n })
  })

  it('that nobody orders ends with the refund, and its draft with it', async () => {
    const made = await announced()
    const { draft } = await exchange(made.id, await addGoods(seller, { price: 1_000n }))
    await receive(made)
    const { orderReturn, refund: paid } = await refund(made.id)
    expect([orderReturn.exchangeCartId, paid.amount]).toEqual([null, 1_000n])
    await expect(seller.inMerchant.read((tx) => loadCart(tx, draft.id, by.now))).rejects.toMatchObject({ code: 'not_found' })
  })

  it('whose order is cancelled ends with the refund', async () => {
    const made = await announced()
    const { draft } = await exchange(made.id, await addGoods(seller, { price: 400n }))
    const { order } = await buyCart({ inMerchant: seller.inMerchant }, draft.id)
    await receive(made)
    await seller.inMerchant((tx) => cancelOrder(tx, { orderId: order.id, reason: '', ...by }))
    const { orderReturn, refund: paid } = await refund(made.id)
    expect([orderReturn.exchangeCartId, paid.amount]).toEqual([null, 1_000n])
  })

  it('is made once, and not for what was refunded or never paid', async () => {
    const made = await announced()
    const goods = await addGoods(seller, { price: 1_000n })
    expect(await outcomes(Array.from({ length: 3 }, () => exchange(made.id, goods)))).toEqual({ ok: 1, invalid_state: 2 })
    const paidBack = await announced()
    await receive(paidBack)
    await refund(paidBack.id)
    await expect(exchange(paidBack.id, goods)).rejects.toMatchObject({ details: { extra: { current_state: 'refunded' } } })
    await expect(exchange((await announced({ isPaid: false })).id, goods)).rejects.toMatchObject({ code: 'invalid_state' })
  })

  it('never both orders its draft and pays the whole back', async () => {
    for (let round = 0; round < 5; round += 1) {
      const made = await announced()
      const { draft } = await exchange(made.id, await addGoods(seller, { price: 400n }))
      await receive(made)
      await Promise.allSettled([buyCart({ inMerchant: seller.inMerchant }, draft.id), refund(made.id)])
      const { exchangeOrderId, refundId } = await seller.inMerchant.read((tx) => loadReturn(tx, made.id))
      if (refundId === null) await refund(made.id)
      expect(await refunded(made.orderId)).toBe(exchangeOrderId === null ? 1_000n : 600n)
    }
  })
})
