import type { Tx } from '@souk/tenant-router/tx.ts'

/** Takes people out of how orders were delivered: who received them, what couriers wrote, photographs and signatures. */
export async function forgetDeliveries(tx: Tx, orderIds: readonly string[]): Promise<void> {
  const attempts = tx.sql`
    select a.id from fulfillment f join delivery_attempt a on a.merchant_id = ${tx.merchantId} and a.fulfillment_id = f.id
    where f.merchant_id = ${tx.merchantId} and f.order_id = any(${orderIds as string[]}::uuid[])`
  await tx.sql`delete from delivery_proof where merchant_id = ${tx.merchantId} and attempt_id in (${attempts})`
  await tx.sql`
    update delivery_attempt a set received_by = '', note = '' from fulfillment f
    where f.merchant_id = ${tx.merchantId} and f.order_id = any(${orderIds as string[]}::uuid[])
      and a.merchant_id = ${tx.merchantId} and a.fulfillment_id = f.id`
  await tx.sql`
    update shipment set tracking_number = null, tracking_url = null, label = null, tracking_events = '[]'
    where merchant_id = ${tx.merchantId} and order_id = any(${orderIds as string[]}::uuid[])`
  await tx.sql`
    update fulfillment set tracking_number = null, tracking_url = null
    where merchant_id = ${tx.merchantId} and order_id = any(${orderIds as string[]}::uuid[])`
}
