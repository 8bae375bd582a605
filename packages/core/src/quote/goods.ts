import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { GiftVariant, PricingLine } from '../pricing/pricing-input.ts'

/** What a price depends on of a variant and its product. Amounts in minor units of the merchant's currency. */
export interface GoodsRow {
  variant_id: string
  product_id: string
  sku: string
  price: bigint
  compare_at_price: bigint | null
  minimum_price: bigint | null
  taxable: boolean
  tax_category: string | null
  requires_shipping: boolean
  grams: bigint
  vendor: string
  product_type: string
  tags: string[]
  collections: string[]
}

/** The columns of GoodsRow, for a statement that calls the variant `v` and its product `p`. */
export function goodsColumns(tx: Pick<Tx, 'sql'>): Query {
  return tx.sql`
    v.id as variant_id, v.product_id, v.sku, v.price, v.compare_at_price, v.minimum_price, v.taxable, v.tax_category, v.requires_shipping,
    v.grams, p.vendor, p.product_type, p.tags, p.collections`
}

export function toGoods(row: GoodsRow): Omit<PricingLine, 'id' | 'quantity'> {
  return {
    variantId: row.variant_id,
    productId: row.product_id,
    sku: row.sku,
    unitPrice: row.price,
    compareAtPrice: row.compare_at_price,
    minimumPrice: row.minimum_price,
    taxable: row.taxable,
    taxCategory: row.tax_category,
    requiresShipping: row.requires_shipping,
    grams: row.grams,
    vendor: row.vendor,
    productType: row.product_type,
    tags: row.tags,
    collections: row.collections,
  }
}

/** A variant that can be given away, with what an order's line says of it. */
export interface GiftRow extends GoodsRow {
  handle: string
  product_title: string
  variant_title: string
  image_url: string | null
  in_stock: bigint | null
}

/** The statement that reads variants that promotions may add. What is not for sale is left out. `in_stock`: null where it is not counted. */
export function giftsQuery(tx: Pick<Tx, 'merchantId' | 'sql'>, variantIds: readonly string[]): Query {
  return tx.sql`
    select ${goodsColumns(tx)}, p.handle, p.title as product_title, v.title as variant_title, coalesce(v.image_url, p.image_url) as image_url,
      (select case when app.unlimited(sum(app.sellable(k))) then null else coalesce(sum(app.sellable(k)), 0)::bigint end
       from stock_level k where k.merchant_id = ${tx.merchantId} and k.variant_id = v.id) as in_stock
    from variant v join product p on p.merchant_id = ${tx.merchantId} and p.id = v.product_id and p.status = 'active' and p.published
    where v.merchant_id = ${tx.merchantId} and v.id = any(${variantIds as string[]}::uuid[])
    order by v.id`
}

/** A gift is available when one is left besides what the cart itself holds of it. */
export function toGifts(rows: readonly GiftRow[], lines: readonly { variantId: string; quantity: bigint }[]): GiftVariant[] {
  return rows.map((row) => {
    const wanted = lines.filter((line) => line.variantId === row.variant_id).reduce((sum, line) => sum + line.quantity, 0n)
    return { ...toGoods(row), available: row.in_stock === null || row.in_stock > wanted }
  })
}
