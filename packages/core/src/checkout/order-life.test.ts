import { checkInvariantsAtRest } from '@souk/migrations/invariants.ts'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cancelOpenFulfillments } from '../fulfillment/cancel-fulfillment.ts'
import { openFulfillment } from '../fulfillment/open-fulfillments.ts'
import { packFulfillment } from '../fulfillment/pick-fulfillment.ts'
import { shipFulfillment } from '../fulfillment/ship-fulfillment.ts'
import { holdOrder, readOrderState } from '../orders/hold-order.ts'
import { verifyOrders } from '../orders/verify-orders.ts'
import { refundOrder } from '../refunds/refund-order.ts'
import { Refusal } from '../refusal.ts'
import { buyCart, fillCart } from '../testing/buying.ts'
import { editing } from '../testing/editing.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { pay } from '../testing/paying.ts'
import { cancelOrder } from './cancel-order.ts'

// Random lives of an order, each step held against a small model that shares nothing with the product: plain numbers, and what
// a shopkeeper would say of them.

const STORIES = 12
const STEPS_MAX = 14
const PRICE = 1_000
const SHIPPING = 490
const ORDERED = 3
const RECEIVED = 5

let shop: TestShop

beforeAll(async () => {
  shop = await createTestShop({ connectionsPerCell: 8, waitMs: 60_000 })
})
afterAll(async () => {
  expect(await checkInvariantsAtRest(shop.database.adminUrl)).toEqual([])
  await shop.close()
})

interface Model {
  isCancelled: boolean
  ordered: number
  sent: number
  captured: number
  refunded: number
  /** Of it, what edits had made too much. */
  repaid: number
  /** What a payment by hand is waited for: from the beginning, and again after an edit that left something to pay. */
  awaited: number
}

interface Real {
  merchant: TestMerchant
  orderId: string
  lineId: string
  variantId: string
}

const by = () => ({ actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const, now: new Date() })

const totalOf = ({ ordered }: Model) => ordered * PRICE + SHIPPING

function statusOf(model: Model): string {
  if (model.isCancelled) return 'cancelled'
  if (model.sent > 0) return model.sent === model.ordered ? 'fulfilled' : 'part_fulfilled'
  return model.captured >= totalOf(model) + model.repaid && model.refunded < model.captured ? 'paid' : 'placed'
}

/** A step: what it asks of the shop, and what the model says comes of it; undefined where the shop must say no. */
abstract class Step implements fc.AsyncCommand<Model, Real> {
  abstract name: string
  abstract expected(model: Model): Model | undefined
  abstract perform(real: Real): Promise<unknown>

  check(): boolean {
    return true
  }

  async run(model: Model, real: Real): Promise<void> {
    const next = this.expected(model)
    const outcome = await this.perform(real).then(
      () => 'done' as const,
      (error: unknown) => {
        if (error instanceof Refusal) return 'refused' as const
        throw error
      },
    )
    expect([this.toString(), JSON.stringify(model), outcome]).toEqual([this.toString(), JSON.stringify(model), next ? 'done' : 'refused'])
    if (next) Object.assign(model, next)
    await agree(model, real)
  }

  toString(): string {
    return this.name
  }
}

class Pay extends Step {
  name = 'pay'
  // Nothing waits to be paid: that is no refusal, and nothing happens.
  expected(model: Model): Model {
    return { ...model, captured: model.captured + model.awaited, awaited: 0 }
  }
  async perform({ merchant, orderId }: Real) {
    await pay(merchant, { id: orderId })
  }
}

class RefundAmount extends Step {
  readonly amount: number
  constructor(amount: number) {
    super()
    this.amount = amount
  }
  get name() {
    return `refund ${this.amount}`
  }
  expected(model: Model) {
    const { amount } = this
    return amount <= model.captured - model.refunded ? { ...model, refunded: model.refunded + amount } : undefined
  }
  async perform({ merchant, orderId }: Real) {
    const wish = { orderId, lines: [], shipping: 0n, amount: BigInt(this.amount), to: 'original' as const, reason: '' }
    await merchant.inMerchant((tx) => refundOrder(tx, { ...wish, ...by() }))
  }
}

