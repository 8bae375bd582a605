import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { newId } from '../ids.ts'
import type { StaffRole } from '../merchant/scopes.ts'
import { addStaff } from '../merchant/staff.ts'
import { holdOrder, readOrderState } from '../orders/hold-order.ts'
import { outcomes } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPlacedOrder, type PlacedOrder } from '../testing/placed-order.ts'
import { assertNothingInHand, cancelFulfillment, cancelOpenFulfillments } from './cancel-fulfillment.ts'
import { fulfillmentsOf, loadFulfillment } from './fulfillment.ts'
import { claimAndOpen, openFulfillment, openFulfillments, planFulfillments } from './open-fulfillments.ts'
import { packFulfillment, pickFulfillment } from './pick-fulfillment.ts'
import { deliverFulfillment, shipFulfillment } from './ship-fulfillment.ts'
import { assignCourier, assignFulfillment, takeFulfillment } from './take-fulfillment.ts'

const now = new Date()
let ticks = 0
// Every use is a millisecond later, so that ids follow the order of things.
const by = {
  actor: { kind: 'api_key', id: newId() } as Actor,
  get now() {
    return new Date(now.getTime() + ++ticks)
  },
}

let shop: TestShop
let seller: TestMerchant
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop()
  seller = await shop.addMerchant()
})
afterAll(() => shop.close())
afterEach(() => onCrashPoint(() => {}))

async function place(quantity = 3n, onHand = 100n): Promise<PlacedOrder & { lineId: string }> {
  goods = await addGoods(seller, { onHand })
  const placed = await addPlacedOrder(seller, [{ goods, quantity }])
  return { ...placed, lineId: placed.lineIds[0]! }
}
const open = (orderId: string) => seller.inMerchant(async (tx) => openFulfillments(tx, await holdOrder(tx, orderId), by))
async function opened(quantity = 3n, onHand = 100n) {
  const placed = await place(quantity, onHand)
  const { fulfillments } = await open(placed.orderId)
  return { ...placed, id: fulfillments[0]!.id }
}
const read = (id: string) => seller.inMerchant.read((tx) => loadFulfillment(tx, id))
const all = (orderId: string) => seller.inMerchant.read((tx) => fulfillmentsOf(tx, orderId))
const stateOf = async (orderId: string) => (await seller.inMerchant((tx) => readOrderState(tx, orderId))).state
const pick = (id: string, lines: { lineId: string; quantity: bigint }[] = [], as = by) =>
  seller.inMerchant((tx) => pickFulfillment(tx, id, lines, as))
const pack = (id: string, as = by) => seller.inMerchant((tx) => packFulfillment(tx, id, as))
const ship = (id: string) => seller.inMerchant((tx) => shipFulfillment(tx, id, { carrier: 'Post', trackingNumber: 'T1' }, by))
const deliver = (id: string) => seller.inMerchant((tx) => deliverFulfillment(tx, id, by))
const cancel = (id: string) => seller.inMerchant((tx) => cancelFulfillment(tx, id, by))
const level = async (locationId = seller.locationId) =>
  (
    await seller.inMerchant.read(
      (tx) => tx.sql`
        select on_hand, allocated from stock_level
        where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId} and location_id = ${locationId}`,
    )
  )[0]
const eventsOf = async (id: string) =>
  (
    await seller.inMerchant.read(
      (tx) => tx.sql<{ type: string }[]>`
        select type from event where merchant_id = ${tx.merchantId} and (aggregate_id = ${id} or data ->> 'fulfillment_id' = ${id}) order by sequence`,
    )
  ).map(({ type }) => type)

async function member(role: StaffRole): Promise<{ id: string; by: typeof by }> {
  const id = newId()
  await seller.inMerchant(async (tx) => {
    await addStaff(tx, { id, email: `${id}@shop.example`, name: role, role, passwordHash: null, now })
  })
  return { id, by: { actor: { kind: 'staff', id }, now } }
}
const take = (id: string, who: { by: typeof by }) => seller.inMerchant((tx) => takeFulfillment(tx, id, who.by))

