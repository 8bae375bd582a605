import { Router } from '@souk/tenant-router/router.ts'
import { openTestWire } from '@souk/tenant-router/test-wire.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { addCoupon } from '../cart/cart-coupons.ts'
import { addLines } from '../cart/change-cart.ts'
import { fillCart } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addCoupon as addCode, addPromotion } from '../testing/promotions.ts'

let shop: TestShop
let merchant: TestMerchant
let wire: Awaited<ReturnType<typeof openTestWire>>
let router: Router
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  wire = await openTestWire(shop.database.url('souk_app'))
  router = new Router({
    directoryUrl: shop.database.url('souk_app'),
    baseDomain: 'localhost',
    cellUrls: { [merchant.merchant.cell]: wire.url },
    connectionsPerCell: 1,
  })
  goods = await addGoods(merchant, { onHand: 1_000_000n })
})
afterAll(async () => {
  await router.close()
  await wire.close()
  await shop.close()
})

const now = new Date()

/** The least of some tries: a flight that the network cut in two is counted as two. */
async function roundTripsOf(cartId: string): Promise<number> {
  const inMerchant = router.inMerchant(merchant.merchant)
  const counts: number[] = []
  for (let attempt = 0; attempt < 7; attempt++) {
    wire.reset()
    await inMerchant((tx) => addLines(tx, cartId, { lines: [{ variantId: goods.variantId, quantity: 1n }], now }))
    if ((wire.counts.P ?? 0) === 0) counts.push(wire.roundTrips)
  }
  return Math.min(...counts)
}

it('a cart changes in one flight and a commit, also with limits, codes and gifts in force; and in one more when the pricing is new', async () => {
  const cart = await fillCart(merchant, [])
  expect(await roundTripsOf(cart.id)).toBe(2)

  const gift = await addGoods(merchant)
  await addPromotion(merchant, { limits: { uses: 1_000, uses_per_customer: 100, budget: 1_000_000 } })
  await addPromotion(merchant, { actions: [{ type: 'gift', variant_id: gift.variantId, quantity: 1 }] })
  await addPromotion(merchant, { conditions: { all: [{ fact: 'customer.first_order', operator: 'equal', value: true }] } })
  const { id } = await addPromotion(merchant, { trigger: 'coupon' })
  await addCode(merchant, { promotionId: id, code: 'WELCOME' })
  await merchant.inMerchant((tx) => addCoupon(tx, cart.id, { code: 'welcome', now }))
  expect(await roundTripsOf(cart.id)).toBe(2)

  const inMerchant = router.inMerchant(merchant.merchant)
  const counts: number[] = []
  for (let attempt = 0; attempt < 5; attempt++) {
    await addPromotion(merchant, {})
    wire.reset()
    const changed = await inMerchant((tx) => addLines(tx, cart.id, { lines: [{ variantId: goods.variantId, quantity: 1n }], now }))
    expect(changed.priced.promotions.filter(({ outcome }) => outcome === 'applied').length).toBeGreaterThan(attempt)
    counts.push(wire.roundTrips)
  }
  // The document, and what it needs besides the cart.
  expect(Math.min(...counts)).toBeLessThanOrEqual(4)
})
