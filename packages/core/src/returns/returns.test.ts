import { onCrashPoint } from '@souk/tenant-router/crash-point.ts'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { openFulfillments } from '../fulfillment/open-fulfillments.ts'
import { packFulfillment } from '../fulfillment/pick-fulfillment.ts'
import { updateFulfillmentSettings } from '../fulfillment/settings.ts'
import { deliverFulfillment, shipFulfillment } from '../fulfillment/ship-fulfillment.ts'
import { newId } from '../ids.ts'
import { holdOrder, readOrderState } from '../orders/hold-order.ts'
import { outcomes } from '../testing/buying.ts'
import { addGoods, type Goods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { addPlacedOrder } from '../testing/placed-order.ts'
import { forgetReturns } from './forget-buyer.ts'
import { type Inspection, listReturns, loadReturn, returnsOf } from './order-return.ts'
import { receiveReturn } from './receive-return.ts'
import { cancelReturn, decideReturn, requestReturn } from './request-return.ts'

const now = new Date()
let ticks = 0
const tick = () => new Date(now.getTime() + ++ticks)
const staff = () => ({ actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as Actor, now: tick() })
const buyer = () => ({ actor: { kind: 'buyer' } as Actor, now: tick() })

let shop: TestShop
let seller: TestMerchant
let goods: Goods

beforeAll(async () => {
  shop = await createTestShop()
  seller = await shop.addMerchant()
})
afterAll(() => shop.close())
afterEach(() => onCrashPoint(() => {}))

/** Three pieces, delivered. */
async function delivered(quantity = 3n) {
  goods = await addGoods(seller, { onHand: 10n })
  const { orderId, lineIds } = await addPlacedOrder(seller, [{ goods, quantity }])
  const { fulfillments } = await seller.inMerchant(async (tx) => openFulfillments(tx, await holdOrder(tx, orderId), staff()))
  const { id } = fulfillments[0]!
  await seller.inMerchant((tx) => packFulfillment(tx, id, staff()))
  await seller.inMerchant((tx) => shipFulfillment(tx, id, {}, staff()))
  await seller.inMerchant((tx) => deliverFulfillment(tx, id, staff()))
  return { orderId, lineId: lineIds[0]! }
}
const ask = ({ orderId, lineId }: { orderId: string; lineId: string }, quantity = 2n, by = staff()) =>
  seller.inMerchant((tx) => requestReturn(tx, { orderId, lines: [{ lineId, quantity, reason: 'unwanted' }], note: 'too big' }, by))
const found = (decision: Inspection['decision'], quantity: bigint): Inspection => ({ decision, quantity, condition: 'as new' })
const receive = (id: string, lineId: string, inspections: Inspection[], locationId = seller.locationId) =>
  seller.inMerchant((tx) => receiveReturn(tx, id, { locationId, lines: [{ lineId, inspections }] }, staff()))
const stateOf = async (orderId: string) => (await seller.inMerchant((tx) => readOrderState(tx, orderId))).state
const onHand = async () =>
  (
    await seller.inMerchant.read(
      (tx) => tx.sql`select on_hand from stock_level where merchant_id = ${tx.merchantId} and variant_id = ${goods.variantId}`,
    )
  )[0]!.on_hand

describe('a return', () => {
  it('comes back: what is good is for sale again, what is damaged is not, and the order says so', async () => {
    const order = await delivered()
    const { id } = await ask(order, 3n)
    expect(await onHand()).toBe(7n)
    const received = await receive(id, order.lineId, [found('restock', 1n), found('damaged', 1n), found('missing', 1n)])
    expect(received).toMatchObject({
      status: 'received',
      locationId: seller.locationId,
      lines: [{ quantity: 3n, inspections: [{}, {}, {}] }],
    })
    expect(await onHand()).toBe(8n)
    expect(await stateOf(order.orderId)).toMatchObject({ fulfillmentStatus: 'part_returned', lines: [{ returned: 2n }] })
    const rest = await ask(order, 1n)
    await receive(rest.id, order.lineId, [found('restock', 1n)])
    expect(await stateOf(order.orderId)).toMatchObject({ status: 'returned', lines: [{ returned: 3n }] })
  })

  it('is asked for by the buyer, and waits for an answer', async () => {
    const order = await delivered()
    const asked = await ask(order, 1n, buyer())
    expect(asked).toMatchObject({ status: 'requested', note: 'too big' })
    await expect(receive(asked.id, order.lineId, [found('restock', 1n)])).rejects.toMatchObject({ code: 'invalid_state' })
    const decide = (approved: boolean) => seller.inMerchant((tx) => decideReturn(tx, asked.id, { approved, note: 'sorry' }, staff()))
    expect(await decide(false)).toMatchObject({ status: 'rejected', decisionNote: 'sorry' })
    await expect(decide(true)).rejects.toMatchObject({ code: 'invalid_state', details: { extra: { current_state: 'rejected' } } })
    const again = await ask(order, 1n, buyer())
    const cancel = (by: ReturnType<typeof buyer>) => seller.inMerchant((tx) => cancelReturn(tx, again.id, by))
    await seller.inMerchant((tx) => decideReturn(tx, again.id, { approved: true, note: '' }, staff()))
    await expect(cancel(buyer())).rejects.toMatchObject({ code: 'invalid_state' })
    expect((await cancel(staff())).status).toBe('cancelled')
  })

  it('is asked for by buyers only as long as the merchant says', async () => {
    const other = await shop.addMerchant()
    const mine = seller
    seller = other
    const order = await delivered()
    const late = { ...buyer(), now: new Date(now.getTime() + 31 * 86_400_000) }
    await expect(ask(order, 1n, late)).rejects.toMatchObject({ details: { extra: { current_state: 'return_window_closed' } } })
    expect((await ask(order, 1n, { ...staff(), now: late.now })).status).toBe('approved')
    await other.inMerchant((tx) => updateFulfillmentSettings(tx, { returnWindowDays: 0 }, { ...staff(), reason: '' }))
    await expect(ask(order, 1n, buyer())).rejects.toMatchObject({ code: 'invalid_state' })
    seller = mine
  })

  it('is never of more than was sent, is back or is announced, however many ask at once', async () => {
    const order = await delivered(3n)
    for (const quantity of [4n, 0n, -1n])
      await expect(ask(order, quantity)).rejects.toMatchObject({
        code: 'quantity_out_of_range',
        details: { errors: [{ pointer: '/lines/0/quantity' }] },
      })
    await expect(ask({ ...order, lineId: newId() })).rejects.toMatchObject({ code: 'not_found' })
    expect(await outcomes(Array.from({ length: 5 }, () => ask(order, 1n)))).toEqual({ ok: 3, quantity_out_of_range: 2 })
    const [first] = await seller.inMerchant.read((tx) => returnsOf(tx, order.orderId))
    await seller.inMerchant((tx) => cancelReturn(tx, first!.id, staff()))
    expect(await outcomes(Array.from({ length: 3 }, () => ask(order, 1n)))).toEqual({ ok: 1, quantity_out_of_range: 2 })
  })

  it('is received once, and every piece of it is accounted for', async () => {
    const order = await delivered()
    const { id } = await ask(order, 2n)
    const wrong: Inspection[][] = [
      [],
      [found('restock', 1n)],
      [found('restock', 3n)],
      [found('restock', 1n), found('restock', 1n)],
      [found('restock', 3n), found('damaged', -1n)],
      [found('missing', 2n)],
    ]
    for (const inspections of wrong)
      await expect(receive(id, order.lineId, inspections)).rejects.toMatchObject({ code: 'quantity_out_of_range' })
    await expect(receive(id, newId(), [found('restock', 2n)])).rejects.toMatchObject({ code: 'not_found' })
    await expect(receive(id, order.lineId, [found('restock', 2n)], newId())).rejects.toMatchObject({ code: 'not_found' })
    const attempts = Array.from({ length: 4 }, () => receive(id, order.lineId, [found('restock', 2n)]))
    expect(await outcomes(attempts)).toEqual({ ok: 1, invalid_state: 3 })
    expect(await onHand()).toBe(9n)
    expect((await stateOf(order.orderId)).lines[0]!.returned).toBe(2n)
  })

  it('is whole after a crash while it is received', async () => {
    const order = await delivered()
    const { id } = await ask(order, 2n)
    onCrashPoint((point) => {
      if (point === 'return.received') throw new Error('crashed')
    })
    await expect(receive(id, order.lineId, [found('restock', 2n)])).rejects.toThrow('crashed')
    onCrashPoint(() => {})
    expect(await seller.inMerchant.read((tx) => loadReturn(tx, id))).toMatchObject({ status: 'approved', lines: [{ inspections: [] }] })
    expect(await onHand()).toBe(7n)
    await receive(id, order.lineId, [found('restock', 2n)])
    expect(await onHand()).toBe(9n)
  })

  it('is of no other merchant', async () => {
    const order = await delivered()
    const { id } = await ask(order, 1n)
    const { inMerchant } = await shop.addMerchant()
    const attempts = [
      inMerchant((tx) => loadReturn(tx, id)),
      inMerchant((tx) => decideReturn(tx, id, { approved: true, note: '' }, staff())),
      inMerchant((tx) => cancelReturn(tx, id, staff())),
      inMerchant((tx) => requestReturn(tx, { orderId: order.orderId, lines: [], note: '' }, staff())),
    ]
    expect(await outcomes(attempts)).toEqual({ not_found: attempts.length })
  })

  it('keeps what was returned when its words are forgotten', async () => {
    const order = await delivered()
    const { id } = await ask(order, 1n)
    await seller.inMerchant((tx) => forgetReturns(tx, [order.orderId]))
    expect(await seller.inMerchant.read((tx) => loadReturn(tx, id))).toMatchObject({ note: '', lines: [{ quantity: 1n }] })
  })
})

describe('the list of returns', () => {
  it('goes on page by page, of one status', async () => {
    const keys = { keys: [{ kid: 'a', secret: Buffer.alloc(32, 1) }] }
    const list = (cursor?: string) => seller.inMerchant.read((tx) => listReturns(tx, keys, { status: 'received', limit: 2, cursor }))
    const seen: string[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await list(cursor)
      seen.push(...page.returns.map(({ id, status }) => `${status} ${id}`))
      if (page.nextCursor === null) break
      cursor = page.nextCursor
    }
    expect(seen.length).toBeGreaterThan(3)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.every((each) => each.startsWith('received'))).toBe(true)
    expect(seen).toEqual([...seen].sort().reverse())
  })
})
