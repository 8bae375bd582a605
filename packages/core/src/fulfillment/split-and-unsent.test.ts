import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { holdOrder, readOrderState } from '../orders/hold-order.ts'
import { buyCart, fillCart, outcomes } from '../testing/buying.ts'
import { editing } from '../testing/editing.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { pay } from '../testing/paying.ts'
import { openDueFulfillments } from './follow-orders.ts'
import { fulfillmentsOf, loadFulfillment } from './fulfillment.ts'
import { openFulfillments } from './open-fulfillments.ts'
import { packFulfillment, pickFulfillment } from './pick-fulfillment.ts'
import { updateFulfillmentSettings } from './settings.ts'
import { shipFulfillment } from './ship-fulfillment.ts'
import { splitFulfillment } from './split-fulfillment.ts'

const by = () => ({ actor: { kind: 'api_key', id: '00000000-0000-7000-8000-000000000002' } as const, now: new Date() })
let shop: TestShop
let seller: TestMerchant
let shirt: Goods
let song: Goods

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 12, waitMs: 20_000 })
  seller = await shop.addMerchant()
  shirt = await addGoods(seller, { onHand: 1_000n })
  song = await addGoods(seller, { requiresShipping: false, tracked: false, onHand: 0n })
})
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

async function buy(...lines: { goods: Goods; quantity: bigint }[]) {
  const { order } = await buyCart(seller, (await fillCart(seller, lines)).id)
  return { order, lineOf: (goods: Goods) => order.lines.find(({ variantId }) => variantId === goods.variantId)!.id }
}
const all = (orderId: string) => seller.inMerchant.read((tx) => fulfillmentsOf(tx, orderId))
const read = (id: string) => seller.inMerchant.read((tx) => loadFulfillment(tx, id))

describe('a split fulfillment', () => {
  async function opened() {
    const { order, lineOf } = await buy({ goods: shirt, quantity: 5n })
    const { fulfillments } = await seller.inMerchant(async (tx) => openFulfillments(tx, await holdOrder(tx, order.id), by()))
    const id = fulfillments[0]!.id
    const split = (quantity: bigint) => seller.inMerchant((tx) => splitFulfillment(tx, id, [{ lineId: lineOf(shirt), quantity }], by()))
    return { orderId: order.id, id, split }
  }

  it('goes on as two, each sent by itself', async () => {
    const { orderId, id, split } = await opened()
    const other = await split(2n)
    expect([other, await read(id)]).toMatchObject([
      { status: 'to_pick', lines: [{ quantity: 2n }] },
      { status: 'to_pick', lines: [{ quantity: 3n }] },
    ])
    await seller.inMerchant((tx) => packFulfillment(tx, other.id, by()))
    await seller.inMerchant((tx) => shipFulfillment(tx, other.id, {}, by()))
    expect((await seller.inMerchant((tx) => readOrderState(tx, orderId))).state).toMatchObject({
      status: 'part_fulfilled',
      lines: [{ fulfilled: 2n }],
    })
    await expect(seller.inMerchant((tx) => splitFulfillment(tx, other.id, [], by()))).rejects.toMatchObject({ code: 'invalid_state' })
  })

  it('has what was picked to pack anew', async () => {
    const { id, split } = await opened()
    await seller.inMerchant((tx) => pickFulfillment(tx, id, [], by()))
    expect(await split(1n)).toMatchObject({ status: 'picking', assignedTo: null, lines: [{ picked: true }] })
  })

  it('keeps something, and gives no more than it holds, however many split it at once', async () => {
    const { orderId, split } = await opened()
    for (const quantity of [0n, 5n, 6n]) await expect(split(quantity)).rejects.toMatchObject({ code: 'quantity_out_of_range' })
    expect(await outcomes(Array.from({ length: 5 }, () => split(2n)))).toEqual({ ok: 2, quantity_out_of_range: 3 })
    const quantities = (await all(orderId)).map(({ lines }) => lines[0]!.quantity)
    expect(quantities.sort()).toEqual([1n, 2n, 2n])
  })
})

describe('goods that need no sending', () => {
  it('are fulfilled by themselves once they are paid, if the merchant wants it, and what is added to them, too', async () => {
    await seller.inMerchant((tx) => updateFulfillmentSettings(tx, { fulfilsUnsent: true }, { ...by(), reason: '' }))
    const { order, lineOf } = await buy({ goods: shirt, quantity: 1n }, { goods: song, quantity: 2n })
    await openDueFulfillments(seller.inMerchant)
    expect(await all(order.id)).toMatchObject([{ status: 'to_pick', lines: [{ variantId: shirt.variantId }] }])
    await pay(seller, order)
    await Promise.all(Array.from({ length: 4 }, () => openDueFulfillments(seller.inMerchant)))
    expect((await all(order.id)).map(({ status, lines }) => [status, lines[0]!.variantId, lines.length])).toEqual([
      ['to_pick', shirt.variantId, 1],
      ['delivered', song.variantId, 1],
    ])
    await editing(seller, { orderId: order.id, edit: { quantities: [{ lineId: lineOf(song), quantity: 3n }], added: [] } })
    await openDueFulfillments(seller.inMerchant)
    expect(await all(order.id)).toHaveLength(3)
    await pay(seller, order)
    await openDueFulfillments(seller.inMerchant)
    const { state } = await seller.inMerchant((tx) => readOrderState(tx, order.id))
    expect(state.lines.find(({ id }) => id === lineOf(song))).toMatchObject({ fulfilled: 3n, delivered: 3n })
  })

  it('take the same steps as all goods otherwise', async () => {
    await seller.inMerchant((tx) => updateFulfillmentSettings(tx, { fulfilsUnsent: false }, { ...by(), reason: '' }))
    const { order } = await buy({ goods: song, quantity: 1n })
    await pay(seller, order)
    await openDueFulfillments(seller.inMerchant)
    expect(await all(order.id)).toMatchObject([{ status: 'to_pick' }])
  })
})
