import type { InMerchant } from '@souk/tenant-router/router.ts'
import { CART_ABANDONED_AFTER_DAYS } from './limits.ts'

const CARTS_PER_TRANSACTION = 500
const DAY_MS = 86_400_000

/** Deletes the open carts, but no drafts, that nobody touched for CART_ABANDONED_AFTER_DAYS, in short transactions. Answers how many. */
export async function clearAbandonedCarts(inMerchant: InMerchant, now: Date): Promise<number> {
  const before = new Date(now.getTime() - CART_ABANDONED_AFTER_DAYS * DAY_MS)
  for (let cleared = 0; ; ) {
    const rows = await inMerchant(
      // A cart that a buyer holds at this moment is not abandoned: it is skipped.
      (tx) => tx.sql`
        delete from cart where merchant_id = ${tx.merchantId} and id in (
          select id from cart where merchant_id = ${tx.merchantId} and status = 'open' and drafted_by is null and updated_at < ${before}
          order by updated_at limit ${CARTS_PER_TRANSACTION} for update skip locked
        ) returning id`,
    )
    cleared += rows.length
    if (rows.length < CARTS_PER_TRANSACTION) return cleared
  }
}
