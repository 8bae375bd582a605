import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCart } from '../cart/change-cart.ts'
import { checkout } from '../checkout/checkout.ts'
import { listEvents } from '../events/list-events.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestShop, type TestMerchant, type TestShop } from '../testing/merchant.ts'
import { listOrders } from './list-orders.ts'
import { orderQueries, toOrder } from './order.ts'

let shop: TestShop
let merchant: TestMerchant
let other: TestMerchant
const placed: string[] = []

beforeAll(async () => {
  shop = await createTestShop()
  merchant = await shop.addMerchant()
  other = await shop.addMerchant()
  const { variantId } = await addGoods(merchant)
  for (let index = 0; index < 5; index++) placed.push(await placeOrder(variantId, index))
})
afterAll(() => shop.close())

async function placeOrder(variantId: string, index: number): Promise<string> {
  const now = new Date()
  const address = { name: 'Ada', line1: 'Street 1', city: 'Berlin', country: 'DE' }
  const details = { email: 'ada@buyer.example', shippingAddress: address }
  const cart = await merchant.inMerchant((tx) => createCart(tx, { lines: [{ variantId, quantity: 1n }], details, now }))
  const idempotency = { route: 'checkout', key: `order-${index}`, fingerprint: 'f' }
  const answered = await checkout(merchant, {
    cartId: cart.id,
    paymentMethod: 'cash_on_delivery',
    expectedTotal: undefined,
    idempotency,
    now,
    answer: (order) => ({ statusCode: 201, body: JSON.stringify({ id: order.id }) }),
  })
  return JSON.parse(answered.body).id
}

it('lists orders from the newest, page by page', async () => {
  const first = await merchant.inMerchant.read((tx) => listOrders(tx, shop.keys, { limit: 3 }))
  const second = await merchant.inMerchant.read((tx) => listOrders(tx, shop.keys, { limit: 3, cursor: first.nextCursor! }))
  expect([...first.orders, ...second.orders].map((order) => order.id)).toEqual(placed.toReversed())
  expect(second.nextCursor).toBeNull()
})

it('refuses a cursor of another merchant, and one that was edited', async () => {
  const { nextCursor } = await merchant.inMerchant.read((tx) => listOrders(tx, shop.keys, { limit: 2 }))
  const asking = (cursor: string, seller: TestMerchant) => seller.inMerchant.read((tx) => listOrders(tx, shop.keys, { limit: 2, cursor }))
  await expect(asking(nextCursor!, other)).rejects.toMatchObject({ code: 'invalid_cursor' })
  await expect(asking(`x${nextCursor}`, merchant)).rejects.toMatchObject({ code: 'invalid_cursor' })
})

it('reads an order whole, and only its merchant’s', async () => {
  const reading = (seller: TestMerchant) => seller.inMerchant.readOnce((tx) => orderQueries(tx, placed[0]!)).then(toOrder)
  const order = await reading(merchant)
  expect(order).toMatchObject({ number: 1n, total: 1490n, payments: [{ method: 'cash_on_delivery', amount: 1490n }] })
  expect(order.lines).toHaveLength(1)
  await expect(reading(other)).rejects.toMatchObject({ code: 'not_found' })
})

it('tells the events of a merchant in order, and of one order', async () => {
  const all = await merchant.inMerchant.read((tx) => listEvents(tx, { after: 0n, limit: 100 }))
  expect(all.map((event) => [event.sequence, event.type, event.aggregateId])).toEqual(
    placed.map((id, index) => [BigInt(index + 1), 'order.placed', id]),
  )
  const ofOne = await merchant.inMerchant.read((tx) => listEvents(tx, { after: 0n, limit: 100, aggregateId: placed[2] }))
  expect(ofOne.map((event) => event.sequence)).toEqual([3n])
  expect(await other.inMerchant.read((tx) => listEvents(tx, { after: 0n, limit: 100 }))).toEqual([])
})
