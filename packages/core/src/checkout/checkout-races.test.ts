import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addCoupon } from '../cart/cart-coupons.ts'
import { addLines } from '../cart/change-cart.ts'
import { createCustomer } from '../customers/change-customers.ts'
import { bumpPricing } from '../merchant/pricing-revision.ts'
import { installPlugin } from '../plugins/install-plugin.ts'
import { PluginRuntime } from '../plugins/plugin-runtime.ts'
import { pushRelease } from '../plugins/releases.ts'
import { buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { type PluginBehaviour, testPluginPort } from '../testing/plugin-port.ts'
import { addCoupon as addCode, addPromotion } from '../testing/promotions.ts'
import { cancelOrder } from './cancel-order.ts'
import { REQUOTES_MAX } from './checkout.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 60_000 })
})
afterEach(() => onCrashPoint(() => {}))
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

const now = new Date()
const by = { actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const, now }
const ONCE = { uses: 1, uses_per_customer: null, budget: null }

async function newMerchant(): Promise<TestMerchant> {
  merchant = await shop.addMerchant()
  return merchant
}

async function ordersOf(of = merchant) {
  return of.inMerchant.read(
    (tx) => tx.sql`
    select number, total, discount_total, status, customer_id from orders where merchant_id = ${tx.merchantId} order by number`,
  )
}

describe('the last use', () => {
  it('of an offer goes to one of two hundred buyers at the price it makes, and the others are told', async () => {
    await newMerchant()
    const goods = await addGoods(merchant, { price: 1_000n, onHand: 1_000n })
    await addPromotion(merchant, { limits: ONCE })
    const carts: string[] = []
    for (let buyer = 0; buyer < 200; buyer++) carts.push((await fillCart(merchant, [{ goods }], { email: `b${buyer}@buyer.example` })).id)
    const counts = await outcomes(carts.map((cartId) => buyCart(merchant, cartId, { expectedTotal: 1_390n })))
    expect(counts.ok).toBe(1)
    expect((counts.promotion_used_up ?? 0) + (counts.total_changed ?? 0)).toBe(199)
    expect(await ordersOf()).toMatchObject([{ number: 1n, total: 1_390n, discount_total: 100n }])
  })

  it('of a code goes to one of fifty, and comes back with the order it was used for', async () => {
    await newMerchant()
    const goods = await addGoods(merchant, { price: 1_000n, onHand: 1_000n })
    const { id } = await addPromotion(merchant, { trigger: 'coupon' })
    await addCode(merchant, { promotionId: id, code: 'ONLY-ONE', usesMax: 1 })
    const carts: string[] = []
    for (let buyer = 0; buyer < 50; buyer++) {
      const cart = await fillCart(merchant, [{ goods }], { email: `b${buyer}@buyer.example` })
      carts.push((await merchant.inMerchant((tx) => addCoupon(tx, cart.id, { code: 'only-one', now }))).id)
    }
    expect(await outcomes(carts.map((cartId) => buyCart(merchant, cartId)))).toEqual({ ok: 1, coupon_used_up: 49 })
    const [{ id: orderId }] = (await merchant.inMerchant.read(
      (tx) => tx.sql`select id from orders where merchant_id = ${tx.merchantId}`,
    )) as unknown as [{ id: string }]
    await merchant.inMerchant((tx) => cancelOrder(tx, { orderId, reason: 'changed their mind', ...by }))
    expect((await outcomes(carts.map((cartId) => buyCart(merchant, cartId)))).ok).toBe(1)
  })
})

describe('a first order', () => {
  it('is one of twenty that an address places at once', async () => {
    await newMerchant()
    const goods = await addGoods(merchant, { price: 1_000n, onHand: 1_000n })
    await addPromotion(merchant, { conditions: { all: [{ fact: 'customer.first_order', operator: 'equal', value: true }] } })
    const carts: string[] = []
    for (let cart = 0; cart < 20; cart++) carts.push((await fillCart(merchant, [{ goods }])).id)
    expect(await outcomes(carts.map((cartId) => buyCart(merchant, cartId)))).toEqual({ ok: 20 })
    const discounts = (await ordersOf()).map((order) => order.discount_total as bigint)
    expect(discounts.filter((discount) => discount > 0n)).toEqual([100n])
  })

  it('of a customer is counted with all the others at once', async () => {
    await newMerchant()
    const goods = await addGoods(merchant, { price: 1_000n, onHand: 1_000n })
    await addPromotion(merchant, { conditions: { all: [{ fact: 'customer.orders_count', operator: 'lessThan', value: 2 }] } })
    const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: 'ada@buyer.example' }, by))
    const carts: string[] = []
    for (let cart = 0; cart < 5; cart++) carts.push((await fillCart(merchant, [{ goods }], { customerId: customer.id })).id)
    const counts = await outcomes(carts.map((cartId) => buyCart(merchant, cartId)))
    // Whoever meets the others again and again is told so; nobody gets a price for a history that is over.
    expect((counts.ok ?? 0) + (counts.quote_outdated ?? 0)).toBe(5)
    for (const cartId of carts) await buyCart(merchant, cartId).catch(() => {})
    const orders = await ordersOf()
    expect(orders.map((order) => order.discount_total)).toEqual([100n, 100n, 0n, 0n, 0n])
    const [figures] = await merchant.inMerchant.read(
      (tx) => tx.sql`select orders_count, total_spent from customer where merchant_id = ${tx.merchantId}`,
    )
    expect(figures).toEqual({ orders_count: 5n, total_spent: 5n * 1_490n - 200n })
  })
})

