import type { ImageInput, VariantInput } from '@souk/core/catalog/check-product.ts'
import { GRAMS_MAX, IMAGES_MAX, OPTIONS_MAX, QUANTITY_MAX, TAGS_MAX, VARIANTS_MAX } from '@souk/core/catalog/limits.ts'
import type { Product, Variant } from '@souk/core/catalog/product.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from './money.ts'
import { timeSchema } from './time.ts'

// What texts and addresses may hold is for core to say: imports obey the same rules. Here is their form.

const whole = (max: number) => z.number().int('quantity_out_of_range').min(0, 'quantity_out_of_range').max(max, 'quantity_out_of_range')

const variantFields = {
  options: z.array(z.string()).max(OPTIONS_MAX).optional().meta({ description: "One value for each of the product's options." }),
  price: givenMoneySchema,
  compare_at_price: givenMoneySchema.nullable().optional(),
  sku: z.string().optional(),
  barcode: z.string().optional(),
  grams: whole(GRAMS_MAX).optional(),
  requires_shipping: z.boolean().optional(),
  taxable: z.boolean().optional(),
  tax_category: z.string().nullable().optional().meta({ description: 'A code of the merchant’s tax categories; null: the standard one.' }),
  minimum_price: givenMoneySchema.nullable().optional().meta({ description: 'Below this no discount takes a piece.' }),
  image_url: z.string().nullable().optional(),
  tracked: z.boolean().optional().meta({ description: 'Whether stock is counted.' }),
  backorder: z.boolean().optional().meta({ description: 'Whether it can be bought when nothing is left.' }),
}

export const newVariantSchema = z.strictObject({
  ...variantFields,
  quantity: whole(QUANTITY_MAX).optional().meta({ description: 'Opening stock.' }),
})
export const variantChangesSchema = z.strictObject({ ...variantFields, price: givenMoneySchema.optional() })

const productFields = {
  title: z.string(),
  handle: z.string().optional(),
  description_html: z.string().optional(),
  vendor: z.string().optional(),
  product_type: z.string().optional(),
  tags: z.array(z.string()).max(TAGS_MAX).optional(),
  options: z.array(z.string()).max(OPTIONS_MAX).optional().meta({ description: 'Names, such as "Size".' }),
  status: z.enum(['draft', 'active', 'archived']).optional(),
  published: z.boolean().optional(),
  images: z
    .array(z.strictObject({ url: z.string(), alt: z.string().optional() }))
    .max(IMAGES_MAX)
    .optional(),
}

export const newProductSchema = z.strictObject({ ...productFields, variants: z.array(newVariantSchema).min(1).max(VARIANTS_MAX) })
export const productChangesSchema = z.strictObject({ ...productFields, title: z.string().optional() })

export const staffVariantSchema = z
  .strictObject({
    id: idSchema,
    product_id: idSchema,
    title: z.string(),
    sku: z.string(),
    barcode: z.string(),
    options: z.array(z.string()),
    price: moneySchema,
    compare_at_price: moneySchema.nullable(),
    grams: z.int(),
    requires_shipping: z.boolean(),
    taxable: z.boolean(),
    tax_category: z.string().nullable(),
    minimum_price: moneySchema.nullable(),
    image_url: z.string().nullable(),
    tracked: z.boolean(),
    backorder: z.boolean(),
    on_hand: z.int(),
    available: z.int(),
  })
  .meta({ id: 'StaffVariant' })

export const staffProductSchema = z
  .strictObject({
    id: idSchema,
    handle: z.string(),
    title: z.string(),
    description_html: z.string(),
    vendor: z.string(),
    product_type: z.string(),
    tags: z.array(z.string()),
    status: z.enum(['draft', 'active', 'archived']),
    published: z.boolean(),
    options: z.array(z.strictObject({ name: z.string(), values: z.array(z.string()) })),
    images: z.array(z.strictObject({ url: z.string(), alt: z.string() })),
    variants: z.array(staffVariantSchema),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'StaffProduct' })

/** A product as staff see it. */
export function presentProduct(product: Product): z.input<typeof staffProductSchema> {
  return {
    id: product.id,
    handle: product.handle,
    title: product.title,
    description_html: product.bodyHtml,
    vendor: product.vendor,
    product_type: product.productType,
    tags: product.tags,
    status: product.status,
    published: product.published,
    options: optionsOf(product),
    images: product.images,
    variants: product.variants.map((variant) => presentVariant(variant, product.currency)),
    created_at: product.createdAt.toISOString(),
    updated_at: product.updatedAt.toISOString(),
  }
}

/** The values of each option, in the order its variants first use them. */
function optionsOf({ optionNames, variants }: Product): { name: string; values: string[] }[] {
  return optionNames.map((name, index) => ({ name, values: [...new Set(variants.map((variant) => variant.optionValues[index] ?? ''))] }))
}

/** A variant as staff see it, with its stock. */
export function presentVariant(variant: Variant, currency: string): z.input<typeof staffVariantSchema> {
  return {
    id: variant.id,
    product_id: variant.productId,
    title: variant.title,
    sku: variant.sku,
    barcode: variant.barcode,
    options: variant.optionValues,
    price: presentMoney(variant.price, currency),
    compare_at_price: variant.compareAtPrice === null ? null : presentMoney(variant.compareAtPrice, currency),
    grams: variant.grams,
    requires_shipping: variant.requiresShipping,
    taxable: variant.taxable,
    tax_category: variant.taxCategory,
    minimum_price: variant.minimumPrice === null ? null : presentMoney(variant.minimumPrice, currency),
    image_url: variant.imageUrl,
    tracked: variant.tracked,
    backorder: variant.backorder,
    on_hand: variant.onHand,
    available: variant.available,
  }
}

/** A variant as a request describes it, in core's words. */
export function readVariant(given: z.output<typeof newVariantSchema>): VariantInput {
  return { ...readVariantChanges(given), price: BigInt(given.price.amount), quantity: given.quantity }
}

export function readVariantChanges(given: z.output<typeof variantChangesSchema>) {
  return {
    optionValues: given.options,
    price: given.price && BigInt(given.price.amount),
    compareAtPrice: given.compare_at_price && BigInt(given.compare_at_price.amount),
    sku: given.sku,
    barcode: given.barcode,
    grams: given.grams,
    requiresShipping: given.requires_shipping,
    taxable: given.taxable,
    taxCategory: given.tax_category,
    minimumPrice: given.minimum_price && BigInt(given.minimum_price.amount),
    imageUrl: given.image_url,
    tracked: given.tracked,
    backorder: given.backorder,
  }
}

/** The product's own fields as a request describes them, in core's words. */
export function readProductFields(given: z.output<typeof productChangesSchema>) {
  return {
    handle: given.handle,
    bodyHtml: given.description_html,
    vendor: given.vendor,
    productType: given.product_type,
    tags: given.tags,
    optionNames: given.options,
    status: given.status,
    published: given.published,
    images: given.images as ImageInput[] | undefined,
  }
}

type Prices = Partial<Pick<z.output<typeof variantChangesSchema>, 'price' | 'compare_at_price' | 'minimum_price'>>

/** Every currency a request names, and where. */
export function currenciesIn(variants: readonly Prices[], pointerOf: (index: number) => string): { pointer: string; currency: string }[] {
  return variants.flatMap((variant, index) =>
    (['price', 'compare_at_price', 'minimum_price'] as const).flatMap((field) => {
      const money = variant[field]
      return money ? [{ pointer: `${pointerOf(index)}/${field}`, currency: money.currency }] : []
    }),
  )
}
