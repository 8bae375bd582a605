import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCart, updateCart } from '../cart/change-cart.ts'
import type { StoredResponse } from '../idempotency/idempotency.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { checkout } from './checkout.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ waitMs: 30_000 })
  merchant = await shop.addMerchant()
})

afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

const ADDRESS = { name: 'Ada Buyer', line1: 'Market Street 1', city: 'Berlin', postcode: '10115', country: 'DE' }
let keys = 0

async function filledCart(lines: { goods: Goods; quantity?: bigint }[], seller = merchant): Promise<string> {
  const cart = await seller.inMerchant((tx) =>
    createCart(tx, {
      lines: lines.map((line) => ({ variantId: line.goods.variantId, quantity: line.quantity ?? 1n })),
      details: { email: 'ada@buyer.example', shippingAddress: ADDRESS },
      now: new Date(),
    }),
  )
  return cart.id
}

function buy(cartId: string, given: { key?: string; fingerprint?: string; expectedTotal?: bigint } = {}, seller = merchant) {
  const { key = `key-${++keys}`, fingerprint = 'same', expectedTotal } = given
  return checkout(seller, {
    cartId,
    paymentMethod: 'invoice',
    expectedTotal: expectedTotal === undefined ? undefined : { amount: expectedTotal, currency: 'EUR' },
    idempotency: { route: 'POST /v1/carts/:cart_id/checkout', key, fingerprint },
    now: new Date(),
    answer: (order): StoredResponse => ({ statusCode: 201, body: JSON.stringify({ id: order.id, number: Number(order.number) }) }),
  })
}

async function codes(attempts: Promise<unknown>[]): Promise<Record<string, number>> {
  const outcomes = await Promise.allSettled(attempts)
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) {
    const code = outcome.status === 'fulfilled' ? 'ok' : String((outcome.reason as { code?: string }).code ?? outcome.reason)
    counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}

