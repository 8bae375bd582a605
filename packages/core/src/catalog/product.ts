import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { Refusal } from '../refusal.ts'
import type { ProductStatus } from './tables.ts'

export interface Image {
  url: string
  alt: string
}

export interface Variant {
  id: string
  productId: string
  position: number
  title: string
  sku: string
  barcode: string
  optionValues: string[]
  price: bigint
  compareAtPrice: bigint | null
  grams: number
  requiresShipping: boolean
  taxable: boolean
  /** Which of the merchant's kinds of goods it is for taxes; null: the standard one. */
  taxCategory: string | null
  /** Below this no discount takes a piece; null: no such limit. */
  minimumPrice: bigint | null
  imageUrl: string | null
  tracked: boolean
  backorder: boolean
  onHand: number
  available: number
}

/** A product as the staff sees it, whole. */
export interface Product {
  id: string
  handle: string
  title: string
  bodyHtml: string
  vendor: string
  productType: string
  tags: string[]
  optionNames: string[]
  status: ProductStatus
  published: boolean
  images: Image[]
  variants: Variant[]
  /** Of the merchant: all amounts are in it. */
  currency: string
  createdAt: Date
  updatedAt: Date
}

/** A product by its id. Refuses `not_found`. */
export async function getProduct(tx: Tx, productId: string): Promise<Product> {
  const [product] = toProducts(await productsById(tx, [productId]))
  if (!product) throw noProduct()
  return product
}

export function noProduct(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such product.' })
}

/** Whole products by id, one row each; `toProducts` reads them. With stock at the default location. */
export function productsById(tx: Pick<Tx, 'merchantId' | 'sql'>, ids: readonly string[]): Query {
  return tx.sql`
    select p.*, s.currency, coalesce(v.variants, '[]') as variants, coalesce(i.images, '[]') as images
    from product p
      join merchant_settings s on s.merchant_id = ${tx.merchantId}
      left join lateral (
        select json_agg(json_build_object('id', v.id, 'position', v.position, 'title', v.title, 'sku', v.sku, 'barcode', v.barcode,
          'optionValues', v.option_values, 'price', v.price::text, 'compareAtPrice', v.compare_at_price::text, 'grams', v.grams,
          'requiresShipping', v.requires_shipping, 'taxable', v.taxable,
          'taxCategory', v.tax_category, 'minimumPrice', v.minimum_price::text, 'imageUrl', v.image_url,
          'tracked', coalesce(l.tracked, false), 'backorder', coalesce(l.backorder, false), 'onHand', coalesce(l.on_hand, 0),
          'available', coalesce(l.on_hand - l.reserved - l.allocated, 0)) order by v.position, v.id) as variants
        from variant v
          left join stock_level l on l.merchant_id = ${tx.merchantId} and l.variant_id = v.id and l.location_id = s.default_location_id
        where v.merchant_id = ${tx.merchantId} and v.product_id = p.id
      ) v on true
      left join lateral (
        select json_agg(json_build_object('url', url, 'alt', alt) order by position) as images
        from product_image where merchant_id = ${tx.merchantId} and product_id = p.id
      ) i on true
    where p.merchant_id = ${tx.merchantId} and p.id = any(${ids as string[]}::uuid[])
    order by p.id`
}

type VariantJson = Omit<Variant, 'productId' | 'price' | 'compareAtPrice' | 'minimumPrice'> & {
  price: string
  compareAtPrice: string | null
  minimumPrice: string | null
}

export function toProducts(rows: readonly Record<string, unknown>[]): Product[] {
  return rows.map((row) => ({
    id: row.id as string,
    handle: row.handle as string,
    title: row.title as string,
    bodyHtml: row.body_html as string,
    vendor: row.vendor as string,
    productType: row.product_type as string,
    tags: row.tags as string[],
    optionNames: row.option_names as string[],
    status: row.status as ProductStatus,
    published: row.published as boolean,
    images: row.images as Image[],
    variants: (row.variants as VariantJson[]).map((variant) => ({
      ...variant,
      productId: row.id as string,
      price: BigInt(variant.price),
      compareAtPrice: variant.compareAtPrice === null ? null : BigInt(variant.compareAtPrice),
      minimumPrice: variant.minimumPrice === null ? null : BigInt(variant.minimumPrice),
    })),
    currency: row.currency as string,
    createdAt: row.created_at as Date,
    updatedAt: row.updated_at as Date,
  }))
}
