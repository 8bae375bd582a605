import type { Tx } from '@souk/tenant-router/tx.ts'
import { uncountOrder } from '../customers/figures.ts'
import type { HeldOrder } from '../orders/hold-order.ts'
import type { OrderEvent } from '../orders/order-event.ts'
import { recordOrderEvents } from '../orders/record-order-event.ts'
import { returnRedemptions } from '../promotions/return-redemptions.ts'
import { type PaymentRow, paymentColumns } from './payment.ts'
import { requestOperation } from './request-operation.ts'
import { type By, compensate } from './saga.ts'

/**
 * Cancels an order that never became firm: its goods are everybody's again, what it used of promotions is given back, so is what
 * was paid of it, and its cart can be ordered anew. A payment that is still open has failed as far as we are concerned; what
 * becomes of it at the provider is watched, and taken back. Call it with the order held and pending; `before` happened just now.
 */
export async function abandonOrder(
  tx: Tx,
  held: HeldOrder,
  { reason, before = [] }: { reason: string; before?: readonly OrderEvent[] },
  by: By,
): Promise<void> {
  const { id: orderId, cartId, customerId, state } = held
  const payments = await holdPayments(tx, orderId)
  const events = await compensate(tx, orderId, payments, by)
  await closeAttempts(tx, payments, by)
  await Promise.all([
    returnRedemptions(tx, orderId, by.now),
    // Locked where a checkout locks it, before the merchant's counter.
    tx.sql`select id from customer where merchant_id = ${tx.merchantId} and id = ${customerId}::uuid for no key update`,
    tx.sql`
      update cart set status = 'open', version = version + 1, updated_at = now()
      where merchant_id = ${tx.merchantId} and id = ${cartId} and status = 'ordered'`,
  ])
  await recordOrderEvents(tx, held, [...before, ...events, { type: 'order.cancelled', reason }], by)
  // Its sum looks for orders that are not cancelled: after the row says that this one is.
  if (customerId !== null) await uncountOrder(tx, { customerId, total: state.total })
}

/** All payments of an order, which nobody else changes until the transaction ends. Its order is held first. */
export async function holdPayments(tx: Tx, orderId: string): Promise<PaymentRow[]> {
  return (await tx.sql`
    select ${paymentColumns(tx)} from payment p where p.merchant_id = ${tx.merchantId} and p.order_id = ${orderId}
    order by p.id for no key update`) as unknown as PaymentRow[]
}

/** Closes the attempts to pay that nothing has come of yet. */
export async function closeAttempts(tx: Tx, payments: readonly PaymentRow[], by: By): Promise<void> {
  for (const payment of payments.filter(isOpen)) await closeAttempt(tx, payment, by)
}

/** The provider may still have it: its operation stays open, so that somebody goes on asking. */
async function closeAttempt(tx: Tx, payment: PaymentRow, by: By): Promise<void> {
  const failure = { code: 'abandoned', message: 'The order was given up before the payment was settled.' }
  await tx.sql`
    update payment set status = 'failed', failure = ${JSON.stringify(failure)}::jsonb, next_action = null, settled_at = ${by.now},
      updated_at = ${by.now}
    where merchant_id = ${tx.merchantId} and id = ${payment.id}`
  if (payment.providerReference === null) return
  await requestOperation(tx, { paymentId: payment.id, kind: 'void', amount: payment.amount, detail: { unbooked: true }, ...by })
}

function isOpen({ status, provider }: PaymentRow): boolean {
  return provider !== 'manual' && (status === 'pending' || status === 'requires_action')
}
