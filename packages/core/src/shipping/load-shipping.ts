import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { type ShippingTable, shippingTableSchema } from './shipping-table.ts'

/** The code of the one method that a shop has while it has configured none. */
export const FLAT_METHOD = 'flat'

/** What the table takes from the shop's own settings. The amount in minor units. */
export interface ShippingShop {
  currency: string
  shippingName: string
  shippingAmount: bigint
}

interface ShippingTableRow {
  zones: unknown[] | null
  methods: unknown[] | null
  any: boolean
}

/** The statement that reads all of a merchant's shipping; `toShippingTable` takes its answer. Ordered, so that the same shipping gives the same bytes. */
export function shippingTableQuery(tx: Pick<Tx, 'merchantId' | 'sql'>): Query {
  return tx.sql`
    select
      (
        select json_agg(json_build_object('id', id, 'name', name, 'places', places) order by id)
        from shipping_zone where merchant_id = ${tx.merchantId}
      ) as zones,
      (
        select json_agg(document order by position, id) filter (where active)
        from shipping_method where merchant_id = ${tx.merchantId}
      ) as methods,
      exists (select 1 from shipping_method where merchant_id = ${tx.merchantId}) as any`
}

/** The answer of `shippingTableQuery` as a table. A shop without any method, active or not, has the flat rate of its settings. */
export function toShippingTable(rows: readonly unknown[], shop: ShippingShop): ShippingTable {
  const [row] = rows as ShippingTableRow[]
  const flat = { code: FLAT_METHOD, name: shop.shippingName, rate: { type: 'flat', amount: Number(shop.shippingAmount) } }
  return shippingTableSchema.parse({ currency: shop.currency, zones: row?.zones ?? [], methods: row?.any ? (row.methods ?? []) : [flat] })
}