describe('a fulfillment', () => {
  it('goes from the shelf to the buyer, and the order and the stock go with it', async () => {
    const { orderId, id, lineId } = await opened()
    expect(await level()).toEqual({ on_hand: 100n, allocated: 3n })
    expect((await pick(id)).pickedAt).toBeInstanceOf(Date)
    expect((await pack(id)).status).toBe('packed')
    const shipped = await ship(id)
    expect(shipped).toMatchObject({ status: 'shipped', carrier: 'Post', trackingNumber: 'T1', trackingUrl: null })
    expect(await level()).toEqual({ on_hand: 97n, allocated: 0n })
    expect(await stateOf(orderId)).toMatchObject({
      status: 'fulfilled',
      fulfillmentStatus: 'fulfilled',
      lines: [{ id: lineId, fulfilled: 3n }],
    })
    await deliver(id)
    expect(await stateOf(orderId)).toMatchObject({ status: 'delivered', lines: [{ delivered: 3n }] })
    expect(await eventsOf(id)).toEqual([
      'fulfillment.opened',
      'fulfillment.picked',
      'fulfillment.packed',
      'fulfillment.shipped',
      'fulfillment.delivered',
    ])
  })

  it('takes the steps in their order, and no other', async () => {
    const steps = { pick, pack, ship, deliver, cancel }
    const allowed: Record<string, (keyof typeof steps)[]> = {
      to_pick: ['pick', 'pack', 'cancel'],
      picking: ['pack', 'cancel'],
      packed: ['ship', 'cancel'],
      shipped: ['deliver'],
      delivered: [],
      cancelled: [],
    }
    const ways: Record<string, (keyof typeof steps)[]> = {
      to_pick: [],
      picking: ['pick'],
      packed: ['pack'],
      shipped: ['pack', 'ship'],
      delivered: ['pack', 'ship', 'deliver'],
      cancelled: ['cancel'],
    }
    for (const [status, way] of Object.entries(ways)) {
      for (const step of Object.keys(steps) as (keyof typeof steps)[]) {
        const { id } = await opened(1n)
        for (const each of way) await steps[each](id)
        expect((await read(id)).status).toBe(status)
        const done = await steps[step](id).then(
          () => 'ok',
          (error) => error.code,
        )
        expect([status, step, done]).toEqual([status, step, allowed[status]!.includes(step) ? 'ok' : 'invalid_state'])
      }
    }
  })

  it('is of no other merchant', async () => {
    const { id } = await opened()
    const { inMerchant } = await shop.addMerchant()
    const attempts = [
      inMerchant((tx) => loadFulfillment(tx, id)),
      inMerchant((tx) => pickFulfillment(tx, id, [], by)),
      inMerchant((tx) => shipFulfillment(tx, id, {}, by)),
      inMerchant((tx) => cancelFulfillment(tx, id, by)),
    ]
    expect(await outcomes(attempts)).toEqual({ not_found: attempts.length })
  })
})

describe('what is opened', () => {
  it('is all of the order, once, however many open it at the same time', async () => {
    const { orderId, lineId } = await place(5n)
    await Promise.all(Array.from({ length: 8 }, () => open(orderId)))
    expect((await all(orderId)).map(({ lines }) => lines)).toMatchObject([[{ lineId, quantity: 5n }]])
  })

  it('lies where the stock is: one for each location', async () => {
    const { orderId, lineId } = await place(5n)
    const second = newId()
    await seller.inMerchant(async (tx) => {
      await tx.sql`insert into location (merchant_id, id, name) values (${tx.merchantId}, ${second}, ${`Second ${second}`})`
      await tx.sql`update stock_allocation set quantity = 3 where merchant_id = ${tx.merchantId} and order_id = ${orderId}`
      await tx.sql`
        insert into stock_allocation (merchant_id, order_id, line_variant_id, variant_id, location_id, per_unit, quantity)
        values (${tx.merchantId}, ${orderId}, ${goods.variantId}, ${goods.variantId}, ${second}, 1, 2)`
    })
    const { fulfillments } = await open(orderId)
    expect(fulfillments.map(({ locationId, lines }) => [locationId, lines[0]!.lineId, lines[0]!.quantity]).sort()).toEqual(
      [
        [seller.locationId, lineId, 3n],
        [second, lineId, 2n],
      ].sort(),
    )
  })

  it('is what staff choose, never more than is open of a line or allocated at the place', async () => {
    const { orderId, lineId } = await place(5n)
    const choose = (quantity: bigint, locationId = seller.locationId, line = lineId) =>
      seller.inMerchant(async (tx) =>
        openFulfillment(tx, await holdOrder(tx, orderId), { locationId, lines: [{ lineId: line, quantity }] }, by),
      )
    await choose(2n)
    const refusal = { code: 'quantity_out_of_range', details: { errors: [{ pointer: '/lines/0/quantity' }] } }
    for (const quantity of [4n, 0n, -1n]) await expect(choose(quantity)).rejects.toMatchObject(refusal)
    await expect(choose(1n, newId())).rejects.toMatchObject({ code: 'insufficient_stock' })
    await expect(choose(1n, seller.locationId, newId())).rejects.toMatchObject({ code: 'not_found' })
    expect(await outcomes([choose(3n), choose(3n), choose(2n), choose(2n)])).toMatchObject({ ok: 1 })
    const held = (await all(orderId)).flatMap(({ lines }) => lines).reduce((sum, { quantity }) => sum + quantity, 0n)
    expect(held).toBeLessThanOrEqual(5n)
  })

  it('leaves the house in parts', async () => {
    const { orderId, lineId } = await place(5n)
    const part = await seller.inMerchant(async (tx) =>
      openFulfillment(tx, await holdOrder(tx, orderId), { locationId: seller.locationId, lines: [{ lineId, quantity: 2n }] }, by),
    )
    await pack(part.id)
    await ship(part.id)
    expect(await stateOf(orderId)).toMatchObject({ status: 'part_fulfilled', lines: [{ fulfilled: 2n }] })
    const { fulfillments } = await open(orderId)
    expect(fulfillments).toMatchObject([{ lines: [{ quantity: 3n }] }])
    await pack(fulfillments[0]!.id)
    await ship(fulfillments[0]!.id)
    expect(await stateOf(orderId)).toMatchObject({ status: 'fulfilled' })
    expect(await level()).toEqual({ on_hand: 95n, allocated: 0n })
  })

  it('is opened again after it was cancelled, and not for an order that is cancelled', async () => {
    const { orderId, id } = await opened()
    await cancel(id)
    expect((await open(orderId)).fulfillments).toHaveLength(1)
    await seller.inMerchant(async (tx) => {
      await tx.sql`update orders set status = 'cancelled', cancelled_at = now() where merchant_id = ${tx.merchantId} and id = ${orderId}`
    })
    await expect(open(orderId)).rejects.toMatchObject({ code: 'invalid_state', details: { extra: { current_state: 'cancelled' } } })
  })
})

