import type { Tx } from '@souk/tenant-router/tx.ts'

/**
 * Locks the levels of variants in claim order, so that no claim comes in between, and answers the variants that have to stay:
 * they are promised to a buyer, or part of a bundle that is not among them.
 */
export async function lockPromises(tx: Tx, variantIds: readonly string[]): Promise<string[]> {
  const rows = await tx.sql<{ variant_id: string; needed: boolean }[]>`
    select l.variant_id, l.reserved + l.allocated > 0 or exists (
        select from bundle_component c
        where c.merchant_id = ${tx.merchantId} and c.component_id = l.variant_id and c.bundle_id <> all(${variantIds as string[]}::uuid[])
      ) as needed
    from stock_level l
    where l.merchant_id = ${tx.merchantId} and l.variant_id = any(${variantIds as string[]}::uuid[])
    order by l.variant_id, l.location_id
    for update of l`
  return [...new Set(rows.filter((row) => row.needed).map((row) => row.variant_id))]
}
