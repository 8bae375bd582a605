import type { Cart } from '@souk/core/cart/cart.ts'
import type { CartDetails } from '@souk/core/cart/change-cart.ts'
import { z } from 'zod'
import { addressSchema } from './address.ts'
import { idSchema } from './id.ts'
import { moneySchema, presentMoney, presentTotals, totalsSchema } from './money.ts'
import { emailSchema } from './text.ts'

const QUANTITY_MAX = 100_000
const LINES_MAX = 1_500

export const quantitySchema = z
  .number()
  .int('quantity_out_of_range')
  .min(1, 'quantity_out_of_range')
  .max(QUANTITY_MAX, 'quantity_out_of_range')
export const newLineSchema = z.strictObject({ variant_id: idSchema, quantity: quantitySchema })

const details = {
  email: emailSchema.nullable().optional(),
  shipping_address: addressSchema.nullable().optional(),
  billing_address: addressSchema.nullable().optional(),
  shipping_option: z.literal('flat').optional(),
}

export const cartDetailsSchema = z.strictObject(details)
export const newCartSchema = z.strictObject({ lines: z.array(newLineSchema).max(LINES_MAX, 'too_many_lines').default([]), ...details })

export const cartLineSchema = z.strictObject({
  id: z.uuid(),
  variant_id: z.uuid(),
  product_id: z.uuid(),
  product_handle: z.string(),
  title: z.string(),
  variant_title: z.string(),
  sku: z.string(),
  quantity: z.int(),
  unit_price: moneySchema,
  subtotal: moneySchema,
  total: moneySchema.meta({ description: 'What the buyer pays for the line, tax in it.' }),
  image_url: z.string().nullable(),
  available: z.boolean().meta({ description: 'Still sold, and in stock in this quantity.' }),
})

export const cartSchema = z.strictObject({
  id: z.uuid(),
  version: z.int(),
  status: z.enum(['open', 'ordered']),
  currency: z.string(),
  email: z.string().nullable(),
  shipping_address: addressSchema.nullable(),
  billing_address: addressSchema.nullable(),
  shipping_option: z.string().nullable(),
  lines: z.array(cartLineSchema),
  totals: totalsSchema,
  explanation: z.array(z.strictObject({ step: z.string(), text: z.string(), amount: moneySchema })),
  updated_at: z.iso.datetime(),
})

export const createdCartSchema = cartSchema.extend({
  token: z.string().meta({ description: 'Sent as Cart-Token with every further request for this cart. Shown once.' }),
})

/** A cart as buyers see it. */
export function presentCart(cart: Cart): z.input<typeof cartSchema> {
  const { currency, priced } = cart
  return {
    id: cart.id,
    version: Number(cart.version),
    status: cart.status,
    currency,
    email: cart.email,
    shipping_address: cart.shippingAddress,
    billing_address: cart.billingAddress,
    shipping_option: cart.shippingOption,
    lines: cart.lines.map((line, index) => ({
      id: line.id,
      variant_id: line.variantId,
      product_id: line.productId,
      product_handle: line.productHandle,
      title: line.productTitle,
      variant_title: line.variantTitle,
      sku: line.sku,
      quantity: Number(line.quantity),
      unit_price: presentMoney(line.unitPrice, currency),
      subtotal: presentMoney(priced.lines[index]!.subtotal, currency),
      total: presentMoney(priced.lines[index]!.total, currency),
      image_url: line.imageUrl,
      available: line.available,
    })),
    totals: presentTotals(priced.totals, currency),
    explanation: priced.explanation.map(({ step, text, amount }) => ({ step, text, amount: presentMoney(amount, currency) })),
    updated_at: cart.updatedAt.toISOString(),
  }
}

/** What a request says about a cart, in core's words. */
export function readDetails(body: z.output<typeof cartDetailsSchema>): CartDetails {
  return {
    email: body.email,
    shippingAddress: body.shipping_address,
    billingAddress: body.billing_address,
    shippingOption: body.shipping_option,
  }
}
