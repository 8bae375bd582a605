import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { enqueueUnlessQueued } from '../jobs.ts'
import type { OperationKind } from './provider.ts'

const AT_A_TIME = 200

/**
 * The jobs that payments should have by what their rows say; for the worker's round. What is not settled has its time in the
 * tables: an operation when it is looked at next, an attempt when its buyer's time is over. A job that failed for good waits for
 * people.
 */
export async function wakePayments(inMerchant: InMerchant): Promise<void> {
  await inMerchant(async (tx) => {
    const [operations, orders, callbacks] = await Promise.all([dueOperations(tx), overdueOrders(tx), waitingCallbacks(tx)])
    for (const { id, kind } of operations) {
      if (kind === 'authorize') await enqueueUnlessQueued(tx, 'settle_payment', { paymentId: id }, { key: id })
      else await enqueueUnlessQueued(tx, 'settle_operation', { operationId: id }, { key: id })
    }
    for (const { id } of orders) await enqueueUnlessQueued(tx, 'expire_order', { orderId: id }, { key: id })
    for (const { id } of callbacks) await enqueueUnlessQueued(tx, 'process_payment_callback', { callbackId: id }, { key: id })
  })
}

function dueOperations(tx: Tx) {
  return tx.sql<{ id: string; kind: OperationKind }[]>`
    select id, kind from payment_operation o
    where merchant_id = ${tx.merchantId} and status = 'pending' and due_at <= now() and not exists (
      select from dead_job d
      where d.merchant_id = ${tx.merchantId} and d.task in ('settle_payment', 'settle_operation')
        and coalesce(d.payload ->> 'paymentId', d.payload ->> 'operationId') = o.id::text)
    order by due_at limit ${AT_A_TIME}`
}

function overdueOrders(tx: Tx) {
  return tx.sql<{ id: string }[]>`
    select o.id from orders o
    where o.merchant_id = ${tx.merchantId} and o.status = 'pending' and not exists (
        select from payment p where p.merchant_id = ${tx.merchantId} and p.order_id = o.id and p.expires_at > now())
      and not exists (
        select from dead_job d
        where d.merchant_id = ${tx.merchantId} and d.task = 'expire_order' and d.payload ->> 'orderId' = o.id::text)
    order by o.id limit ${AT_A_TIME}`
}

function waitingCallbacks(tx: Tx) {
  return tx.sql<{ id: string }[]>`
    select id from payment_callback c
    where merchant_id = ${tx.merchantId} and processed_at is null and not exists (
      select from dead_job d
      where d.merchant_id = ${tx.merchantId} and d.task = 'process_payment_callback' and d.payload ->> 'callbackId' = c.id::text)
    order by received_at limit ${AT_A_TIME}`
}
