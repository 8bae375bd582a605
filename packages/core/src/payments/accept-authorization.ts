import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { clearing } from '../ledger/accounts.ts'
import { journalOfCapture } from '../ledger/journals-of-payments.ts'
import { outstandingOf } from '../orders/amounts-due.ts'
import type { HeldOrder } from '../orders/hold-order.ts'
import type { OrderEvent } from '../orders/order-event.ts'
import { recordOrderEvents } from '../orders/record-order-event.ts'
import { abandonOrder } from './abandon-order.ts'
import { type OperationRow, type PaymentRow, statusOf } from './payment.ts'
import type { MethodFacts } from './provider.ts'
import { type By, SAGA, takeBack } from './saga.ts'

export interface Authorized {
  reference: string
  authorized: bigint
  captured: bigint
  method: MethodFacts | null
}

const SOLD_OUT = 'Something in it could not be had any more.'

/**
 * The money is there. An order that waited for it becomes firm, unless its goods could not be had any more: then it is cancelled,
 * and the money goes back. So does money for an order that is cancelled, or that is paid already.
 */
export async function acceptAuthorization(
  tx: Tx,
  { order, payment, operation }: { order: HeldOrder; payment: PaymentRow; operation: OperationRow },
  said: Authorized,
  by: By,
): Promise<void> {
  const before = order.state
  const paid: PaymentRow = {
    ...payment,
    authorizedAmount: said.authorized,
    capturedAmount: said.captured,
    providerReference: said.reference,
  }
  const wasDue = outstandingOf(before) > 0n
  const confirms = before.status === 'pending'
  const { short } = confirms ? await SAGA.confirm.run(tx, { orderId: order.id, ...by }) : { short: [] }
  await writePayment(tx, paid, operation, said, by)
  if (said.method?.savedReference && operation.detail.authorize?.save && order.customerId !== null)
    await saveMethod(tx, { customerId: order.customerId, provider: payment.provider, method: said.method, now: by.now })
  const isWanted = before.status !== 'cancelled' && wasDue
  const events = isWanted ? [] : await takeBack(tx, paid, by)
  const told: OrderEvent[] = [{ type: 'payment.authorized', paymentId: payment.id, amount: said.authorized }]
  const outstanding = outstandingOf({ ...before, authorized: before.authorized + said.authorized })
  told.push(...(await lessenManual(tx, order.id, { outstanding, ...by })))
  if (confirms && short.length === 0) told.push({ type: 'order.placed', content: null, payments: [factsOf(paid, said.method)] })
  if (said.captured > 0n) told.push({ type: 'payment.captured', paymentId: payment.id, amount: said.captured })
  if (said.captured > 0n) await bookCapture(tx, order, paid, { key: payment.id, amount: said.captured }, by)
  if (short.length > 0) await abandonOrder(tx, order, { reason: SOLD_OUT, before: told }, by)
  else await recordOrderEvents(tx, order, [...told, ...events], by)
}

/** Books money that was taken for an order, as the order is before its event. */
export async function bookCapture(
  tx: Tx,
  { id: orderId, state }: HeldOrder,
  payment: Pick<PaymentRow, 'id' | 'provider' | 'currency'>,
  { key, amount }: { key: string; amount: bigint },
  by: By,
): Promise<void> {
  await journalOfCapture(tx, {
    key: `capture:${key}`,
    orderId,
    paymentId: payment.id,
    currency: payment.currency,
    amount,
    from: clearing(payment.provider),
    order: { total: state.total, taxTotal: state.taxTotal, captured: state.captured },
    ...by,
  })
}

/** Where something else has paid, no more is waited for by hand than is outstanding, and nothing where nothing is. */
async function lessenManual(tx: Tx, orderId: string, { outstanding, now }: By & { outstanding: bigint }): Promise<OrderEvent[]> {
  const change = outstanding > 0n ? tx.sql`amount = least(amount, ${outstanding})` : tx.sql`status = 'voided', settled_at = ${now}`
  const rows = await tx.sql<{ id: string }[]>`
    update payment set ${change}, updated_at = ${now}
    where merchant_id = ${tx.merchantId} and order_id = ${orderId} and provider = 'manual' and status = 'pending' returning id`
  return outstanding > 0n ? [] : rows.map(({ id }) => ({ type: 'payment.voided', paymentId: id, amount: 0n }))
}

function writePayment(tx: Tx, paid: PaymentRow, operation: OperationRow, said: Authorized, { now }: By) {
  const { savedReference: _, ...shown } = said.method ?? { savedReference: null }
  return Promise.all([
    tx.sql`
      update payment set status = ${statusOf(paid)}, authorized_amount = ${said.authorized}, captured_amount = ${said.captured},
        provider_reference = ${said.reference}, method = ${said.method?.type ?? paid.method},
        method_facts = ${said.method && JSON.stringify(shown)}::jsonb, next_action = null, failure = null, review = null,
        settled_at = ${now}, updated_at = ${now}
      where merchant_id = ${tx.merchantId} and id = ${paid.id}`,
    tx.sql`
      update payment_operation set status = 'succeeded', provider_reference = ${said.reference}, settled_at = ${now}, failure = null,
        detail = detail - 'authorize'
      where merchant_id = ${tx.merchantId} and id = ${operation.id}`,
  ])
}

function saveMethod(
  tx: Tx,
  { customerId, provider, method, now }: { customerId: string; provider: string; method: MethodFacts; now: Date },
): Query {
  return tx.sql`
    insert into saved_payment_method (merchant_id, id, customer_id, provider, provider_reference, type, brand, last4, expiry_month,
      expiry_year, created_at)
    values (${tx.merchantId}, ${newId(now)}, ${customerId}, ${provider}, ${method.savedReference}, ${method.type}, ${method.brand},
      ${method.last4}, ${method.expiryMonth}, ${method.expiryYear}, ${now})
    on conflict (merchant_id, customer_id, provider, provider_reference) do nothing`
}

function factsOf(payment: PaymentRow, method: MethodFacts | null) {
  return { id: payment.id, provider: payment.provider, method: method?.type ?? payment.method, amount: payment.amount }
}
