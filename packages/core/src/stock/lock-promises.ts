import type { Tx } from '@souk/tenant-router/tx.ts'

/** Locks the levels of variants in claim order, so that no claim comes in between, and answers the variants that are promised to a buyer. */
export async function lockPromises(tx: Tx, variantIds: readonly string[]): Promise<string[]> {
  const rows = await tx.sql<{ variant_id: string; promised: boolean }[]>`
    select variant_id, reserved + allocated > 0 as promised from stock_level
    where merchant_id = ${tx.merchantId} and variant_id = any(${variantIds as string[]}::uuid[])
    order by variant_id, location_id
    for update`
  return [...new Set(rows.filter((row) => row.promised).map((row) => row.variant_id))]
}
