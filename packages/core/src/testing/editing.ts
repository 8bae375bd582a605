import type { SellingShop } from '../checkout/checkout.ts'
import { type EditToCollect, requestEdit } from '../checkout/request-edit.ts'
import { type Order, orderQueries, toOrder } from '../orders/order.ts'

const STAFF = { kind: 'staff', id: '00000000-0000-7000-8000-000000000001' } as const

/** Edits an order as staff do, with what is outstanding left to them unless something else is said, and answers it as it is then. */
export async function editing(
  shop: SellingShop,
  given: Pick<EditToCollect, 'orderId' | 'edit'> & Partial<Pick<EditToCollect, 'expectedTotal' | 'collect' | 'refundTo' | 'idempotency'>>,
): Promise<Order> {
  await requestEdit(shop, {
    ...{ expectedTotal: undefined, collect: { from: 'hand' }, refundTo: 'original', idempotency: undefined, ...given },
    ...{ reason: 'asked for', actor: STAFF, now: new Date() },
    answer: ({ id }) => ({ statusCode: 200, body: JSON.stringify({ id }) }),
  })
  return toOrder(await shop.inMerchant.readOnce((tx) => orderQueries(tx, given.orderId)))
}
