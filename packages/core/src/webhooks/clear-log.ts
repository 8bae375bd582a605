import type { InMerchant } from '@souk/tenant-router/router.ts'
import { firstIdOf } from '../ids.ts'

/** So long deliveries are kept, and can be sent again. */
export const DELIVERIES_KEPT_DAYS = 30

const A_CHUNK = 1_000
const DAY_MS = 24 * 60 * 60_000

/** Forgets deliveries of events that are older than the log is kept. What is still to be delivered stays. */
export async function clearWebhookLog(inMerchant: InMerchant, now: Date): Promise<void> {
  const cutoff = firstIdOf(new Date(now.getTime() - DELIVERIES_KEPT_DAYS * DAY_MS))
  for (let cleared = A_CHUNK; cleared >= A_CHUNK; ) {
    cleared = await inMerchant(async (tx) => {
      const [row] = await tx.sql<{ cleared: number }[]>`
        with old as materialized (
          select max(sequence) as sequence from (
            select sequence from event where merchant_id = ${tx.merchantId} and id < ${cutoff}::uuid order by id desc limit 1) last
        ), kept as (
          update webhook_endpoint e set kept_from = greatest(e.kept_from, least(old.sequence, e.position)) from old
          where e.merchant_id = ${tx.merchantId} and old.sequence is not null and e.kept_from < least(old.sequence, e.position)
        ), gone as (
          delete from webhook_delivery d using (
            select d.id from old, webhook_delivery d
            where d.merchant_id = ${tx.merchantId} and d.status <> 'pending' and d.sequence <= old.sequence limit ${A_CHUNK}) part
          where d.merchant_id = ${tx.merchantId} and d.id = part.id
          returning 1
        )
        select count(*)::int as cleared from gone`
      return row!.cleared
    })
  }
}
