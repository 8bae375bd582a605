import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'

export interface StoreVariant {
  id: string
  title: string
  sku: string
  optionValues: string[]
  price: bigint
  compareAtPrice: bigint | null
  imageUrl: string | null
  available: boolean
  /** How many can be bought at most; null when there is no limit. */
  availableQuantity: bigint | null
}

/** A product as its own page shows it. Amounts in minor units of `currency`. */
export interface StoreProduct {
  id: string
  handle: string
  title: string
  bodyHtml: string
  vendor: string
  productType: string
  tags: string[]
  optionNames: string[]
  currency: string
  images: { url: string; alt: string }[]
  variants: StoreVariant[]
}

/** The three statements behind a product's page; for one flight. Only what is for sale is found. */
export function productQueries(tx: Pick<Tx, 'merchantId' | 'sql'>, handle: string): [Query, Query, Query] {
  return [
    tx.sql`
      select p.id, p.handle, p.title, p.body_html as "bodyHtml", p.vendor, p.product_type as "productType", p.tags,
        p.option_names as "optionNames", s.currency
      from product p join merchant_settings s on s.merchant_id = ${tx.merchantId}
      where p.merchant_id = ${tx.merchantId} and p.handle = ${handle} and p.status = 'active' and p.published`,
    tx.sql`
      select i.url, i.alt from product p join product_image i on i.merchant_id = ${tx.merchantId} and i.product_id = p.id
      where p.merchant_id = ${tx.merchantId} and p.handle = ${handle}
      order by i.position`,
    tx.sql`
      select v.id, v.title, v.sku, v.option_values as "optionValues", v.price, v.compare_at_price as "compareAtPrice",
        v.image_url as "imageUrl", coalesce(k.unlimited, false) as unlimited, coalesce(k.quantity, 0)::bigint as quantity
      from product p
        join variant v on v.merchant_id = ${tx.merchantId} and v.product_id = p.id
        left join lateral (
          select bool_or(not l.tracked or l.backorder) as unlimited, sum(l.on_hand - l.reserved - l.allocated) as quantity
          from stock_level l where l.merchant_id = ${tx.merchantId} and l.variant_id = v.id
        ) k on true
      where p.merchant_id = ${tx.merchantId} and p.handle = ${handle}
      order by v.position, v.id`,
  ]
}

type VariantRow = Omit<StoreVariant, 'available' | 'availableQuantity'> & { unlimited: boolean; quantity: bigint }

/** The answers of `productQueries` as a product. Refuses `not_found` when there is none for sale. */
export function toStoreProduct([products, images, variants]: readonly unknown[][]): StoreProduct {
  const [product] = products as Omit<StoreProduct, 'images' | 'variants'>[]
  if (!product) throw new Refusal('not_found', { detail: 'There is no such product.' })
  return { ...product, images: images as StoreProduct['images'], variants: (variants as VariantRow[]).map(toStoreVariant) }
}

function toStoreVariant({ unlimited, quantity, ...variant }: VariantRow): StoreVariant {
  const left = quantity > 0n ? quantity : 0n
  return { ...variant, available: unlimited || left > 0n, availableQuantity: unlimited ? null : left }
}