describe('a gift', () => {
  it('that is gone when the order reaches for it is left out, and the order stands', async () => {
    await newMerchant()
    const [goods, gift] = [await addGoods(merchant, { price: 1_000n }), await addGoods(merchant, { price: 300n, onHand: 3n })]
    await addPromotion(merchant, { actions: [{ type: 'gift', variant_id: gift.variantId, quantity: 1 }] })
    const carts: string[] = []
    for (let buyer = 0; buyer < 12; buyer++) carts.push((await fillCart(merchant, [{ goods }])).id)
    expect(await outcomes(carts.map((cartId) => buyCart(merchant, cartId)))).toEqual({ ok: 12 })
    const [given] = await merchant.inMerchant.read(
      (tx) => tx.sql`
      select count(*) as gifts, sum(total)::bigint as paid from order_line where merchant_id = ${tx.merchantId} and kind = 'gift'`,
    )
    expect(given).toEqual({ gifts: 3n, paid: 0n })
  })
})

describe('with a plugin installed', () => {
  /** A merchant whose plugin does this; and how often it was asked. */
  async function withPlugin(does: PluginBehaviour) {
    await newMerchant()
    const port = testPluginPort()
    const plugins = new PluginRuntime({ port, isBlocked: () => false, onError: () => {} })
    port.behaviours.set('code', does)
    const manifest = { name: 'tiers', version: '1.0.0', contracts: { discount: '^1' } }
    await pushRelease(merchant.inMerchant, port, { manifest, bundle: 'code' }, by)
    const install = { plugin: 'tiers', versionRange: '^1', configuration: {}, providers: [{ point: 'discount' as const }] }
    await installPlugin(merchant.inMerchant, port, install, by)
    const goods = await addGoods(merchant, { price: 1_000n, onHand: 1_000n })
    const cart = await fillCart(merchant, [{ goods }])
    return { port, goods, cart, seller: { ...merchant, plugins } }
  }

  const takeOff = (amount: number): PluginBehaviour => {
    return () => ({ output: [{ target: 'order', amount, reason: 'Because', code: null }] })
  }

  it('an order remembers who took off what', async () => {
    const { cart, seller } = await withPlugin(takeOff(200))
    const { order } = await buyCart(seller, cart.id, { expectedTotal: 1_290n })
    const discount = order.pricing.adjustments.find((adjustment) => adjustment.source === 'plugin')
    expect(discount).toMatchObject({ amount: -200n, reason: 'Because', version: '1.0.0' })
  })

  it('a cart that is changed while it is quoted is quoted anew, and ordered as it is then', async () => {
    let changes = 0
    const { cart, goods, seller } = await withPlugin(async () => {
      if (changes++ === 0)
        await merchant.inMerchant((tx) => addLines(tx, cart.id, { lines: [{ variantId: goods.variantId, quantity: 1n }], now }))
      return { output: [{ target: 'order', amount: 200, reason: 'Because', code: null }] }
    })
    const { order } = await buyCart(seller, cart.id)
    expect([order.subtotal, order.discountTotal, changes]).toEqual([2_000n, 200n, 2])
  })

  it('a pricing revision between quote and order makes it quote anew', async () => {
    let asked = 0
    const { cart, seller } = await withPlugin(async () => {
      if (asked++ === 0) await addPromotion(merchant, {})
      return { output: [] }
    })
    const { order } = await buyCart(seller, cart.id)
    expect([order.discountTotal, asked]).toEqual([100n, 2])
  })

  it('an order that is overtaken again and again is refused, and nothing is left of it', async () => {
    let asked = 0
    const { cart, seller } = await withPlugin(async () => {
      asked++
      await merchant.inMerchant((tx) => bumpPricing(tx))
      return { output: [] }
    })
    await expect(buyCart(seller, cart.id)).rejects.toMatchObject({ code: 'quote_outdated' })
    expect(asked).toBe(REQUOTES_MAX + 1)
    expect(await ordersOf()).toEqual([])
  })

  it('no transaction is open while it is asked', async () => {
    const { cart, seller } = await withPlugin(async () => {
      const [row] = await merchant.inMerchant.read(
        (tx) => tx.sql`select status from cart where merchant_id = ${tx.merchantId} and id = ${cart.id}`,
      )
      // Would wait for a held cart until the call is over.
      await merchant.inMerchant(
        (tx) => tx.sql`select 1 from cart where merchant_id = ${tx.merchantId} and id = ${cart.id} for update nowait`,
      )
      return { output: [{ target: 'order', amount: row!.status === 'open' ? 100 : 0, reason: 'Because', code: null }] }
    })
    expect((await buyCart(seller, cart.id)).order.discountTotal).toBe(100n)
  })

  it('a replay is answered without asking it again', async () => {
    const { cart, seller, port } = await withPlugin(takeOff(200))
    const first = await buyCart(seller, cart.id, { key: 'again' })
    const asked = port.calls.length
    const second = await buyCart(seller, cart.id, { key: 'again' })
    expect([second.body, second.replayed, port.calls.length]).toEqual([first.body, true, asked])
  })

  it('leaves nothing behind when it fails at any of its phases, and goes on from there', async () => {
    const { cart, seller } = await withPlugin(takeOff(200))
    for (const point of ['checkout.quoted', 'checkout.before_claim', 'checkout.claimed'] as const) {
      onCrashPoint((passed) => {
        if (passed === point) throw new Error(`failed at ${point}`)
      })
      await expect(buyCart(seller, cart.id, { key: 'phases' })).rejects.toThrow(`failed at ${point}`)
      expect(await ordersOf()).toEqual([])
    }
    onCrashPoint(() => {})
    expect((await buyCart(seller, cart.id, { key: 'phases' })).replayed).toBe(false)
  })
})
