import { checkInvariantsAtRest, readInvariants } from '@souk/migrations/invariants.ts'
import { drizzle } from 'drizzle-orm/postgres-js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Actor } from '../actor.ts'
import { recordAttempt } from '../fulfillment/deliver.ts'
import { openFulfillment, openFulfillments } from '../fulfillment/open-fulfillments.ts'
import { packFulfillment, pickFulfillment } from '../fulfillment/pick-fulfillment.ts'
import { shipFulfillment } from '../fulfillment/ship-fulfillment.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { addGoods } from '../testing/goods.ts'
import { createTestMerchant } from '../testing/merchant.ts'
import { addPlacedOrder } from '../testing/placed-order.ts'
import { receiveReturn } from './receive-return.ts'
import { requestReturn } from './request-return.ts'

const by = { actor: { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as Actor, now: new Date() }
const everything = { actor: by.actor, seesAll: true }

let merchant: Awaited<ReturnType<typeof createTestMerchant>>
let admin: ReturnType<typeof drizzle>['$client']

beforeAll(async () => {
  merchant = await createTestMerchant()
  admin = drizzle(merchant.database.adminUrl).$client
  await sellAndTakeBack()
})
afterAll(async () => {
  await admin.end()
  await merchant.close()
})

/** Nine pieces: some to pick, some found short, some sent, some delivered, some announced to come back, some back. */
async function sellAndTakeBack(): Promise<void> {
  const goods = await addGoods(merchant, { onHand: 20n })
  const { orderId, lineIds } = await addPlacedOrder(merchant, [{ goods, quantity: 9n }])
  const lineId = lineIds[0]!
  await merchant.inMerchant(async (tx) => {
    const open = async (quantity: bigint) => {
      const wanted = { locationId: merchant.locationId, lines: [{ lineId, quantity }] }
      return (await openFulfillment(tx, await holdOrder(tx, orderId), wanted, by)).id
    }
    const [arrived, sent, short] = [await open(4n), await open(2n), await open(2n)]
    for (const id of [arrived, sent]) {
      await packFulfillment(tx, id, by)
      await shipFulfillment(tx, id, {}, by)
    }
    const door = { outcome: 'delivered', reason: null, receivedBy: '', note: '', proofs: [] } as const
    await recordAttempt(tx, arrived, door, everything, by)
    await pickFulfillment(tx, short, [{ lineId, quantity: 1n }], by)
    await openFulfillments(tx, await holdOrder(tx, orderId), by)
    const ask = async () => (await requestReturn(tx, { orderId, lines: [{ lineId, quantity: 2n, reason: 'other' }], note: '' }, by)).id
    await ask()
    const inspections = [
      { decision: 'restock', quantity: 1n, condition: '' } as const,
      { decision: 'missing', quantity: 1n, condition: '' } as const,
    ]
    await receiveReturn(tx, await ask(), { locationId: merchant.locationId, lines: [{ lineId, inspections }] }, by)
  })
}

const broken = async () =>
  (await checkInvariantsAtRest(merchant.database.adminUrl))
    .filter(({ invariant }) => /^(01|03|45)/.test(invariant))
    .flatMap(({ rows }) => rows.map(({ problem }) => String(problem)))

it('holds after goods went out and came back in every way', async () => {
  expect(await broken()).toEqual([])
})

it.each([
  [
    'sent is not what its fulfillments sent',
    `update fulfillment_line set quantity = quantity + 1 where fulfillment_id = (select id from fulfillment where status = 'shipped')`,
  ],
  ['delivered is not what its fulfillments delivered', `update order_line set delivered_quantity = 0`],
  [
    'more in hand than is left to send',
    `update fulfillment_line set quantity = 9 where fulfillment_id = (select id from fulfillment where picked_at is not null and status = 'picking')`,
  ],
  ['returned is not what its returns brought', `update order_return_inspection set quantity = 2 where decision = 'restock'`],
  [
    'more announced than is out',
    `update order_return_line set quantity = 9 where return_id = (select id from order_return where status = 'approved')`,
  ],
  ['is told of otherwise than it went', `delete from event where type = 'fulfillment.shipped'`],
  ['is told of otherwise than it came', `delete from event where type = 'return.received'`],
  ['an order that is over has goods in hand', `update orders set status = 'cancelled', cancelled_at = now()`],
  ['delivered at the door is not delivered', `update fulfillment set status = 'shipped', delivered_at = null where status = 'delivered'`],
])('finds that %s', async (problem, statement) => {
  const undone = new Error('taken back')
  const found = admin.begin(async (sql) => {
    await sql.unsafe(statement)
    const [invariant] = (await readInvariants()).filter(({ name }) => name.startsWith('45'))
    const rows = await sql.unsafe(invariant!.text)
    expect(rows.map((row) => row.problem)).toContain(problem)
    throw undone
  })
  await expect(found).rejects.toBe(undone)
})
