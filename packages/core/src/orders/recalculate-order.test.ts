import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { updateSettings } from '../merchant/settings.ts'
import { storePricing } from '../pricing/stored-form.ts'
import { forgetPricing } from '../quote/pricing-in-force.ts'
import { buyCart, fillCart } from '../testing/buying.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPromotion } from '../testing/promotions.ts'
import { recalculateOrder } from './recalculate-order.ts'

let shop: TestShop
let merchant: TestMerchant

beforeAll(async () => {
  shop = await createTestShop()
})
afterAll(() => shop.close())

const now = new Date()
const by = { actor: { kind: 'job', task: 'test' } as const, now }
const again = (orderId: string, version: 'then' | 'now', of = merchant) =>
  of.inMerchant.read((tx) => recalculateOrder(tx, orderId, version, now))

async function placed() {
  merchant = await shop.addMerchant()
  const [goods, gift] = [await addGoods(merchant, { price: 3_333n }), await addGoods(merchant, { price: 300n })]
  await addPromotion(merchant, { name: 'A third off', actions: [{ type: 'percentage', on: 'order', rate_ppm: 333_333, where: null }] })
  await addPromotion(merchant, { name: 'A mug', actions: [{ type: 'gift', variant_id: gift.variantId, quantity: 1 }] })
  const { order } = await buyCart(merchant, (await fillCart(merchant, [{ goods, quantity: 3n }])).id)
  return order
}

describe('an order’s price computed again', () => {
  it('is the same to the byte under the pricing of then, whatever has changed since', async () => {
    const order = await placed()
    const [stored] = await merchant.inMerchant.read(
      (tx) => tx.sql`select pricing_result from orders where merchant_id = ${tx.merchantId} and id = ${order.id}`,
    )
    await merchant.inMerchant((tx) => updateSettings(tx, { taxRatePpm: 70_000n, shippingAmount: 1n, rounding: 'down' }, by))
    forgetPricing()
    const { priced, charged, pricingVersion } = await again(order.id, 'then')
    const { lines, adjustments, totals, shipping } = JSON.parse(storePricing(priced))
    expect({ lines, adjustments, totals, shipping }).toEqual({
      lines: stored!.pricing_result.lines,
      adjustments: stored!.pricing_result.adjustments,
      totals: stored!.pricing_result.totals,
      shipping: stored!.pricing_result.shipping,
    })
    expect(charged.total).toBe(order.total)
    expect(pricingVersion).toBe(order.pricing.version)
    expect(priced.promotions.map(({ name, outcome }) => [name, outcome])).toEqual(
      expect.arrayContaining([
        ['A third off', 'applied'],
        ['A mug', 'applied'],
      ]),
    )
  })

  it('shows what the pricing of now would make of it', async () => {
    const order = await placed()
    await merchant.inMerchant((tx) => updateSettings(tx, { shippingAmount: 990n }, by))
    const { priced, charged, pricingVersion } = await again(order.id, 'now')
    expect(priced.totals.total - charged.total).toBe(500n)
    expect(pricingVersion).not.toBe(order.pricing.version)
  })

  it('works for orders that were placed before there were pricing versions', async () => {
    const order = await placed()
    const line = { id: 'a', variantId: 'v', productId: 'p', quantity: 2, unitPrice: 1999, taxable: true, requiresShipping: true }
    const input = {
      version: 1,
      currency: 'EUR',
      policy: { pricesIncludeTax: true, rounding: 'half_up', taxRoundedPer: 'line' },
      lines: [line],
      shipping: { code: 'flat', name: 'Parcel', amount: 490 },
      tax: { name: 'VAT', ratePpm: 190_000, appliesToShipping: true },
    }
    await merchant.inMerchant(
      (tx) => tx.sql`
        update orders set pricing_input = ${JSON.stringify(input)}::jsonb, pricing_version = null, subtotal = 3998, discount_total = 0,
          shipping_total = 490, tax_total = 716, total = 4488
        where merchant_id = ${tx.merchantId} and id = ${order.id}`,
    )
    const { priced, charged } = await again(order.id, 'then')
    expect([priced.totals.total, priced.totals.tax]).toEqual([charged.total, charged.tax])
    expect((await again(order.id, 'now')).priced.totals.discount).toBe(1_333n)
  })

  it('is nobody else’s business', async () => {
    const order = await placed()
    await expect(again(order.id, 'then', await shop.addMerchant())).rejects.toMatchObject({ code: 'not_found' })
  })
})
