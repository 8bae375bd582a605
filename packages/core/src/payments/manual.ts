import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import type { ManualMethod, Payment } from '../orders/order-payment.ts'

const UNSETTLED = { captured: 0n, refunded: 0n, methodShown: null, nextAction: null, failure: null, expiresAt: null }

/** A payment that people settle by hand: an invoice, or cash on delivery. Nothing is called; it waits for the money. */
export function manualPayment(method: ManualMethod, amount: bigint, now: Date): Payment {
  return { id: newId(now), provider: 'manual', method, status: 'pending', amount, ...UNSETTLED }
}

/** A payment out of a gift card or store credit, settled with the transaction that books it. `sourceId`: the card or the customer. */
export function insidePayment(
  provider: 'gift_card' | 'store_credit',
  given: { sourceId: string; amount: bigint; now: Date },
): Payment & { sourceId: string } {
  const { sourceId, amount, now } = given
  return { ...UNSETTLED, id: newId(now), provider, method: provider, status: 'captured', amount, captured: amount, sourceId }
}

/** The insert of payments of an order that ask no provider. */
export function insertPayments(
  tx: Pick<Tx, 'merchantId' | 'sql'>,
  payments: readonly (Payment & { sourceId?: string })[],
  order: { id: string; currency: string; placedAt: Date },
): Query {
  const rows = payments.map(({ id, provider, method, status, amount, captured, sourceId = null }) => ({
    ...{ id, provider, method, status, source_id: sourceId, amount: Number(amount), captured: Number(captured) },
  }))
  return tx.sql`
    insert into payment (merchant_id, id, order_id, provider, method, status, amount, authorized_amount, captured_amount, source_id, currency,
      created_at, updated_at)
    select ${tx.merchantId}::uuid, id, ${order.id}::uuid, provider, method, status, amount, captured, captured, source_id, ${order.currency},
      ${order.placedAt}::timestamptz, ${order.placedAt}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as p (id uuid, provider text, method text, status text, amount bigint, captured bigint, source_id uuid)`
}