describe('checkout', () => {
  it('places one order that can be priced again from what was stored', async () => {
    const [tea, cup] = [await addGoods(merchant, { price: 1999n }), await addGoods(merchant, { price: 350n })]
    const cartId = await filledCart([{ goods: tea, quantity: 2n }, { goods: cup }])
    const { body, statusCode, replayed } = await buy(cartId, { expectedTotal: 4838n })
    expect([statusCode, replayed]).toEqual([201, false])
    const { id } = JSON.parse(body)
    const [order] = await merchant.inMerchant((tx) => tx.sql`select * from orders where merchant_id = ${tx.merchantId} and id = ${id}`)
    expect(order).toMatchObject({ total: 4838n, tax_total: 772n, status: 'placed', payment_status: 'pending' })
  })

  it('answers a repeated key with the same bytes and nothing new', async () => {
    const goods = await addGoods(merchant)
    const cartId = await filledCart([{ goods }])
    const first = await buy(cartId, { key: 'again' })
    const second = await buy(cartId, { key: 'again' })
    expect(second).toEqual({ ...first, replayed: true })
  })

  it('refuses a key that came with another request', async () => {
    const goods = await addGoods(merchant)
    await buy(await filledCart([{ goods }]), { key: 'reused' })
    await expect(buy(await filledCart([{ goods }]), { key: 'reused', fingerprint: 'other' })).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    })
  })

  it('makes one order of a hundred requests with one key', async () => {
    const goods = await addGoods(merchant)
    const cartId = await filledCart([{ goods }])
    const attempts = await Promise.allSettled(Array.from({ length: 100 }, () => buy(cartId, { key: 'hundred' })))
    const bodies = new Set(attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value.body] : [])))
    expect(bodies.size).toBe(1)
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'idempotency_in_progress' })
    }
  })

  it('makes one order of a cart, whatever the keys', async () => {
    const goods = await addGoods(merchant)
    const cartId = await filledCart([{ goods }])
    expect(await codes(Array.from({ length: 20 }, () => buy(cartId)))).toEqual({ ok: 1, invalid_state: 19 })
  })

  it('sells fifty units to fifty of two hundred buyers', async () => {
    const goods = await addGoods(merchant, { onHand: 50n })
    const carts: string[] = []
    for (let buyer = 0; buyer < 200; buyer++) carts.push(await filledCart([{ goods }]))
    expect(await codes(carts.map((cartId) => buy(cartId)))).toEqual({ ok: 50, insufficient_stock: 150 })
    const [level] = await merchant.inMerchant(
      (tx) => tx.sql`select on_hand, allocated from stock_level where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId}`,
    )
    expect(level).toEqual({ on_hand: 50n, allocated: 50n })
  })

  it('serves carts with crossed goods without a deadlock becoming an error', async () => {
    const [left, right] = [await addGoods(merchant, { onHand: 1000n }), await addGoods(merchant, { onHand: 1000n })]
    const carts: string[] = []
    for (let buyer = 0; buyer < 60; buyer++)
      carts.push(await filledCart(buyer % 2 ? [{ goods: left }, { goods: right }] : [{ goods: right }, { goods: left }]))
    expect(await codes(carts.map((cartId) => buy(cartId)))).toEqual({ ok: 60 })
  })

  it('takes all lines or none', async () => {
    const [plenty, scarce] = [await addGoods(merchant, { onHand: 10n }), await addGoods(merchant, { onHand: 1n })]
    const first = await filledCart([{ goods: plenty, quantity: 2n }, { goods: scarce }])
    const second = await filledCart([{ goods: plenty, quantity: 2n }, { goods: scarce }])
    await buy(first)
    await expect(buy(second)).rejects.toMatchObject({ code: 'insufficient_stock', details: { extra: { variant_ids: [scarce.variantId] } } })
    const [level] = await merchant.inMerchant(
      (tx) => tx.sql`select allocated from stock_level where merchant_id = ${tx.merchantId} and variant_id = ${plenty.variantId}`,
    )
    expect(level).toEqual({ allocated: 2n })
  })

  it('numbers the orders of each merchant from one, without a gap, also when checkouts fail', async () => {
    const other = await shop.addMerchant()
    const goods = await addGoods(other, { onHand: 3n })
    const carts: string[] = []
    for (let buyer = 0; buyer < 8; buyer++) carts.push(await filledCart([{ goods }], other))
    await codes(carts.map((cartId) => buy(cartId, {}, other)))
    const rows = await other.inMerchant((tx) => tx.sql`select number from orders where merchant_id = ${tx.merchantId} order by number`)
    expect(rows.map((row) => row.number)).toEqual([1n, 2n, 3n])
  })

  it('refuses another total than the buyer was shown', async () => {
    const goods = await addGoods(merchant, { price: 500n })
    const cartId = await filledCart([{ goods }])
    await expect(buy(cartId, { expectedTotal: 1n })).rejects.toMatchObject({
      code: 'total_changed',
      details: { extra: { total: { amount: 990, currency: 'EUR' } } },
    })
  })

  it('refuses an empty cart, and one that lacks what an order needs', async () => {
    await expect(buy(await filledCart([]))).rejects.toMatchObject({ code: 'cart_empty' })
    const cartId = await filledCart([{ goods: await addGoods(merchant) }])
    await merchant.inMerchant((tx) => updateCart(tx, cartId, { details: { email: null, shippingAddress: null }, now: new Date() }))
    await expect(buy(cartId)).rejects.toMatchObject({
      code: 'cart_incomplete',
      details: {
        errors: [
          { pointer: '/email', code: 'required' },
          { pointer: '/shipping_address', code: 'required' },
        ],
      },
    })
  })

  it('does not know the cart of another merchant', async () => {
    const other = await shop.addMerchant()
    const cartId = await filledCart([{ goods: await addGoods(merchant) }])
    await expect(buy(cartId, {}, other)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('leaves nothing behind when it fails at any of its phases', async () => {
    const { onCrashPoint } = await import('@souk/tenant-router/crash-point.ts')
    const goods = await addGoods(merchant, { onHand: 1n })
    const cartId = await filledCart([{ goods }])
    for (const point of ['checkout.before_claim', 'checkout.claimed'] as const) {
      onCrashPoint((passed) => {
        if (passed === point) throw new Error(`failed at ${point}`)
      })
      await expect(buy(cartId, { key: 'phases' })).rejects.toThrow(`failed at ${point}`)
    }
    onCrashPoint(() => {})
    expect(await codes([buy(cartId, { key: 'phases' })])).toEqual({ ok: 1 })
  })
})
