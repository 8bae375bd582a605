import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { loadCart } from './cart.ts'
import { addLines, createCart, removeLine, setLineQuantity, updateCart } from './change-cart.ts'
import { clearAbandonedCarts } from './clear-abandoned-carts.ts'
import { CART_LINE_QUANTITY_MAX } from './limits.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
})
afterAll(() => shop.close())

const now = new Date()

async function emptyCart(seller = merchant) {
  return seller.inMerchant((tx) => createCart(tx, { lines: [], details: {}, now }))
}

describe('a cart', () => {
  it('is priced as it is filled', async () => {
    const goods = await addGoods(merchant, { price: 1190n })
    const cart = await emptyCart()
    expect(cart.priced.totals.total).toBe(0n)
    const filled = await merchant.inMerchant((tx) => addLines(tx, cart.id, { lines: [{ variantId: goods.variantId, quantity: 2n }], now }))
    expect(filled.priced.totals).toEqual({
      subtotal: 2380n,
      discount: 0n,
      shippingDiscount: 0n,
      shipping: 490n,
      tax: 380n + 78n,
      taxIncluded: true,
      total: 2870n,
    })
    expect(await merchant.inMerchant.read((tx) => loadCart(tx, cart.id, now))).toEqual(filled)
  })

  it('merges the same variant into one line, in one request or in several', async () => {
    const { variantId } = await addGoods(merchant)
    const cart = await merchant.inMerchant((tx) =>
      createCart(tx, {
        lines: [
          { variantId, quantity: 1n },
          { variantId, quantity: 2n },
        ],
        details: {},
        now,
      }),
    )
    const more = await merchant.inMerchant((tx) => addLines(tx, cart.id, { lines: [{ variantId, quantity: 3n }], now }))
    expect(more.lines.map((line) => line.quantity)).toEqual([6n])
  })

  it('adds up when many add the same variant at once', async () => {
    const { variantId } = await addGoods(merchant)
    const cart = await emptyCart()
    await Promise.all(
      Array.from({ length: 30 }, () => merchant.inMerchant((tx) => addLines(tx, cart.id, { lines: [{ variantId, quantity: 1n }], now }))),
    )
    const filled = await merchant.inMerchant.read((tx) => loadCart(tx, cart.id, now))
    expect(filled.lines.map((line) => line.quantity)).toEqual([30n])
  })

  it('changes and loses lines', async () => {
    const { variantId } = await addGoods(merchant)
    const cart = await merchant.inMerchant((tx) => createCart(tx, { lines: [{ variantId, quantity: 1n }], details: {}, now }))
    const lineId = cart.lines[0]!.id
    const changed = await merchant.inMerchant((tx) => setLineQuantity(tx, cart.id, { lineId, quantity: 7n, now }))
    expect(changed.lines[0]!.quantity).toBe(7n)
    const emptied = await merchant.inMerchant((tx) => removeLine(tx, cart.id, { lineId, now }))
    expect(emptied.lines).toEqual([])
    await expect(merchant.inMerchant((tx) => removeLine(tx, cart.id, { lineId, now }))).rejects.toMatchObject({ code: 'not_found' })
  })

  it('keeps what is not mentioned and empties what is null', async () => {
    const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
    const cart = await merchant.inMerchant((tx) =>
      createCart(tx, { lines: [], details: { email: 'ada@buyer.example', shippingAddress: address }, now }),
    )
    const changed = await merchant.inMerchant((tx) => updateCart(tx, cart.id, { details: { email: null }, now }))
    expect([changed.email, changed.shippingAddress]).toEqual([null, address])
  })

  it('refuses what is not for sale, hidden, or unknown, as if it did not exist', async () => {
    const hidden = await addGoods(merchant, { published: false })
    const other = await shop.addMerchant()
    const foreign = await addGoods(other)
    for (const variantId of [hidden.variantId, foreign.variantId, '01890000-0000-7000-8000-000000000000']) {
      await expect(
        merchant.inMerchant((tx) => createCart(tx, { lines: [{ variantId, quantity: 1n }], details: {}, now })),
      ).rejects.toMatchObject({ code: 'not_found', details: { errors: [{ pointer: '/lines/0', code: 'not_found' }] } })
    }
  })

  it('refuses more than there is, and quantities that no one buys', async () => {
    const { variantId } = await addGoods(merchant, { onHand: 3n })
    const adding = (quantity: bigint) => merchant.inMerchant((tx) => createCart(tx, { lines: [{ variantId, quantity }], details: {}, now }))
    await expect(adding(4n)).rejects.toMatchObject({ code: 'insufficient_stock' })
    for (const quantity of [0n, -1n, CART_LINE_QUANTITY_MAX + 1n])
      await expect(adding(quantity)).rejects.toMatchObject({ code: 'quantity_out_of_range' })
  })

  it('takes no lines of a cart that does not exist, or is another merchant’s', async () => {
    const goods = await addGoods(merchant)
    const other = await shop.addMerchant()
    const foreign = await emptyCart(other)
    for (const cartId of [foreign.id, '01890000-0000-7000-8000-000000000000']) {
      await expect(
        merchant.inMerchant((tx) => addLines(tx, cartId, { lines: [{ variantId: goods.variantId, quantity: 1n }], now })),
      ).rejects.toMatchObject({ code: 'not_found', message: 'There is no such cart.' })
    }
  })

  it('is cleared when it was abandoned, and only then', async () => {
    const [old, fresh] = [await emptyCart(), await emptyCart()]
    await merchant.inMerchant((tx) =>
      tx.sql`update cart set updated_at = now() - interval '31 days' where merchant_id = ${tx.merchantId} and id = ${old.id}`.then(
        () => {},
      ),
    )
    expect(await clearAbandonedCarts(merchant.inMerchant, new Date())).toBe(1)
    await expect(merchant.inMerchant.read((tx) => loadCart(tx, old.id, now))).rejects.toMatchObject({ code: 'not_found' })
    expect((await merchant.inMerchant.read((tx) => loadCart(tx, fresh.id, now))).id).toBe(fresh.id)
  })
})
