import type { Tx } from '@souk/tenant-router/tx.ts'
import { FORGOTTEN_EMAIL } from '../customers/forgotten.ts'

/**
 * Takes everybody's names and addresses off orders: off the orders themselves, off all revisions of their contacts and off notes. What was
 * bought, for how much, and where its taxes are due stays.
 */
export async function forgetContacts(tx: Tx, orderIds: readonly string[]): Promise<void> {
  await Promise.all([
    tx.sql`
      update orders set email = ${FORGOTTEN_EMAIL}, shipping_address = null, billing_address = null, customer_id = null
      where merchant_id = ${tx.merchantId} and id = any(${orderIds as string[]}::uuid[])`,
    tx.sql`
      update order_contact set email = ${FORGOTTEN_EMAIL}, shipping_address = null, billing_address = null
      where merchant_id = ${tx.merchantId} and order_id = any(${orderIds as string[]}::uuid[])`,
    // Staff write names and telephone numbers there.
    tx.sql`delete from order_note where merchant_id = ${tx.merchantId} and order_id = any(${orderIds as string[]}::uuid[])`,
  ])
}
