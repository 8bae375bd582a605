import { followOrders } from '@souk/core/fulfillment/follow-orders.ts'
import { fulfillmentsOf } from '@souk/core/fulfillment/fulfillment.ts'
import { addGoods } from '@souk/core/testing/goods.ts'
import { addPlacedOrder } from '@souk/core/testing/placed-order.ts'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { wakeMerchant } from './due-work.ts'
import { QueueTest } from './testing/queue-test.ts'

let queue: QueueTest

beforeAll(async () => {
  queue = await QueueTest.create()
})
afterAll(() => queue.close())

it('opens the fulfillments of orders as they come, with two workers at it, each once', async () => {
  const works = {
    fulfillment: (inMerchant: Parameters<typeof followOrders>[0], { lease }: { lease: Parameters<typeof followOrders>[1] }) =>
      followOrders(inMerchant, lease),
  }
  const shop = await queue.shop.addMerchant()
  const goods = await addGoods(shop, { onHand: 1_000n })
  const before = await addPlacedOrder(shop, [{ goods }])
  await wakeMerchant(shop.inMerchant, new Date())
  const workers = [await queue.start({}, works), await queue.start({}, works)]
  const placed = [before]
  for (let n = 0; n < 20; n += 1) placed.push(await addPlacedOrder(shop, [{ goods }]))
  const opened = () =>
    Promise.all(placed.map(async ({ orderId }) => (await shop.inMerchant.read((tx) => fulfillmentsOf(tx, orderId))).length))
  await expect.poll(opened).toEqual(placed.map(() => 1))
  await Promise.all(workers.map((worker) => worker.stop()))
  expect(await opened()).toEqual(placed.map(() => 1))
})
