import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addToCollection, createCollection } from '../catalog/collections.ts'
import { createCustomer, deleteCustomer } from '../customers/change-customers.ts'
import { createGroup, joinGroup } from '../customers/groups.ts'
import { updateSettings } from '../merchant/settings.ts'
import { forgetPricing } from '../quote/pricing-in-force.ts'
import type { Conditions } from '../rules/conditions.ts'
import { ADDRESS, buyCart, fillCart } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addCoupon as addCode, addPromotion } from '../testing/promotions.ts'
import { loadCart } from './cart.ts'
import { addCoupon, removeCoupon } from './cart-coupons.ts'
import { addLines, createCart, updateCart } from './change-cart.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

const now = new Date()
const by = { actor: { kind: 'job', task: 'test' } as const, now }

async function newMerchant() {
  merchant = await shop.addMerchant()
  return merchant
}

const reread = (cartId: string) => merchant.inMerchant.read((tx) => loadCart(tx, cartId, now))
const enter = (cartId: string, code: string) => merchant.inMerchant((tx) => addCoupon(tx, cartId, { code, now }))

describe('a cart with promotions in force', () => {
  it('is priced by them from the next quote on, in a process that knew an older revision and in a new one', async () => {
    await newMerchant()
    const goods = await addGoods(merchant, { price: 1_000n })
    const cart = await fillCart(merchant, [{ goods }])
    expect(cart.priced.totals.discount).toBe(0n)
    await addPromotion(merchant, { name: 'Ten off' })
    expect((await reread(cart.id)).priced.totals.discount).toBe(100n)
    forgetPricing()
    const priced = (await reread(cart.id)).priced
    expect(priced.totals.discount).toBe(100n)
    expect(priced.adjustments.map(({ source, reason }) => [source, reason])).toContainEqual(['promotion', 'Ten off'])
  })

  it('knows collections, tags, vendors and groups', async () => {
    await newMerchant()
    const [inside, outside] = [await addGoods(merchant, { price: 1_000n }), await addGoods(merchant, { price: 1_000n })]
    const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: 'Ada@Buyer.example' }, by))
    await merchant.inMerchant(async (tx) => {
      const collection = await createCollection(tx, { title: 'Summer things' }, by)
      await addToCollection(tx, { collectionId: collection.id, productIds: [inside.productId] }, by)
      const group = await createGroup(tx, { name: 'Friends of the house' }, by)
      await joinGroup(tx, { groupId: group.id, customerId: customer.id }, by)
    })
    const where: Conditions = { all: [{ fact: 'line.collections', operator: 'contains', value: 'summer-things' }] }
    await addPromotion(merchant, {
      conditions: { all: [{ fact: 'customer.groups', operator: 'contains', value: 'friends-of-the-house' }] },
      actions: [{ type: 'percentage', on: 'line', rate_ppm: 500_000, where }],
    })
    const guest = await fillCart(merchant, [{ goods: inside }, { goods: outside }], { email: 'ada@buyer.example' })
    expect(guest.priced.totals.discount).toBe(0n)
    const known = await merchant.inMerchant((tx) => updateCart(tx, guest.id, { details: { customerId: customer.id }, now }))
    expect(known.pricingInput.customer).toMatchObject({ id: customer.id, groups: ['friends-of-the-house'], ordersCount: 0n })
    expect(known.priced.lines.find((line) => line.variantId === inside.variantId)!.discount).toBe(500n)
    expect(known.priced.lines.find((line) => line.variantId === outside.variantId)!.discount).toBe(0n)
    const left = await merchant.inMerchant((tx) => updateCart(tx, guest.id, { details: { customerId: null }, now }))
    expect(left.priced.totals.discount).toBe(0n)
  })

  it('takes the address of its customer, refuses one who is gone, and outlives one who goes', async () => {
    await newMerchant()
    const customer = await merchant.inMerchant((tx) => createCustomer(tx, { email: 'ada@buyer.example' }, by))
    const open = () => merchant.inMerchant((tx) => createCart(tx, { lines: [], details: { customerId: customer.id }, now }))
    const cart = await open()
    expect([cart.customerId, cart.email]).toEqual([customer.id, 'ada@buyer.example'])
    await merchant.inMerchant((tx) => deleteCustomer(tx, customer.id, by))
    expect((await reread(cart.id)).customerId).toBeNull()
    await expect(open()).rejects.toMatchObject({ code: 'customer_token_invalid' })
  })

  it('adds a gift that is to be had, beside what the buyer has of it, and none that is not', async () => {
    await newMerchant()
    const [goods, gift] = [await addGoods(merchant, { price: 1_000n }), await addGoods(merchant, { price: 300n, onHand: 2n })]
    await addPromotion(merchant, { name: 'A mug for you', actions: [{ type: 'gift', variant_id: gift.variantId, quantity: 1 }] })
    const cart = await fillCart(merchant, [{ goods }])
    expect(cart.priced.lines.find((line) => line.kind === 'gift')).toMatchObject({
      variantId: gift.variantId,
      quantity: 1n,
      listPrice: 300n,
      total: 0n,
    })
    const greedy = await merchant.inMerchant((tx) => addLines(tx, cart.id, { lines: [{ variantId: gift.variantId, quantity: 2n }], now }))
    expect(greedy.priced.lines.filter((line) => line.kind === 'gift')).toEqual([])
  })

  it('is not a first order when the address has ordered, or the customer has', async () => {
    await newMerchant()
    const goods = await addGoods(merchant, { price: 1_000n })
    await addPromotion(merchant, { conditions: { all: [{ fact: 'customer.first_order', operator: 'equal', value: true }] } })
    const unknown = await merchant.inMerchant((tx) =>
      createCart(tx, { lines: [{ variantId: goods.variantId, quantity: 1n }], details: {}, now }),
    )
    expect([unknown.pricingInput.firstOrder, unknown.priced.totals.discount]).toEqual([null, 0n])
    const first = await fillCart(merchant, [{ goods }], { email: 'grace@buyer.example' })
    expect([first.pricingInput.firstOrder, first.priced.totals.discount]).toEqual([true, 100n])
    await buyCart(merchant, first.id)
    const again = await fillCart(merchant, [{ goods }], { email: ' Grace@Buyer.example' })
    expect([again.pricingInput.firstOrder, again.priced.totals.discount]).toEqual([false, 0n])
  })
})

