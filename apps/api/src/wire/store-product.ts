import type { ListedProduct } from '@souk/core/storefront/list-products.ts'
import type { StoreProduct, StoreVariant } from '@souk/core/storefront/product-by-handle.ts'
import { z } from 'zod'
import { moneySchema } from './money.ts'

const imageSchema = z.strictObject({ url: z.string(), alt: z.string() })

export const listedProductSchema = z.strictObject({
  id: z.uuid(),
  handle: z.string(),
  title: z.string(),
  vendor: z.string(),
  product_type: z.string(),
  price: z.strictObject({ min: moneySchema, max: moneySchema }),
  compare_at_price: moneySchema.nullable(),
  image: imageSchema.nullable(),
  available: z.boolean(),
})

export const storeProductSchema = z.strictObject({
  id: z.uuid(),
  handle: z.string(),
  title: z.string(),
  description_html: z.string(),
  vendor: z.string(),
  product_type: z.string(),
  tags: z.array(z.string()),
  options: z.array(z.strictObject({ name: z.string(), values: z.array(z.string()) })),
  images: z.array(imageSchema),
  variants: z.array(
    z.strictObject({
      id: z.uuid(),
      title: z.string(),
      sku: z.string(),
      options: z.array(z.string()),
      price: moneySchema,
      compare_at_price: moneySchema.nullable(),
      image_url: z.string().nullable(),
      available: z.boolean(),
      available_quantity: z.int().nullable().meta({ description: 'How many can be bought at most; null: no limit.' }),
      availability: z
        .enum(['in_stock', 'preorder', 'backorder', 'sold_out'])
        .meta({ description: 'Whether it is there, comes on a day, comes later, or is not to be had.' }),
      available_from: z.iso.date().nullable().meta({ description: 'The day on which preordered goods come.' }),
    }),
  ),
})

/** A product's line in a shop's list. */
export function presentListed(product: ListedProduct): z.input<typeof listedProductSchema> {
  const { currency } = product
  return {
    id: product.id,
    handle: product.handle,
    title: product.title,
    vendor: product.vendor,
    product_type: product.product_type,
    price: { min: { amount: product.price_min, currency }, max: { amount: product.price_max, currency } },
    compare_at_price: product.compare_at_price === null ? null : { amount: product.compare_at_price, currency },
    image: product.image_url === null ? null : { url: product.image_url, alt: product.image_alt ?? '' },
    available: product.available,
  }
}

/** A product as its page shows it. */
export function presentStoreProduct(product: StoreProduct): z.input<typeof storeProductSchema> {
  const { currency } = product
  return {
    id: product.id,
    handle: product.handle,
    title: product.title,
    description_html: product.body_html,
    vendor: product.vendor,
    product_type: product.product_type,
    tags: product.tags,
    options: product.option_names.map((name, index) => ({
      name,
      values: [...new Set(product.variants.map((variant) => variant.option_values[index] ?? ''))],
    })),
    images: product.images,
    variants: product.variants.map((variant) => ({
      id: variant.id,
      title: variant.title,
      sku: variant.sku,
      options: variant.option_values,
      price: { amount: variant.price, currency },
      compare_at_price: variant.compare_at_price === null ? null : { amount: variant.compare_at_price, currency },
      image_url: variant.image_url,
      available: variant.unlimited || variant.quantity > 0,
      available_quantity: variant.unlimited ? null : variant.quantity,
      availability: availabilityOf(variant),
      available_from: variant.available_from,
    })),
  }
}

function availabilityOf({
  unlimited,
  quantity,
  in_stock,
  available_from,
}: StoreVariant): 'in_stock' | 'preorder' | 'backorder' | 'sold_out' {
  if (!unlimited && quantity === 0) return 'sold_out'
  if (available_from !== null) return 'preorder'
  return in_stock ? 'in_stock' : 'backorder'
}
