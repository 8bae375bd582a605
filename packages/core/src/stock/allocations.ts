import type { Tx } from '@souk/tenant-router/tx.ts'

export interface Allocation {
  /** What was bought: of a bundle the bundle, not its components. */
  variantId: string
  locationId: string
  quantity: bigint
}

/** What an order still has of the stock, and where: released and shipped units are not among it. */
export async function allocationsOf(tx: Pick<Tx, 'merchantId' | 'sql'>, orderId: string): Promise<Allocation[]> {
  const rows = await tx.sql<{ line_variant_id: string; location_id: string; units: bigint }[]>`
    select line_variant_id, location_id, min(quantity / per_unit) as units from stock_allocation
    where merchant_id = ${tx.merchantId} and order_id = ${orderId}
    group by line_variant_id, location_id
    having min(quantity / per_unit) > 0
    order by line_variant_id, location_id`
  return rows.map((row) => ({ variantId: row.line_variant_id, locationId: row.location_id, quantity: row.units }))
}
