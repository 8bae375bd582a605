import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import type { Payment, PaymentMethod } from '../orders/order.ts'

/** A payment that people settle by hand: an invoice, or cash on delivery. Nothing is called; it waits for the money. */
export function manualPayment(method: PaymentMethod, amount: bigint, now: Date): Payment {
  return { id: newId(now), provider: 'manual', method, status: 'pending', amount }
}

/** The insert of a payment of an order. */
export function insertPayment(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  payment: Payment,
  order: { id: string; currency: string; placedAt: Date },
): Query {
  return tx.sql`
    insert into payment (merchant_id, id, order_id, provider, method, status, amount, currency, created_at)
    values (${tx.merchantId}, ${payment.id}, ${order.id}, ${payment.provider}, ${payment.method}, ${payment.status}, ${payment.amount},
      ${order.currency}, ${order.placedAt})`
}
