import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { foldAllClaims } from '../stock/sweep.ts'
import { fillCart, outcomes } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestShop } from '../testing/merchant.ts'
import { addPayingShop, eventsOf, operationsOf, type PayingShop, payCart, paymentsOf, readOrder } from '../testing/paying-shop.ts'

let shop: TestShop
let seller: PayingShop
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 30_000 })
  seller = await addPayingShop(shop)
  goods = await addGoods(seller, { price: 1_000n, onHand: 1_000n })
})
afterEach(() => onCrashPoint(() => {}))
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

const cart = async (of = seller, what = goods) => (await fillCart(of, [{ goods: what }])).id

async function levelOf(of: PayingShop, what: Goods) {
  const [row] = await of.inMerchant.read(
    (tx) => tx.sql`select reserved, allocated from stock_level where merchant_id = ${tx.merchantId} and variant_id = ${what.variantId}`,
  )
  return row
}

describe('a checkout through a provider', () => {
  it('charges once, and the order is firm and paid', async () => {
    const answer = await payCart(seller, await cart())
    expect(answer).toMatchObject({ statusCode: 201, status: 'paid', payment: 'captured', replayed: false })
    const order = await readOrder(seller, answer.id)
    expect(order).toMatchObject({ status: 'paid', paymentStatus: 'paid', capturedTotal: order.total, authorizedTotal: order.total })
    expect(await eventsOf(seller, answer.id)).toEqual(['order.submitted', 'payment.authorized', 'order.placed', 'payment.captured'])
    expect(seller.fake.payments.get(answer.payment_id)).toMatchObject({ captured: order.total, state: 'authorized' })
    expect(seller.fake.account).toMatchObject({ secrets: { api_key: 'sk_test', callback_secret: 'whsec_test' } })
  })

  it('authorizes alone when the merchant takes money later', async () => {
    const later = await addPayingShop(shop, { capture: 'later' })
    const answer = await payCart(later, await cart(later, await addGoods(later)))
    expect(answer).toMatchObject({ statusCode: 201, status: 'placed', payment: 'authorized' })
    expect(await readOrder(later, answer.id)).toMatchObject({ paymentStatus: 'authorized', capturedTotal: 0n })
    expect(later.fake.net).toBe(0n)
  })

  it('answers the same again to the same key, and asks nobody', async () => {
    const cartId = await cart()
    const first = await payCart(seller, cartId, { key: 'again' })
    const calls = seller.fake.calls.length
    expect(await payCart(seller, cartId, { key: 'again' })).toEqual({ ...first, replayed: true })
    expect(seller.fake.calls.length).toBe(calls)
  })

  it('leaves a declined order open, its goods kept and nothing charged', async () => {
    const own = await addPayingShop(shop)
    const what = await addGoods(own, { onHand: 1n })
    const answer = await payCart(own, await cart(own, what), { token: 'declined' })
    expect(answer).toMatchObject({ statusCode: 402, status: 'pending', payment: 'failed' })
    const [payment] = await paymentsOf(own, answer.id)
    expect(payment).toMatchObject({ status: 'failed', failure: { code: 'card_declined' } })
    expect((await operationsOf(own, answer.id))[0]).toMatchObject({ status: 'failed', detail: {} })
    expect(await levelOf(own, what)).toEqual({ reserved: 1n, allocated: 0n })
  })

  it('waits for the buyer whom the bank asks', async () => {
    const answer = await payCart(seller, await cart(), { token: 'action' })
    expect(answer).toMatchObject({ statusCode: 202, status: 'pending', payment: 'requires_action' })
    const order = await readOrder(seller, answer.id)
    expect(order.payments[0]).toMatchObject({ nextAction: { type: 'redirect', url: 'https://psp.example/3ds' } })
    expect(order.payments[0]!.expiresAt!.getTime()).toBeGreaterThan(Date.now())
    seller.fake.confirm(answer.payment_id)
  })

  it('says that it does not know when the answer is lost, or never comes', async () => {
    const slow = await addPayingShop(shop, { callTimeoutMs: 50 })
    const what = await addGoods(slow)
    const letGo = slow.fake.holding('authorize')
    const hanging = await payCart(slow, await cart(slow, what))
    expect(hanging).toMatchObject({ statusCode: 202, status: 'pending', payment: 'pending' })
    letGo()
    for (const fault of ['drop', 'lose', 'throw'] as const) {
      slow.fake.failing('authorize', fault)
      expect(await payCart(slow, await cart(slow, what))).toMatchObject({ statusCode: 202, payment: 'pending' })
    }
    expect((await operationsOf(slow, hanging.id))[0]).toMatchObject({ status: 'pending', failure: { code: 'unknown' } })
  })

  it.each([
    ['lie_amount', 'amount_differs'],
    ['lie_currency', 'currency_differs'],
    ['lie_capture', 'capture_differs'],
  ])('confirms nothing when the provider says something else: %s', async (token, reason) => {
    const answer = await payCart(seller, await cart(), { token })
    expect(answer).toMatchObject({ statusCode: 202, status: 'pending', payment: 'review' })
    expect((await paymentsOf(seller, answer.id))[0]).toMatchObject({ review: { reason } })
    expect(await eventsOf(seller, answer.id)).toEqual(['order.submitted', 'payment.held_for_review'])
  })

  it('refuses what it does not offer, and asks nobody', async () => {
    const cartId = await cart()
    const calls = seller.fake.calls.length
    const refused = (paying: Parameters<typeof payCart>[2]) => expect(payCart(seller, cartId, paying)).rejects
    await refused({ payment: { provider: 'other', token: 'ok' } }).toMatchObject({ code: 'payment_provider_unknown' })
    await refused({ payment: { provider: 'fake', token: 'ok', savedMethodId: cartId } }).toMatchObject({ code: 'payment_method_unusable' })
    await refused({ payment: { provider: 'fake', savedMethodId: cartId } }).toMatchObject({ code: 'payment_method_unusable' })
    await refused({ payment: { provider: 'fake', token: 'ok', save: true } }).toMatchObject({ code: 'payment_method_unusable' })
    await refused({ payment: undefined }).toMatchObject({ code: 'payment_method_unusable' })
    await refused({ paymentMethod: 'invoice' }).toMatchObject({ code: 'payment_method_unusable' })
    expect(seller.fake.calls.length).toBe(calls)
  })

  it('sells ten units to ten of thirty buyers, and charges nobody else', async () => {
    const own = await addPayingShop(shop)
    const rare = await addGoods(own, { onHand: 10n })
    const carts = await Promise.all(Array.from({ length: 30 }, () => cart(own, rare)))
    expect(await outcomes(carts.map((id) => payCart(own, id)))).toEqual({ ok: 10, insufficient_stock: 20 })
    expect(own.fake.payments.size).toBe(10)
    // Claims on a level that many wait for are counted over in bulk.
    await foldAllClaims(own.inMerchant)
    expect(await levelOf(own, rare)).toEqual({ reserved: 0n, allocated: 10n })
  })

  it('makes one order and one charge of thirty requests with one key', async () => {
    const own = await addPayingShop(shop)
    const cartId = await cart(own, await addGoods(own))
    const counts = await outcomes(Array.from({ length: 30 }, () => payCart(own, cartId, { key: 'one' })))
    expect((counts.ok ?? 0) + (counts.idempotency_in_progress ?? 0)).toBe(30)
    expect(own.fake.payments.size).toBe(1)
    expect(own.fake.calls).toEqual(['authorize'])
  })
})