describe('goods', () => {
  it('leave the house once, however often they are sent at the same moment', async () => {
    const { orderId, id } = await opened()
    await pack(id)
    expect(await outcomes([ship(id), ship(id), ship(id), cancel(id)])).toEqual({ ok: 1, invalid_state: 3 })
    const { status } = await read(id)
    expect(await level()).toEqual(status === 'shipped' ? { on_hand: 97n, allocated: 0n } : { on_hand: 100n, allocated: 3n })
    expect((await stateOf(orderId)).lines[0]!.fulfilled).toBe(status === 'shipped' ? 3n : 0n)
  })

  it.each(['fulfillment.picked', 'fulfillment.shipped', 'fulfillment.delivered'] as const)(
    'are whole after a crash at %s',
    async (point) => {
      const { orderId, id } = await opened(2n)
      const way = async () => {
        if ((await read(id)).pickedAt === null) await pick(id, [])
        if ((await read(id)).status === 'picking') await pack(id)
        if ((await read(id)).status === 'packed') await ship(id)
        await deliver(id)
      }
      onCrashPoint((passed) => {
        if (passed === point) throw new Error('crashed')
      })
      await expect(way()).rejects.toThrow('crashed')
      onCrashPoint(() => {})
      await way()
      expect(await stateOf(orderId)).toMatchObject({ status: 'delivered', lines: [{ fulfilled: 2n, delivered: 2n }] })
      expect(await level()).toEqual({ on_hand: 98n, allocated: 0n })
      expect((await eventsOf(id)).filter((type) => type === point)).toHaveLength(1)
    },
  )

  it('that are not found lower the stock, and go into another fulfillment where there are some', async () => {
    const { orderId, id, lineId } = await opened(3n, 10n)
    const picked = await pick(id, [{ lineId, quantity: 1n }])
    expect(picked).toMatchObject({ status: 'picking', lines: [{ quantity: 1n, short: 2n, picked: true }] })
    expect(await level()).toEqual({ on_hand: 8n, allocated: 3n })
    expect(await all(orderId)).toMatchObject([{ id }, { status: 'to_pick', lines: [{ quantity: 2n }] }])
    await pack(id)
    await ship(id)
    expect(await level()).toEqual({ on_hand: 7n, allocated: 2n })
  })

  it('that are not found and not to be had wait for stock', async () => {
    const { orderId, id, lineId } = await opened(3n, 3n)
    await pick(id, [{ lineId, quantity: 1n }])
    expect(await level()).toEqual({ on_hand: 1n, allocated: 1n })
    expect(await all(orderId)).toHaveLength(1)
    const again = () => seller.inMerchant(async (tx) => claimAndOpen(tx, await holdOrder(tx, orderId), by))
    expect(await again()).toEqual({ fulfillments: [], unallocated: [{ lineId, quantity: 2n }] })
    await seller.inMerchant(async (tx) => {
      await tx.sql`update stock_level set on_hand = 9 where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId}`
    })
    expect(await again()).toMatchObject({ fulfillments: [{ lines: [{ quantity: 2n }] }], unallocated: [] })
  })

  it('of which none is found leave nothing to pack', async () => {
    const { id, lineId } = await opened(2n, 2n)
    expect(await pick(id, [{ lineId, quantity: 0n }])).toMatchObject({ status: 'cancelled', lines: [{ quantity: 0n, short: 2n }] })
    expect(await level()).toEqual({ on_hand: 0n, allocated: 0n })
  })

  it('are never found in greater number than was looked for', async () => {
    const { id, lineId } = await opened(2n)
    for (const quantity of [3n, -1n])
      await expect(pick(id, [{ lineId, quantity }])).rejects.toMatchObject({ code: 'quantity_out_of_range' })
    const twice = [1, 2].map(() => ({ lineId, quantity: 1n }))
    await expect(pick(id, twice)).rejects.toMatchObject({ code: 'quantity_out_of_range' })
    await expect(pick(id, [{ lineId: newId(), quantity: 1n }])).rejects.toMatchObject({ code: 'not_found' })
    expect((await read(id)).status).toBe('to_pick')
  })
})

