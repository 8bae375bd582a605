import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Order } from '../orders/order.ts'
import { recalculateOrder } from '../orders/recalculate-order.ts'
import { installPlugin } from '../plugins/install-plugin.ts'
import { PluginRuntime } from '../plugins/plugin-runtime.ts'
import { pushRelease } from '../plugins/releases.ts'
import { buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { editing } from '../testing/editing.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { type TestPluginPort, testPluginPort } from '../testing/plugin-port.ts'
import { addPromotion } from '../testing/promotions.ts'
import type { SellingShop } from './checkout.ts'
import { previewEdit } from './request-edit.ts'

let shop: TestShop
beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 16, waitMs: 30_000 })
})
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

const by = { actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const, now: new Date() }

async function bought(seller: SellingShop & TestMerchant, quantity: bigint): Promise<{ order: Order; shirt: Goods; lineId: string }> {
  const shirt = await addGoods(seller, { price: 1_000n, onHand: 50n })
  const { order } = await buyCart(seller, (await fillCart(seller, [{ goods: shirt, quantity }])).id)
  return { order, shirt, lineId: order.lines[0]!.id }
}

describe('what a promotion took off', () => {
  /** 10 % off from three pieces on, for two orders at most. */
  async function promoting() {
    const seller = await shop.addMerchant()
    const conditions = { all: [{ fact: 'cart.quantity', operator: 'greaterThanInclusive', value: 3 }] }
    const { id } = await addPromotion(seller, { conditions: conditions as never, limits: { uses: 2 } })
    const used = async () => {
      const [row] = await seller.inMerchant.read(
        (tx) => tx.sql<{ used: bigint }[]>`select used from usage_counter where merchant_id = ${tx.merchantId} and subject_id = ${id}`,
      )
      return row?.used ?? 0n
    }
    return { seller, used }
  }
  const setting = (lineId: string, quantity: bigint) => ({ quantities: [{ lineId, quantity }], added: [] })

  it('stays with the goods by the piece, there and back, unless it is counted anew', async () => {
    const { seller, used } = await promoting()
    const { order, lineId } = await bought(seller, 4n)
    expect(order.discountTotal).toBe(400n)
    const edit = (quantity: bigint, recountsPromotions = false) =>
      editing(seller, { orderId: order.id, edit: { ...setting(lineId, quantity), recountsPromotions } })
    expect(await edit(1n)).toMatchObject({ discountTotal: 100n, total: order.total - 2_700n })
    expect(await edit(4n)).toMatchObject({ discountTotal: 400n, total: order.total })
    expect(await used()).toBe(1n)
    expect(await edit(2n, true)).toMatchObject({ discountTotal: 0n, subtotal: 2_000n })
    expect(await used()).toBe(0n)
    expect(await edit(5n, true)).toMatchObject({ discountTotal: 500n })
    expect(await used()).toBe(1n)
    const again = await seller.inMerchant.read((tx) => recalculateOrder(tx, order.id, 'then', new Date()))
    expect(again.priced.totals.total).toBe(again.charged.total)
  })

  it('that has no uses left is not had by a recount, however many want it', async () => {
    const { seller, used } = await promoting()
    const orders = [await bought(seller, 2n), await bought(seller, 2n), await bought(seller, 2n), await bought(seller, 2n)]
    const recounts = orders.map(({ order, lineId }) =>
      editing(seller, { orderId: order.id, edit: { ...setting(lineId, 3n), recountsPromotions: true } }),
    )
    expect(await outcomes(recounts)).toEqual({ ok: 2, promotion_used_up: 2 })
    expect(await used()).toBe(2n)
  })
})

describe('an order that a plugin taxed', () => {
  async function taxing(): Promise<{
    seller: SellingShop & TestMerchant
    port: TestPluginPort
    during: { does: (() => Promise<unknown>) | undefined }
  }> {
    const merchant = await shop.addMerchant()
    const port = testPluginPort()
    const during: { does: (() => Promise<unknown>) | undefined } = { does: undefined }
    port.behaviours.set('taxes', async (call) => {
      const { does } = during
      during.does = undefined
      await does?.()
      const { lines } = call.input as { lines: { id: string }[] }
      const rates = Object.fromEntries(lines.map(({ id }) => [id, [{ name: 'Plugin tax', ratePpm: 100_000 }]]))
      return { output: { lines: rates, shipping: [], note: null } }
    })
    await pushRelease(
      merchant.inMerchant,
      port,
      { manifest: { name: 'taxes', version: '1.0.0', contracts: { tax: '^1' } }, bundle: 'taxes' },
      by,
    )
    const install = { plugin: 'taxes', versionRange: '^1', configuration: {}, providers: [{ point: 'tax' as const }] }
    await installPlugin(merchant.inMerchant, port, install, by)
    return { seller: { ...merchant, plugins: new PluginRuntime({ port, isBlocked: () => false, onError: () => {} }) }, port, during }
  }

  it('is asked about again, for the preview and for the edit', async () => {
    const { seller, port } = await taxing()
    const { order, shirt } = await bought(seller, 2n)
    const asked = port.calls.length
    const edit = { quantities: [], added: [{ variantId: shirt.variantId, quantity: 1n }] }
    const seen = await previewEdit(seller, { orderId: order.id, edit, now: new Date() })
    expect(port.calls.length).toBe(asked + 1)
    const edited = await editing(seller, { orderId: order.id, edit, expectedTotal: { amount: seen.after.total, currency: 'EUR' } })
    expect(port.calls.length).toBe(asked + 2)
    expect(edited.pricing.taxTreatment).toMatchObject({ treatment: 'plugin' })
    expect(edited.taxTotal).toBeGreaterThan(order.taxTotal)
    expect(edited.lines.every(({ taxTotal }) => taxTotal > 0n)).toBe(true)
  })

  it('is edited by what the plugin said of the order as it is, though it changed while it was asked', async () => {
    const { seller, port, during } = await taxing()
    const { order, lineId, shirt } = await bought(seller, 2n)
    const asked = port.calls.length
    during.does = () => editing(seller, { orderId: order.id, edit: { quantities: [{ lineId, quantity: 4n }], added: [] } })
    const hat = await addGoods(seller, { price: 500n, onHand: 5n })
    const edited = await editing(seller, {
      orderId: order.id,
      edit: { quantities: [], added: [{ variantId: hat.variantId, quantity: 1n }] },
    })
    expect(edited.lines.map(({ variantId, quantity }) => [variantId, quantity])).toEqual([
      [shirt.variantId, 4n],
      [hat.variantId, 1n],
    ])
    expect(edited.taxTotal).toBe(edited.lines.reduce((sum, { taxTotal }) => sum + taxTotal, 0n))
    expect(port.calls.length).toBe(asked + 3)
  })
})
