import { z } from 'zod'

// Amounts and counts are bigint in memory and plain JSON numbers when stored: AMOUNT_MAX keeps them exact.
const integer = z.number().int().transform(BigInt)
const text = z.string()

const goods = {
  variantId: text,
  productId: text,
  sku: text,
  /** Minor units, tax in it or not as the policy says. */
  unitPrice: integer,
  /** The crossed-out price beside it; above unitPrice the line is on sale. */
  compareAtPrice: integer.nullable(),
  /** Below this no discount takes a piece. */
  minimumPrice: integer.nullable().default(null),
  taxable: z.boolean(),
  taxCategory: text.nullable(),
  requiresShipping: z.boolean(),
  /** Of one piece. */
  grams: integer,
  vendor: text,
  productType: text,
  tags: z.array(text),
  /** Handles. */
  collections: z.array(text),
}

const pricingLine = z.strictObject({ id: text, quantity: integer, ...goods })

/** A variant that a promotion's gift action may add. */
const giftVariant = z.strictObject({ ...goods, available: z.boolean() })

const vatId = z.strictObject({ country: text, number: text, valid: z.boolean() })

const customer = z.strictObject({
  id: text,
  groups: z.array(text),
  ordersCount: integer,
  totalSpent: integer,
  lastOrderAt: z.iso.datetime().nullable(),
  taxExempt: z.boolean(),
  vatId: vatId.nullable(),
})

const shippingAddress = z.strictObject({
  country: text,
  region: text.nullable(),
  postcode: text.nullable(),
  city: text.nullable(),
})

/** A code the buyer entered, and what was known of it at that moment. */
const coupon = z.strictObject({
  code: text,
  promotionId: text.nullable(),
  state: z.enum(['usable', 'unknown', 'used_up', 'expired', 'not_yet', 'other_customer', 'used_by_customer']),
})

/** What is left of a promotion's limits at that moment; null: no limit. */
const usage = z.strictObject({
  usesLeft: integer.nullable(),
  usesLeftForCustomer: integer.nullable(),
  budgetLeft: integer.nullable(),
})

const installed = { installId: text, plugin: text, version: text }

const pluginDiscounts = z.strictObject({
  ...installed,
  operations: z.array(
    z.strictObject({
      target: z.union([z.strictObject({ lineId: text }), z.literal('order'), z.literal('shipping')]),
      /** What it takes off, not negative. */
      amount: integer,
      reason: text,
      code: text.nullable(),
    }),
  ),
})

const pluginTax = z.union([z.strictObject({ name: text, ratePpm: integer }), z.strictObject({ name: text, amount: integer })])

const pluginTaxes = z.strictObject({
  ...installed,
  lines: z.record(text, z.array(pluginTax)),
  /** Null: as the merchant's own table says. */
  shipping: z.array(pluginTax).nullable(),
  /** For the invoice. */
  note: text.nullable().default(null),
  estimated: z.boolean(),
})

const pickupPoint = z.strictObject({ id: text, name: text, address: text, postcode: text, city: text, country: text })

const pluginRates = z.strictObject({
  ...installed,
  rates: z.array(
    z.strictObject({
      code: text,
      name: text,
      amount: integer,
      taxCategory: text.nullable(),
      deliveryDays: z.strictObject({ min: z.int(), max: z.int() }).nullable().default(null),
      pickupPoint: pickupPoint.nullable().default(null),
    }),
  ),
})

/** A reduction that staff gave by hand. */
const manualDiscount = z.strictObject({
  target: z.union([z.strictObject({ lineId: text }), z.literal('order'), z.literal('shipping')]),
  amount: integer,
  reason: text,
  code: text,
})

/**
 * What was taken off an order when it was placed, as an edit of it takes it along. `of`: the pieces that the share of a line was
 * taken off, and the price of sending that the share of the shipping was. What is left of these keeps its part of the share.
 */
const granted = z.strictObject({
  source: z.enum(['promotion', 'plugin']),
  code: text,
  reason: text,
  promotionId: text.optional(),
  installId: text.optional(),
  version: z.union([text, z.number()]).optional(),
  lines: z.array(z.strictObject({ lineId: text, amount: integer, of: integer })),
  shipping: z.strictObject({ amount: integer, of: integer }).nullable(),
})

const grantedGift = z.strictObject({ lineId: text, variantId: text, quantity: integer })

/** How the stored form of a pricing input reads. A change of meaning is a new version, and the old one stays readable. */
export const storedPricingInput = z.strictObject({
  version: z.literal(2),
  /** The hash of the PricingDocument it is priced with. */
  pricingVersion: text,
  currency: text,
  asOf: z.iso.datetime(),
  channel: text,
  /** Names the buyer for gradual roll-outs: the customer, or else the cart. */
  stickyKey: text,
  lines: z.array(pricingLine),
  gifts: z.array(giftVariant),
  customer: customer.nullable(),
  /** One that the buyer gave with the cart, guests too; it goes before the customer's own. */
  vatId: vatId.nullable().default(null),
  /** Null while it is not known who buys. */
  firstOrder: z.boolean().nullable(),
  emailDomain: text.nullable(),
  shippingAddress: shippingAddress.nullable(),
  billingCountry: text.nullable(),
  coupons: z.array(coupon),
  usage: z.record(text, usage),
  /** The chosen method: a code of the shipping table, or `${installId}:${code}` of a plugin. */
  shipping: z.strictObject({ method: text }).nullable(),
  manual: z.array(manualDiscount).default([]),
  /** Of an order that was edited. With `keepsPromotions` those of the pricing have no say any more: what they gave is here. */
  granted: z.strictObject({ keepsPromotions: z.boolean(), discounts: z.array(granted), gifts: z.array(grantedGift) }).optional(),
  plugins: z.strictObject({
    discounts: z.array(pluginDiscounts),
    taxes: pluginTaxes.nullable(),
    rates: z.array(pluginRates),
    notes: z.array(z.strictObject({ plugin: text, reason: text, text })),
  }),
})

/**
 * Everything a price depends on besides the pricing document. Amounts in minor units of `currency`; rates in parts per
 * million. Stored whole with the order, so that its total can be computed again at any time.
 */
export type PricingInput = z.output<typeof storedPricingInput>
export type Granted = NonNullable<PricingInput['granted']>
export type PricingLine = PricingInput['lines'][number]
export type GiftVariant = PricingInput['gifts'][number]
export type PluginDiscounts = PricingInput['plugins']['discounts'][number]
export type PluginTaxes = NonNullable<PricingInput['plugins']['taxes']>
export type PickupPoint = z.output<typeof pickupPoint>
export type PluginRates = PricingInput['plugins']['rates'][number]

/** What `plugins` is where none was asked. */
export const NO_PLUGINS: PricingInput['plugins'] = { discounts: [], taxes: null, rates: [], notes: [] }

/** Reads a stored input of this version back. Throws a ZodError when it is not one. */
export function readPricingInput(stored: unknown): PricingInput {
  return storedPricingInput.parse(stored)
}