describe('work', () => {
  it('that many take at once is one member`s', async () => {
    const workers = await Promise.all(Array.from({ length: 6 }, () => member('warehouse')))
    const { id } = await opened()
    expect(await outcomes(workers.map((worker) => take(id, worker)))).toEqual({ ok: 1, invalid_state: 5 })
    const { assignedTo } = await read(id)
    const [mine, other] = [workers.find((worker) => worker.id === assignedTo)!, workers.find((worker) => worker.id !== assignedTo)!]
    expect((await take(id, mine)).assignedTo).toBe(mine.id)
    await expect(pick(id, [], other.by)).rejects.toMatchObject({ details: { extra: { current_state: 'taken' } } })
    await pick(id, [], mine.by)
    expect(await outcomes(workers.map((worker) => take(id, worker)))).toEqual({ ok: 1, invalid_state: 5 })
    const packer = workers.find(({ id: each }) => each !== other.id)!
    await seller.inMerchant((tx) => assignFulfillment(tx, id, packer.id, by))
    await pack(id, packer.by)
    expect(await outcomes(workers.map((worker) => take(id, worker)))).toEqual({ invalid_state: 6 })
  })

  it('is given back, and to those alone who may do it', async () => {
    const [worker, courier, support] = [await member('warehouse'), await member('courier'), await member('support')]
    const { id } = await opened()
    await take(id, worker)
    const assign = (staffId: string | null) => seller.inMerchant((tx) => assignFulfillment(tx, id, staffId, by))
    expect(await assign(null)).toMatchObject({ status: 'to_pick', assignedTo: null })
    await expect(assign(courier.id)).rejects.toMatchObject({ code: 'invalid_state' })
    await expect(assign(newId())).rejects.toMatchObject({ code: 'not_found', details: { errors: [{ pointer: '/staff_id' }] } })
    expect(await assign(worker.id)).toMatchObject({ status: 'to_pick', assignedTo: worker.id })
    const bring = (staffId: string | null) => seller.inMerchant((tx) => assignCourier(tx, id, staffId, by))
    await expect(bring(support.id)).rejects.toMatchObject({ code: 'invalid_state' })
    expect(await bring(courier.id)).toMatchObject({ courierId: courier.id })
    expect(await bring(null)).toMatchObject({ courierId: null })
  })
})

describe('an order', () => {
  it('that is cancelled has its open fulfillments cancelled, unless they are in hand where that is asked', async () => {
    const { orderId, id } = await opened()
    await seller.inMerchant((tx) => assertNothingInHand(tx, orderId))
    await pack(id)
    await expect(seller.inMerchant((tx) => assertNothingInHand(tx, orderId))).rejects.toMatchObject({ code: 'invalid_state' })
    await seller.inMerchant((tx) => cancelOpenFulfillments(tx, orderId, by))
    expect((await read(id)).status).toBe('cancelled')
  })

  it('that was edited is planned anew: what nobody has begun with', async () => {
    const { orderId, id, lineId } = await opened(5n)
    const plan = () => seller.inMerchant(async (tx) => planFulfillments(tx, await holdOrder(tx, orderId), by))
    const order = (quantity: bigint) =>
      seller.inMerchant(async (tx) => {
        await tx.sql`update order_line set quantity = ${quantity}, subtotal = unit_price * ${quantity} where merchant_id = ${tx.merchantId} and id = ${lineId}`
      })
    await order(2n)
    expect((await plan()).fulfillments).toMatchObject([{ status: 'to_pick', lines: [{ quantity: 2n }] }])
    expect((await read(id)).status).toBe('cancelled')
    const [, current] = await all(orderId)
    await pack(current!.id)
    await order(1n)
    await expect(plan()).rejects.toMatchObject({ code: 'invalid_state', details: { extra: { current_state: 'in_hand' } } })
    await order(3n)
    expect((await plan()).fulfillments).toMatchObject([{ status: 'to_pick', lines: [{ quantity: 1n }] }])
  })
})
