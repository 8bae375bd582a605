import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import { type CheckedImage, type CheckedVariant, variantTitle } from './check-product.ts'

// Statements that write many rows at once, for the verbs of the catalogue and for imports. None is awaited here: they
// travel together, in the order they are issued.

type Writer = Pick<Tx, 'merchantId' | 'sql'>

export interface NewVariant extends CheckedVariant {
  id: string
  productId: string
  position: number
}

export function insertVariants(tx: Writer, variants: readonly NewVariant[], now: Date): Query {
  return tx.sql`
    insert into variant (merchant_id, id, product_id, position, title, sku, barcode, option_values, price, compare_at_price, grams,
      requires_shipping, taxable, tax_category, minimum_price, image_url, created_at, updated_at)
    select ${tx.merchantId}, id, product_id, position, title, sku, barcode, option_values, price, compare_at_price, grams,
      requires_shipping, taxable, tax_category, minimum_price, image_url, ${now}::timestamptz, ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(variants.map(variantRow))}::jsonb) as v (id uuid, product_id uuid, position int, title text,
      sku text, barcode text, option_values text[], price bigint, compare_at_price bigint, grams bigint, requires_shipping boolean,
      taxable boolean, tax_category text, minimum_price bigint, image_url text)`
}

/** Overwrites variants, by id, with all that is given of them but their stock. */
export function updateVariants(tx: Writer, variants: readonly NewVariant[], now: Date): Query {
  return tx.sql`
    update variant t set position = v.position, title = v.title, sku = v.sku, barcode = v.barcode, option_values = v.option_values,
      price = v.price, compare_at_price = v.compare_at_price, grams = v.grams, requires_shipping = v.requires_shipping,
      taxable = v.taxable, tax_category = v.tax_category, minimum_price = v.minimum_price, image_url = v.image_url, updated_at = ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(variants.map(variantRow))}::jsonb) as v (id uuid, position int, title text,
      sku text, barcode text, option_values text[], price bigint, compare_at_price bigint, grams bigint, requires_shipping boolean,
      taxable boolean, tax_category text, minimum_price bigint, image_url text)
    where t.merchant_id = ${tx.merchantId} and t.id = v.id`
}

/** Gives each product these images, in this order, instead of those it has. */
export function replaceImages(tx: Writer, products: readonly { productId: string; images: readonly CheckedImage[] }[]): Query[] {
  const rows = products.flatMap(({ productId, images }) =>
    images.map(({ url, alt }, index) => ({ product_id: productId, position: index + 1, url, alt })),
  )
  const ids = products.map(({ productId }) => productId)
  return [
    tx.sql`delete from product_image where merchant_id = ${tx.merchantId} and product_id = any(${ids}::uuid[])`,
    tx.sql`
      insert into product_image (merchant_id, product_id, position, url, alt)
      select ${tx.merchantId}, product_id, position, url, alt
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as i (product_id uuid, position int, url text, alt text)`,
  ]
}

/**
 * Brings the price range and the featured image of products in agreement with their variants and images. Comes after
 * whatever changed those.
 */
export function refreshSnapshots(tx: Writer, productIds: readonly string[]): Query {
  return tx.sql`
    with snapshot as (
      select wanted.id, v.price_min, v.price_max, v.compare_at_price, i.url, i.alt
      from unnest(${productIds as string[]}::uuid[]) as wanted (id)
        cross join lateral (
          select coalesce(min(price), 0) as price_min, coalesce(max(price), 0) as price_max,
            (array_agg(case when compare_at_price > price then compare_at_price end order by price, position))[1] as compare_at_price
          from variant where merchant_id = ${tx.merchantId} and product_id = wanted.id
        ) v
        left join lateral (
          select url, alt from product_image where merchant_id = ${tx.merchantId} and product_id = wanted.id order by position limit 1
        ) i on true
    )
    update product p
    set price_min = s.price_min, price_max = s.price_max, compare_at_price = s.compare_at_price, image_url = s.url, image_alt = s.alt
    from snapshot s
    where p.merchant_id = ${tx.merchantId} and p.id = s.id
      and (p.price_min, p.price_max, p.compare_at_price, p.image_url, p.image_alt)
        is distinct from (s.price_min, s.price_max, s.compare_at_price, s.url, s.alt)`
}

function variantRow(variant: NewVariant) {
  return {
    id: variant.id,
    product_id: variant.productId,
    position: variant.position,
    title: variantTitle(variant.optionValues),
    sku: variant.sku,
    barcode: variant.barcode,
    option_values: variant.optionValues,
    price: variant.price.toString(),
    compare_at_price: variant.compareAtPrice?.toString() ?? null,
    grams: variant.grams,
    requires_shipping: variant.requiresShipping,
    taxable: variant.taxable,
    tax_category: variant.taxCategory,
    minimum_price: variant.minimumPrice?.toString() ?? null,
    image_url: variant.imageUrl,
  }
}
