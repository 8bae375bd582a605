import type { Tx } from '@souk/tenant-router/tx.ts'
import { FORGOTTEN_EMAIL } from '../customers/forgotten.ts'

/**
 * Takes an e-mail address out of what was counted by it, for the orders of its owner. The counts stay, under a name that leads to
 * nobody; a coupon that was for this address is for nobody any more.
 */
export async function forgetBuyer(tx: Tx, given: { email: string; orderIds: readonly string[]; instead: string }): Promise<void> {
  const { email, instead } = given
  const orderIds = given.orderIds as string[]
  await tx.sql`
    update usage_counter set customer_key = ${instead}
    where merchant_id = ${tx.merchantId} and customer_key = ${email} and subject_id in (
      select unnest(array[promotion_id, coupon_id]) from redemption
      where merchant_id = ${tx.merchantId} and order_id = any(${orderIds}::uuid[]) and customer_key = ${email})`
  await tx.sql`
    update redemption set customer_key = ${instead}
    where merchant_id = ${tx.merchantId} and order_id = any(${orderIds}::uuid[]) and customer_key = ${email}`
  await tx.sql`
    update coupon set customer_email = ${FORGOTTEN_EMAIL} where merchant_id = ${tx.merchantId} and customer_email = ${email}`
}