describe('a coupon', () => {
  async function withCode(given: Parameters<typeof addCode>[1] | object = {}) {
    await newMerchant()
    const promotion = await addPromotion(merchant, { name: 'Welcome', trigger: 'coupon' })
    await addCode(merchant, { promotionId: promotion.id, code: 'WELCOME', ...given })
    const goods = await addGoods(merchant, { price: 1_000n })
    return fillCart(merchant, [{ goods }])
  }

  it('is entered as people write it, counts once, and is taken out again', async () => {
    const cart = await withCode()
    const entered = await enter(cart.id, ' wel come ')
    expect(entered.couponCodes).toEqual(['WELCOME'])
    expect([entered.priced.totals.discount, entered.priced.coupons[0]!.outcome]).toEqual([100n, 'applied'])
    expect((await enter(cart.id, 'welcome')).couponCodes).toEqual(['WELCOME'])
    const removed = await merchant.inMerchant((tx) => removeCoupon(tx, cart.id, { code: 'Welcome', now }))
    expect([removed.couponCodes, removed.priced.totals.discount]).toEqual([[], 0n])
    await expect(merchant.inMerchant((tx) => removeCoupon(tx, cart.id, { code: 'WELCOME', now }))).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  it.each([
    ['coupon_unknown', 'NOBODYS', {}],
    ['coupon_unknown', 'a\0b', {}],
    ['coupon_expired', 'WELCOME', { expiresAt: new Date(now.getTime() - 1_000) }],
    ['coupon_not_yet', 'WELCOME', { startsAt: new Date(now.getTime() + 60_000) }],
    ['coupon_not_yours', 'WELCOME', { customerEmail: 'grace@buyer.example' }],
  ])('is refused as %s, and leaves the cart as it was', async (code, entered, given) => {
    const cart = await withCode(given)
    await expect(enter(cart.id, entered)).rejects.toMatchObject({ code, details: { errors: [{ pointer: '/code', code }] } })
    expect((await reread(cart.id)).couponCodes).toEqual([])
  })

  it('is refused when it was used up, or used before by this buyer', async () => {
    const cart = await withCode({ usesMax: 1 })
    await buyCart(merchant, (await enter(cart.id, 'WELCOME')).id)
    const other = await fillCart(merchant, [{ goods: await addGoods(merchant) }], { email: 'grace@buyer.example' })
    await expect(enter(other.id, 'WELCOME')).rejects.toMatchObject({ code: 'coupon_used_up' })
    const single = await withCode({ usesPerCustomer: 1 })
    await buyCart(merchant, (await enter(single.id, 'WELCOME')).id)
    const again = await fillCart(merchant, [{ goods: await addGoods(merchant) }])
    await expect(enter(again.id, 'WELCOME')).rejects.toMatchObject({ code: 'coupon_used_before' })
  })

  it('stays in the cart when its conditions fail, and says what is missing', async () => {
    await newMerchant()
    const promotion = await addPromotion(merchant, {
      trigger: 'coupon',
      conditions: { all: [{ fact: 'cart.subtotal', operator: 'greaterThanInclusive', value: 5_000 }] },
    })
    await addCode(merchant, { promotionId: promotion.id, code: 'BIG' })
    const cart = await fillCart(merchant, [{ goods: await addGoods(merchant, { price: 1_000n }) }])
    const entered = await enter(cart.id, 'big')
    expect(entered.priced.totals.discount).toBe(0n)
    expect(entered.priced.coupons).toMatchObject([{ code: 'BIG', outcome: 'conditions_failed' }])
    expect(entered.priced.coupons[0]!.words).toMatch(/50\.00 EUR/)
  })

  it('of a promotion that ended meanwhile says so, and refuses the order until it is taken out', async () => {
    const cart = await withCode()
    await enter(cart.id, 'WELCOME')
    await merchant.inMerchant(async (tx) => {
      await tx.sql`update promotion set state = 'off', live_version = null, rollout_ppm = 0 where merchant_id = ${tx.merchantId}`
      await tx.sql`update merchant_settings set pricing_revision = pricing_revision + 1 where merchant_id = ${tx.merchantId}`
    })
    expect((await reread(cart.id)).priced.coupons).toMatchObject([{ code: 'WELCOME', outcome: 'expired' }])
    await expect(buyCart(merchant, cart.id)).rejects.toMatchObject({
      code: 'coupon_expired',
      details: { errors: [{ pointer: '/coupons/0', code: 'coupon_expired' }] },
    })
    await merchant.inMerchant((tx) => removeCoupon(tx, cart.id, { code: 'WELCOME', now }))
    expect((await buyCart(merchant, cart.id)).statusCode).toBe(201)
  })
})

describe('the way of sending', () => {
  it('is the first there is until the buyer chooses, and none that nobody offers', async () => {
    await newMerchant()
    const cart = await fillCart(merchant, [{ goods: await addGoods(merchant) }])
    expect([cart.shippingOption, cart.priced.shipping?.method, cart.priced.totals.shipping]).toEqual([null, 'flat', 490n])
    const choose = (shippingOption: string) => merchant.inMerchant((tx) => updateCart(tx, cart.id, { details: { shippingOption }, now }))
    expect((await choose('flat')).shippingOption).toBe('flat')
    await expect(choose('teleport')).rejects.toMatchObject({
      code: 'shipping_option_unavailable',
      details: { errors: [{ pointer: '/shipping_option' }] },
    })
  })
})

describe('a VAT id', () => {
  const CHECKED = 'DE129273398'

  it('is refused when its check digits are wrong', async () => {
    await newMerchant()
    const cart = await fillCart(merchant, [])
    await expect(merchant.inMerchant((tx) => updateCart(tx, cart.id, { details: { vatId: 'DE129273399' }, now }))).rejects.toMatchObject({
      code: 'vat_id_invalid',
    })
  })

  it('counts when staff have checked it as the customer’s, or when the merchant takes well-formed ones', async () => {
    await newMerchant()
    const customer = await merchant.inMerchant((tx) =>
      createCustomer(tx, { email: 'ada@buyer.example', vatId: CHECKED, vatIdValid: true }, by),
    )
    const typed = await fillCart(merchant, [], { vatId: CHECKED })
    expect(typed.pricingInput.vatId).toEqual({ country: 'DE', number: CHECKED, valid: false })
    const joined = await merchant.inMerchant((tx) => updateCart(tx, typed.id, { details: { customerId: customer.id }, now }))
    expect(joined.pricingInput.vatId).toMatchObject({ valid: true })
    await merchant.inMerchant((tx) => updateSettings(tx, { vatIds: 'well_formed' }, by))
    expect((await fillCart(merchant, [], { vatId: CHECKED, shippingAddress: ADDRESS })).pricingInput.vatId).toMatchObject({ valid: true })
  })
})
