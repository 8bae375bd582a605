import type { Tx } from '@souk/tenant-router/tx.ts'

/** Takes out of the returns of these orders what people wrote; what was returned stays. */
export async function forgetReturns(tx: Tx, orderIds: readonly string[]): Promise<void> {
  await tx.sql`
    update order_return set note = '', decision_note = ''
    where merchant_id = ${tx.merchantId} and order_id = any(${orderIds as string[]}::uuid[])`
}
