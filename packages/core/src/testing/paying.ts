import { clearing } from '../ledger/accounts.ts'
import { journalOfCapture } from '../ledger/journals-of-payments.ts'
import { holdOrder } from '../orders/hold-order.ts'
import type { Order } from '../orders/order.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import type { TestMerchant } from './merchant.ts'

/** Pays what an order waits for by hand, whole, if it does: payment, journal and event. */
export async function pay(merchant: TestMerchant, { id }: Pick<Order, 'id'>): Promise<void> {
  const by = { actor: { kind: 'job', task: 'test' } as const, now: new Date() }
  await merchant.inMerchant(async (tx) => {
    const held = await holdOrder(tx, id)
    const { currency } = held.state
    const [waiting] = await tx.sql<{ id: string; amount: bigint }[]>`
      select id, amount from payment
      where merchant_id = ${tx.merchantId} and order_id = ${id} and provider = 'manual' and status = 'pending' and amount > 0`
    if (!waiting) return
    const { id: paymentId, amount } = waiting
    await tx.sql`
      update payment set status = 'captured', authorized_amount = amount, captured_amount = amount, settled_at = now()
      where merchant_id = ${tx.merchantId} and id = ${paymentId}`
    await journalOfCapture(tx, {
      ...{ key: `capture:${paymentId}`, orderId: id, paymentId, currency, amount, from: clearing('manual'), order: held.state, ...by },
    })
    await recordOrderEvent(tx, held, { type: 'payment.captured', paymentId, amount }, by)
  })
}
