import type { Tx } from '@souk/tenant-router/tx.ts'

/** Notes that a version was tried in a dry run: a draft may then be published. */
export async function markDryRun(tx: Tx, promotionId: string, version: number, now: Date): Promise<void> {
  await tx.sql`
    update promotion_stage
    set dry_run_at = ${now}::timestamptz, stage = case when stage = 'draft' then 'dry_run' else stage end,
      changed_at = case when stage = 'draft' then ${now}::timestamptz else changed_at end
    where merchant_id = ${tx.merchantId} and promotion_id = ${promotionId} and version = ${version}::int`
}
