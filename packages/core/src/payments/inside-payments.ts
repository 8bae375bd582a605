import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { giveBack } from '../gift-cards/spend.ts'
import type { OrderEvent } from '../orders/order-event.ts'
import type { PaymentRow } from './payment.ts'

/**
 * Gives back a payment that no provider knows, of an order that never became firm: what was taken from a gift card or from store
 * credit is there again, a payment by hand is not waited for. Once, however often it is asked. Answers the events to record.
 */
export async function giveBackInside(tx: Tx, payment: PaymentRow, by: { actor: Actor; now: Date }): Promise<OrderEvent[]> {
  const amount = payment.capturedAmount - payment.refundedAmount
  const change =
    amount > 0n ? tx.sql`refunded_amount = captured_amount` : payment.status === 'pending' ? tx.sql`status = 'voided'` : undefined
  if (!change) return []
  const changing = tx.sql`
    update payment set ${change}, updated_at = ${by.now} where merchant_id = ${tx.merchantId} and id = ${payment.id}`
  if (amount === 0n) {
    await changing
    return [{ type: 'payment.voided', paymentId: payment.id, amount: 0n }]
  }
  await Promise.all([changing, giveBack(tx, { paymentId: payment.id, ...by })])
  return [{ type: 'refund.issued', refundId: payment.id, paymentId: payment.id, amount, to: 'original', lines: [], shipping: 0n }]
}
