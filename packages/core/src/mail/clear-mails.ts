import type { InMerchant } from '@souk/tenant-router/router.ts'
import { MAILS_KEPT_DAYS } from './limits.ts'

const ROWS_PER_TRANSACTION = 1_000
const DAY_MS = 86_400_000

/** Deletes what is known of mails that were settled MAILS_KEPT_DAYS ago, in short transactions. Answers how many. */
export async function clearMails(inMerchant: InMerchant, now: Date): Promise<number> {
  const before = new Date(now.getTime() - MAILS_KEPT_DAYS * DAY_MS)
  for (let cleared = 0; ; ) {
    const rows = await inMerchant(
      (tx) => tx.sql`
        delete from mail_message where merchant_id = ${tx.merchantId} and id in (
          select id from mail_message where merchant_id = ${tx.merchantId} and settled_at < ${before}
          order by settled_at limit ${ROWS_PER_TRANSACTION} for update skip locked
        ) returning id`,
    )
    cleared += rows.length
    if (rows.length < ROWS_PER_TRANSACTION) return cleared
  }
}
