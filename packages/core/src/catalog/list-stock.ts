import type { Tx } from '@souk/tenant-router/tx.ts'
import { type StockLevel, toLevel } from '../stock/level.ts'
import { LAST_ID, type Page } from './list-products.ts'

/** A level with the names staff know it by. */
export interface NamedLevel extends StockLevel {
  sku: string
  productTitle: string
  variantTitle: string
}

/** Stock at a location, the default one unless another is named, newest variant first; of one SKU or variant if asked. Real catalogues repeat SKUs. */
export async function listStock(
  tx: Tx,
  filter: { sku?: string | undefined; variantId?: string | undefined; locationId?: string | undefined },
  page: Page,
): Promise<{ levels: NamedLevel[]; next: string | null }> {
  const bySku = filter.sku === undefined ? tx.sql`` : tx.sql`and v.sku = ${filter.sku}`
  const byId = filter.variantId === undefined ? tx.sql`` : tx.sql`and v.id = ${filter.variantId}`
  const rows = await tx.sql`
    select l.*, v.sku, v.title as variant_title, p.title as product_title
    from variant v
      join product p on p.merchant_id = ${tx.merchantId} and p.id = v.product_id
      join merchant_settings s on s.merchant_id = ${tx.merchantId}
      join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = v.id and l.location_id = coalesce(${filter.locationId ?? null}::uuid, s.default_location_id)
    where v.merchant_id = ${tx.merchantId} and v.id < ${page.after ?? LAST_ID} ${bySku} ${byId}
    order by v.id desc
    limit ${page.limit + 1}`
  const levels = rows.slice(0, page.limit).map((row) => ({
    ...toLevel(row),
    sku: row.sku as string,
    productTitle: row.product_title as string,
    variantTitle: row.variant_title as string,
  }))
  return { levels, next: rows.length > page.limit ? (levels.at(-1)?.variantId ?? null) : null }
}
