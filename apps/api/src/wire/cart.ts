import type { Cart } from '@souk/core/cart/cart.ts'
import type { CartDetails } from '@souk/core/cart/change-cart.ts'
import type { PricedLine } from '@souk/core/pricing/priced-cart.ts'
import { z } from 'zod'
import { addressSchema } from './address.ts'
import { vatIdSchema } from './customer.ts'
import { idSchema } from './id.ts'
import { moneySchema, presentMoney, presentTotals, totalsSchema } from './money.ts'
import {
  adjustmentSchema,
  couponSchema,
  lineDiscountSchema,
  noteSchema,
  presentAdjustments,
  presentCoupons,
  presentLineDiscounts,
  presentShipping,
  presentTaxTreatment,
  shippingSchema,
  taxTreatmentSchema,
} from './price.ts'
import { emailSchema } from './text.ts'

const QUANTITY_MAX = 100_000
const LINES_MAX = 1_500
const OPTION_LENGTH_MAX = 200
const TOKEN_LENGTH_MAX = 1_000

export const quantitySchema = z
  .number()
  .int('quantity_out_of_range')
  .min(1, 'quantity_out_of_range')
  .max(QUANTITY_MAX, 'quantity_out_of_range')
export const newLineSchema = z.strictObject({ variant_id: idSchema, quantity: quantitySchema })

export const channelSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/)
  .default('web')
  .meta({ description: 'Where the storefront says the cart was opened: web, app, kiosk. Promotions may ask for it.' })

const details = {
  email: emailSchema.nullable().optional(),
  shipping_address: addressSchema.nullable().optional(),
  billing_address: addressSchema.nullable().optional(),
  shipping_option: z
    .string()
    .min(1)
    .max(OPTION_LENGTH_MAX)
    .nullable()
    .optional()
    .meta({ description: 'A code of the cart’s shipping options; null: the first that can be had.' }),
  vat_id: vatIdSchema.nullable().optional(),
  customer_token: z
    .string()
    .max(TOKEN_LENGTH_MAX)
    .nullable()
    .optional()
    .meta({ description: 'From the merchant’s staff routes: says whose cart this is. Null: a guest’s.' }),
}

export const cartDetailsSchema = z.strictObject(details)
export const newCartSchema = z.strictObject({
  lines: z.array(newLineSchema).max(LINES_MAX, 'too_many_lines').default([]),
  ...details,
  channel: channelSchema,
})

export const cartLineSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(['item', 'gift']).meta({ description: 'A gift was added by a promotion: it costs nothing and cannot be changed.' }),
  variant_id: z.uuid(),
  product_id: z.uuid(),
  product_handle: z.string(),
  title: z.string(),
  variant_title: z.string(),
  sku: z.string(),
  quantity: z.int(),
  unit_price: moneySchema,
  subtotal: moneySchema,
  discount: moneySchema,
  discounts: z.array(lineDiscountSchema),
  total: moneySchema.meta({ description: 'What the buyer pays for the line, tax in it.' }),
  image_url: z.string().nullable(),
  available: z.boolean().meta({ description: 'Still sold, and in stock in this quantity.' }),
})

export const cartSchema = z.strictObject({
  id: z.uuid(),
  version: z.int(),
  status: z.enum(['open', 'ordered']),
  currency: z.string(),
  channel: z.string(),
  customer_id: z.uuid().nullable(),
  email: z.string().nullable(),
  shipping_address: addressSchema.nullable(),
  billing_address: addressSchema.nullable(),
  shipping_option: z.string().nullable(),
  vat_id: z.string().nullable(),
  coupons: z.array(couponSchema),
  lines: z.array(cartLineSchema),
  shipping: shippingSchema.nullable(),
  shipping_problem: z.string().nullable().meta({ description: 'Why the cart cannot be sent the way that was chosen.' }),
  adjustments: z.array(adjustmentSchema),
  tax: taxTreatmentSchema,
  totals: totalsSchema,
  explanation: z.array(z.strictObject({ step: z.string(), text: z.string(), amount: moneySchema })),
  near_misses: z.array(z.string()).meta({ description: 'What little is missing for more.' }),
  notes: z.array(noteSchema).meta({ description: 'What plugins could not do.' }),
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
    channel: cart.channel,
    customer_id: cart.customerId,
    email: cart.email,
    shipping_address: cart.shippingAddress,
    billing_address: cart.billingAddress,
    shipping_option: cart.pricingInput.shipping?.method ?? null,
    vat_id: cart.vatId,
    coupons: presentCoupons(priced.coupons),
    lines: linesOf(cart),
    shipping: presentShipping(priced.shipping, currency),
    shipping_problem: priced.shippingProblem,
    adjustments: presentAdjustments(priced.adjustments, currency),
    tax: presentTaxTreatment(priced.taxTreatment),
    totals: presentTotals(priced.totals, currency),
    explanation: priced.explanation.map(({ step, text, amount }) => ({ step, text, amount: presentMoney(amount, currency) })),
    near_misses: priced.nearMisses.map(({ words }) => words),
    notes: priced.notes,
    updated_at: cart.updatedAt.toISOString(),
  }
}

/** The cart's own lines in their order, then what promotions add. */
function linesOf(cart: Cart): z.input<typeof cartLineSchema>[] {
  const priced = new Map(cart.priced.lines.map((line) => [line.id, line]))
  const discounts = presentLineDiscounts(cart.priced.adjustments, cart.currency)
  const items = cart.lines.map((line) => ({
    ...amountsOf(cart, priced.get(line.id)!),
    discounts: discounts.get(line.id) ?? [],
    product_handle: line.productHandle,
    title: line.productTitle,
    variant_title: line.variantTitle,
    sku: line.sku,
    image_url: line.imageUrl,
    available: line.available,
  }))
  const gifts = cart.priced.lines
    .filter((line) => line.kind === 'gift')
    .map((line) => {
      const gift = cart.gifts.find(({ variant_id }) => variant_id === line.variantId)!
      return {
        ...amountsOf(cart, line),
        discounts: discounts.get(line.id) ?? [],
        product_handle: gift.handle,
        title: gift.product_title,
        variant_title: gift.variant_title,
        sku: gift.sku,
        image_url: gift.image_url,
        available: true,
      }
    })
  return [...items, ...gifts]
}

function amountsOf({ currency }: Cart, line: PricedLine) {
  return {
    id: line.id,
    kind: line.kind,
    variant_id: line.variantId,
    product_id: line.productId,
    quantity: Number(line.quantity),
    unit_price: presentMoney(line.unitPrice, currency),
    subtotal: presentMoney(line.subtotal, currency),
    discount: presentMoney(line.discount, currency),
    total: presentMoney(line.total, currency),
  }
}

/** What a request says about a cart, in core's words. `customerOf` reads a customer token. */
export function readDetails(body: z.output<typeof cartDetailsSchema>, customerOf: (token: string) => string): CartDetails {
  return {
    customerId: body.customer_token && customerOf(body.customer_token),
    vatId: body.vat_id,
    email: body.email,
    shippingAddress: body.shipping_address,
    billingAddress: body.billing_address,
    shippingOption: body.shipping_option,
  }
}
