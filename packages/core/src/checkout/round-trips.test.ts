import { Router } from '@souk/tenant-router/router.ts'
import { openTestWire } from '@souk/tenant-router/test-wire.ts'
import { expect, it, onTestFinished } from 'vitest'
import { createCart } from '../cart/change-cart.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop } from '../testing/merchant.ts'
import { checkout } from './checkout.ts'

it('turns a cart of two lines into an order in at most five round trips and twenty-five statements', async () => {
  const shop = await createTestShop()
  const { merchant, ...rest } = await shop.addMerchant()
  const wire = await openTestWire(shop.database.url('souk_app'))
  const router = new Router({
    directoryUrl: shop.database.url('souk_app'),
    baseDomain: 'localhost',
    cellUrls: { [merchant.cell]: wire.url },
    connectionsPerCell: 1,
  })
  onTestFinished(async () => {
    await router.close()
    await wire.close()
    await shop.close()
  })
  const inMerchant = router.inMerchant(merchant)
  const goods = [await addGoods({ merchant, ...rest }), await addGoods({ merchant, ...rest })]
  const details = { email: 'ada@buyer.example', shippingAddress: { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' } }

  const buy = async (key: string) => {
    const now = new Date()
    const lines = goods.map(({ variantId }) => ({ variantId, quantity: 1n }))
    const cart = await inMerchant((tx) => createCart(tx, { lines, details, now }))
    wire.reset()
    const idempotency = { route: 'checkout', key, fingerprint: 'f' }
    const answer = () => ({ statusCode: 201, body: '{}' })
    await checkout({ inMerchant }, { cartId: cart.id, paymentMethod: 'invoice', expectedTotal: undefined, idempotency, now, answer })
  }
  // The first uses of a connection describe its statements; from then on the count is what every buyer causes. The best
  // of a few: a flight that the network cut in two is counted as two.
  for (const key of ['first', 'second']) await buy(key)
  const roundTrips: number[] = []
  for (const key of ['third', 'fourth', 'fifth', 'sixth', 'seventh']) {
    await buy(key)
    expect(wire.counts.P ?? 0).toBe(0)
    roundTrips.push(wire.roundTrips)
  }
  const statements = wire.counts.B ?? 0
  expect(Math.min(...roundTrips)).toBeLessThanOrEqual(5)
  expect(statements).toBeLessThanOrEqual(25)
})
