import { clearing } from '../ledger/accounts.ts'
import { journalOfCapture } from '../ledger/journals-of-payments.ts'
import { holdOrder } from '../orders/hold-order.ts'
import type { Order } from '../orders/order.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import type { TestMerchant } from './merchant.ts'

/** Pays an order's one payment by hand, whole: payment, journal and event. */
export async function pay(merchant: TestMerchant, { id, payments }: Order): Promise<void> {
  const by = { actor: { kind: 'job', task: 'test' } as const, now: new Date() }
  const { id: paymentId, amount } = payments[0]!
  await merchant.inMerchant(async (tx) => {
    const held = await holdOrder(tx, id)
    const { currency } = held.state
    await tx.sql`
      update payment set status = 'captured', authorized_amount = amount, captured_amount = amount, settled_at = now()
      where merchant_id = ${tx.merchantId} and id = ${paymentId}`
    await journalOfCapture(tx, {
      ...{ key: `capture:${paymentId}`, orderId: id, paymentId, currency, amount, from: clearing('manual'), order: held.state, ...by },
    })
    await recordOrderEvent(tx, held, { type: 'payment.captured', paymentId, amount }, by)
  })
}
