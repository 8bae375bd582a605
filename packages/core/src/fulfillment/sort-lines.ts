import type { Tx } from '@souk/tenant-router/tx.ts'
import type { HeldOrder } from '../orders/hold-order.ts'

/** The lines of an order by whether their goods have to be sent, as their variants say now; those of variants that are gone have. */
export async function sortLines(tx: Tx, { id }: Pick<HeldOrder, 'id'>): Promise<{ sent: Set<string>; unsent: Set<string> }> {
  const rows = await tx.sql<{ id: string; isSent: boolean }[]>`
    select l.id, coalesce(v.requires_shipping, true) as "isSent"
    from order_line l left join variant v on v.merchant_id = ${tx.merchantId} and v.id = l.variant_id
    where l.merchant_id = ${tx.merchantId} and l.order_id = ${id}`
  const idsOf = (isSent: boolean) => new Set(rows.filter((row) => row.isSent === isSent).map((row) => row.id))
  return { sent: idsOf(true), unsent: idsOf(false) }
}
