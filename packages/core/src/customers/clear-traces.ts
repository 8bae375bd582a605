import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { TRACES_KEPT_DAYS } from './account-limits.ts'

const ROWS_PER_TRANSACTION = 1_000
const DAY_MS = 86_400_000

/** Deletes sessions and requests that have been over for TRACES_KEPT_DAYS, in short transactions. Answers how many. */
export async function clearCustomerTraces(inMerchant: InMerchant, now: Date): Promise<number> {
  const before = new Date(now.getTime() - TRACES_KEPT_DAYS * DAY_MS)
  const requests = (tx: Tx) => tx.sql`
    delete from customer_request where merchant_id = ${tx.merchantId} and id in (
      select id from customer_request where merchant_id = ${tx.merchantId} and expires_at < ${before}
      order by expires_at limit ${ROWS_PER_TRANSACTION} for update skip locked) returning id`
  const sessions = (tx: Tx) => tx.sql`
    delete from customer_session where merchant_id = ${tx.merchantId} and id in (
      select id from customer_session where merchant_id = ${tx.merchantId} and (expires_at < ${before} or ended_at < ${before})
      order by expires_at limit ${ROWS_PER_TRANSACTION} for update skip locked) returning id`
  return (await clearAll(inMerchant, requests)) + (await clearAll(inMerchant, sessions))
}

async function clearAll(inMerchant: InMerchant, some: (tx: Tx) => Query): Promise<number> {
  for (let cleared = 0; ; ) {
    const { length } = await inMerchant(async (tx) => some(tx))
    cleared += length
    if (length < ROWS_PER_TRANSACTION) return cleared
  }
}
