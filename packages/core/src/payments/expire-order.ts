import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { expireReservations } from '../stock/end-reservations.ts'
import { abandonOrder, holdPayments } from './abandon-order.ts'
import type { PaymentDeps } from './call-provider.ts'
import { loadOperation, type PaymentRow } from './payment.ts'
import type { By } from './saga.ts'
import { settlePayment } from './settle-payment.ts'

// A provider that does not answer is waited for so long; then the order is given up, and what it took is watched for.
const UNANSWERED_HOURS_MAX = 24
const GIVEN_UP = 'It was not paid in time.'

/**
 * Gives up an order that was not paid while its goods were kept. The provider is asked first, and the order held while it is decided:
 * a payment that arrives meanwhile is either seen here, or finds the order cancelled and is given back. An order whose provider
 * does not answer waits on, without its goods; so does one that staff have to look at.
 */
export async function expireOrder(inMerchant: InMerchant, deps: PaymentDeps, { orderId }: { orderId: string }, by: By): Promise<void> {
  const overdue = await inMerchant.read((tx) => isOverdue(tx, orderId))
  if (!overdue) return
  const open = await inMerchant.read((tx) => openAttempt(tx, orderId))
  if (open) await settlePayment(inMerchant, deps, { paymentId: open }, by)
  await inMerchant(async (tx) => {
    const held = await holdOrder(tx, orderId)
    const payments = await holdPayments(tx, orderId)
    if (held.state.status !== 'pending' || !(await isOverdue(tx, orderId))) return
    if (await mustWait(tx, payments, by)) await expireReservations(tx, { orderId }, by)
    else await abandonOrder(tx, held, { reason: GIVEN_UP }, by)
    crashPoint('order.expiring')
  })
  crashPoint('order.expired')
}

/** By the database's clock. */
async function isOverdue(tx: Tx, orderId: string): Promise<boolean> {
  const [row] = await tx.sql`
    select o.id from orders o
    where o.merchant_id = ${tx.merchantId} and o.id = ${orderId} and o.status = 'pending' and not exists (
      select from payment p where p.merchant_id = ${tx.merchantId} and p.order_id = o.id and p.expires_at > now())`
  return row !== undefined
}

async function openAttempt(tx: Tx, orderId: string): Promise<string | undefined> {
  const [row] = await tx.sql<{ id: string }[]>`
    select id from payment
    where merchant_id = ${tx.merchantId} and order_id = ${orderId} and status in ('pending', 'requires_action') and expires_at is not null`
  return row?.id
}

async function mustWait(tx: Tx, payments: readonly PaymentRow[], { now }: By): Promise<boolean> {
  if (payments.some(({ status }) => status === 'review')) return true
  const open = payments.find(({ status, expiresAt }) => status === 'pending' && expiresAt !== null)
  if (!open || now.getTime() - open.createdAt.getTime() > UNANSWERED_HOURS_MAX * 3_600_000) return false
  const { failure } = await loadOperation(tx, open.id)
  return failure?.code === 'unknown' || failure?.code === 'processing'
}
