import { z } from 'zod'
import { decimal } from './pricing-case.ts'

/** How a Sylius scenario is written down. `text` is the sentence that the other keys of an effect were read from. */
const value = z.union([z.strictObject({ percent: decimal }), z.strictObject({ fixed: decimal, currency: z.string() })])
const kind = z.enum(['order_discount', 'unit_discount', 'shipping_discount'])

/** What a discount is on. */
const scope = {
  price_min: decimal.nullable().optional(),
  price_max: decimal.nullable().optional(),
  taxons: z.array(z.string()).optional(),
  product: z.string().optional(),
}

/** When a promotion holds. */
const requirements = {
  min_items_total: decimal.optional(),
  min_quantity: z.int().optional(),
  requires_product: z.string().optional(),
  requires_any_taxon: z.array(z.string()).optional(),
  min_taxon_total: decimal.optional(),
  customer_group: z.string().optional(),
  nth_order: z.int().optional(),
}

const part = z.strictObject({ type: kind, value, ...scope })
const effect = z.union([
  z.strictObject({ text: z.string(), type: kind, value, ...scope, ...requirements }),
  z.strictObject({ text: z.string(), type: z.literal('composite'), parts: z.array(part), ...requirements }),
])

const promotion = z.strictObject({
  name: z.string(),
  priority: z.int().nullable().default(null),
  exclusive: z.boolean().default(false),
  applies_to_discounted: z.boolean().default(true),
  coupon: z.string().optional(),
  constraints: z.array(z.string()).default([]),
  effects: z.array(effect),
})

const catalogPromotion = z.strictObject({
  name: z.string(),
  priority: z.int().nullable().default(null),
  value,
  scope: z.union([z.strictObject({ product: z.string() }), z.strictObject({ variant: z.string() }), z.strictObject({ taxon: z.string() })]),
})

const variant = z.strictObject({
  name: z.string(),
  price: decimal,
  tax_category: z.string().optional(),
  requires_shipping: z.boolean().default(true),
})
const product = z.strictObject({
  name: z.string(),
  price: decimal.nullable().optional(),
  variants: z.array(variant).default([]),
  taxons: z.array(z.string()).default([]),
  tax_category: z.string().optional(),
})

const action = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('add'), product: z.string(), variant: z.string().optional(), quantity: z.int() }),
  z.strictObject({ op: z.literal('set_quantity'), product: z.string(), variant: z.string().optional(), quantity: z.int() }),
  z.strictObject({ op: z.literal('remove'), product: z.string(), variant: z.string().optional() }),
  z.strictObject({ op: z.literal('apply_coupon'), code: z.string() }),
  z.strictObject({ op: z.literal('set_address'), country: z.string(), postcode: z.string().optional() }),
  z.strictObject({ op: z.literal('select_shipping'), method: z.string() }),
])

const taxRate = z.strictObject({
  name: z.string(),
  percent: decimal,
  category: z.string(),
  zone: z.string(),
  included_in_price: z.boolean(),
  calculator: z.enum(['default', 'decimal']),
  starting_at: z.string().optional(),
  ending_at: z.string().optional(),
})

const shippingMethod = z.strictObject({
  name: z.string(),
  fee: decimal,
  per_unit: z.boolean().default(false),
  zone: z.string().nullable().default(null),
  tax_category: z.string().optional(),
})

export const syliusScenario = z.strictObject({
  currency: z.string(),
  channels: z.array(z.string()).max(1).default([]),
  products: z.array(product).default([]),
  taxons: z.array(z.string()).default([]),
  minimum_prices: z.array(z.strictObject({ variant: z.string(), minimum_price: decimal, channel: z.string() })).default([]),
  promotions: z.array(promotion).default([]),
  catalog_promotions: z.array(catalogPromotion).default([]),
  tax_rates: z.array(taxRate).default([]),
  tax: z
    .strictObject({
      default_zone: z.string().optional(),
      rest_of_world_zone: z.string().optional(),
      calculation_strategy: z.enum(['Order items based', 'Order item units based']).optional(),
    })
    .default({}),
  shipping_methods: z.array(shippingMethod).default([]),
  customer: z
    .strictObject({ logged_in: z.boolean().optional(), group: z.string().optional(), previous_orders: z.int().optional() })
    .optional(),
  now: z.string().optional(),
  actions: z.array(action),
  other_given: z.array(z.string()).default([]),
})

export type SyliusScenario = z.output<typeof syliusScenario>
export type SyliusPromotion = z.output<typeof promotion>
export type SyliusEffect = z.output<typeof effect>
export type SyliusPart = z.output<typeof part>
export type SyliusRequirements = Partial<z.output<z.ZodObject<typeof requirements>>>
export type SyliusValue = z.output<typeof value>
export type SyliusProduct = z.output<typeof product>
export type SyliusVariant = z.output<typeof variant>
export type SyliusTaxRate = z.output<typeof taxRate>