class Edit extends Step {
  readonly quantity: number
  constructor(quantity: number) {
    super()
    this.quantity = quantity
  }
  get name() {
    return `edit to ${this.quantity}`
  }
  expected(model: Model) {
    const ordered = this.quantity
    if (model.isCancelled || ordered === 0 || ordered < model.sent || ordered > RECEIVED) return undefined
    const next = { ...model, ordered }
    const left = totalOf(next) + model.repaid - model.captured
    const repaid = Math.min(Math.max(0, -left), model.captured - model.refunded)
    return { ...next, awaited: Math.max(0, left), refunded: model.refunded + repaid, repaid: model.repaid + repaid }
  }
  async perform({ merchant, orderId, lineId }: Real) {
    const edit = { quantities: [{ lineId, quantity: BigInt(this.quantity) }], added: [] }
    await editing(merchant, { orderId, edit })
  }
}

class Ship extends Step {
  readonly quantity: number
  constructor(quantity: number) {
    super()
    this.quantity = quantity
  }
  get name() {
    return `ship ${this.quantity}`
  }
  expected(model: Model) {
    const sent = model.sent + this.quantity
    return model.isCancelled || sent > model.ordered ? undefined : { ...model, sent }
  }
  async perform({ merchant, orderId, lineId }: Real) {
    const { locationId } = merchant
    await merchant.inMerchant(async (tx) => {
      const held = await holdOrder(tx, orderId)
      // What an edit has planned to be picked stands in the way of picking something else.
      await cancelOpenFulfillments(tx, orderId, by())
      const lines = [{ lineId, quantity: BigInt(this.quantity) }]
      const { id } = await openFulfillment(tx, held, { locationId, lines }, by())
      await packFulfillment(tx, id, by())
      await shipFulfillment(tx, id, {}, by())
    })
  }
}

class Cancel extends Step {
  name = 'cancel'
  expected(model: Model) {
    if (model.isCancelled) return model
    return model.sent > 0 ? undefined : { ...model, isCancelled: true, refunded: model.captured, awaited: 0 }
  }
  async perform({ merchant, orderId }: Real) {
    await merchant.inMerchant((tx) => cancelOrder(tx, { orderId, reason: '', ...by() }))
  }
}

async function agree(model: Model, { merchant, orderId, variantId }: Real): Promise<void> {
  const { state } = await merchant.inMerchant.read((tx) => readOrderState(tx, orderId))
  const [level] = await merchant.inMerchant.read(
    (tx) => tx.sql`
      select on_hand, reserved + allocated as promised from stock_level where merchant_id = ${tx.merchantId} and variant_id = ${variantId}`,
  )
  const seen = { status: state.status, captured: state.captured, refunded: state.refunded, total: state.total }
  expect({ ...seen, onHand: level!.on_hand, promised: level!.promised }).toEqual({
    status: statusOf(model),
    captured: BigInt(model.captured),
    refunded: BigInt(model.refunded),
    total: BigInt(totalOf(model)),
    onHand: BigInt(RECEIVED - model.sent),
    promised: BigInt(model.isCancelled ? 0 : model.ordered - model.sent),
  })
}

async function begin(): Promise<{ model: Model; real: Real }> {
  const merchant = await shop.addMerchant()
  const goods = await addGoods(merchant, { price: BigInt(PRICE), onHand: BigInt(RECEIVED) })
  const { order } = await buyCart(merchant, (await fillCart(merchant, [{ goods, quantity: BigInt(ORDERED) }])).id)
  const model: Model = {
    isCancelled: false,
    ordered: ORDERED,
    sent: 0,
    captured: 0,
    refunded: 0,
    repaid: 0,
    awaited: ORDERED * PRICE + SHIPPING,
  }
  return { model, real: { merchant, orderId: order.id, lineId: order.lines[0]!.id, variantId: goods.variantId } }
}

const steps = fc.commands(
  [
    fc.constant(new Pay()),
    fc.integer({ min: 1, max: 4_000 }).map((amount) => new RefundAmount(amount)),
    fc.integer({ min: 0, max: 6 }).map((quantity) => new Edit(quantity)),
    fc.integer({ min: 1, max: 3 }).map((quantity) => new Ship(quantity)),
    fc.constant(new Cancel()),
  ],
  { maxCommands: STEPS_MAX },
)

test('an order lives as a shopkeeper would expect, whatever happens to it', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      const { model, real } = await begin()
      await fc.asyncModelRun(() => ({ model, real }), commands)
      expect(await verifyOrders(real.merchant.inMerchant)).toEqual({ orders: 1, untold: 0, differences: [] })
    }),
    { numRuns: STORIES },
  )
})
