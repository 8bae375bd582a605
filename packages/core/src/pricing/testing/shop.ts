import type { Conditions, Leaf } from '../../rules/conditions.ts'
import { shippingTableSchema } from '../../shipping/shipping-table.ts'
import { type TaxTable, taxTableSchema } from '../../taxes/tax-table.ts'
import { compilePricing } from '../compile-pricing.ts'
import { priceCart } from '../price-cart.ts'
import type { Detail, PricedCart } from '../priced-cart.ts'
import { type PricingDocument, type PricingPolicy, pricingDocumentSchema } from '../pricing-document.ts'
import { NO_PLUGINS, type PricingInput, type PricingLine } from '../pricing-input.ts'
import type { PromotionDocumentInput } from '../promotion-document.ts'

export const PARCEL = 'parcel'

/** A shop whose prices have no tax in them and whose tax is nothing, unless a test says otherwise. */
export interface Shop {
  policy?: Partial<PricingPolicy> | undefined
  promotions?: PromotionDocumentInput[]
  taxes?: Partial<TaxTable>
  shipping?: object
}

export function documentOf({ policy = {}, promotions = [], taxes = {}, shipping = {} }: Shop = {}): PricingDocument {
  return pricingDocumentSchema.parse({
    format: 1,
    currency: 'EUR',
    policy: {
      prices_include_tax: false,
      rounding: 'half_up',
      tax_rounded_per: 'line',
      discounts: 'before_tax',
      foreign_tax: 'same_gross',
      time_zone: 'Europe/Berlin',
      ...policy,
    },
    promotions,
    taxes: taxTableSchema.parse({ seller_country: 'DE', ...taxes }),
    shipping: shippingTableSchema.parse({
      currency: 'EUR',
      methods: [{ code: PARCEL, name: 'Parcel', rate: { type: 'flat', amount: 490 } }],
      ...shipping,
    }),
  })
}

let numbered = 0

/** A promotion for everybody at any time. Ids grow, so that of two with the same priority the first made comes first. */
export function promotion(given: Partial<PromotionDocumentInput> & Pick<PromotionDocumentInput, 'actions'>): PromotionDocumentInput {
  numbered += 1
  return {
    id: promotionId(numbered),
    version: 1,
    name: `Promotion ${numbered}`,
    trigger: 'automatic',
    priority: 100,
    stacking: { mode: 'stack', group: null },
    conditions: null,
    schedule: null,
    limits: {},
    rollout_ppm: 1_000_000,
    ...given,
  }
}

export function promotionId(number: number): string {
  return `0198c0de-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
}

/** One condition, as conditions. */
export function when(fact: string, operator: string, value: unknown): Conditions {
  return { all: [{ fact, operator, value } as Leaf] }
}

/** A line of pieces at a price in minor units. Its product, SKU and tag are named after it. */
export function line(id: string, unitPrice: number, quantity = 1, overrides: Partial<PricingLine> = {}): PricingLine {
  return {
    id,
    quantity: BigInt(quantity),
    variantId: `variant-${id}`,
    productId: `product-${id}`,
    sku: `SKU-${id}`,
    unitPrice: BigInt(unitPrice),
    compareAtPrice: null,
    minimumPrice: null,
    taxable: true,
    taxCategory: null,
    requiresShipping: true,
    grams: 100n,
    vendor: '',
    productType: '',
    tags: [id],
    collections: [],
    ...overrides,
  }
}

export function cartOf(lines: PricingLine[], overrides: Partial<PricingInput> = {}): PricingInput {
  return {
    version: 2,
    pricingVersion: '',
    currency: 'EUR',
    asOf: '2026-11-21T12:00:00.000Z',
    channel: 'web',
    stickyKey: 'buyer',
    lines,
    gifts: [],
    customer: null,
    vatId: null,
    firstOrder: null,
    emailDomain: null,
    shippingAddress: null,
    billingCountry: null,
    coupons: [],
    usage: {},
    shipping: null,
    manual: [],
    plugins: NO_PLUGINS,
    ...overrides,
  }
}

/** Prices a cart in a shop. */
export function priceIn(shop: Shop, cart: PricingInput, detail?: Detail): PricedCart {
  return priceCart(cart, compilePricing(documentOf(shop)), detail)
}

/** What each line lost, by its id. */
export function discounts(priced: PricedCart): Record<string, number> {
  return Object.fromEntries(priced.lines.map(({ id, discount }) => [id, Number(discount)]))
}

/** What became of each promotion, by its name. */
export function outcomes(priced: PricedCart): Record<string, string> {
  return Object.fromEntries(priced.promotions.map(({ name, outcome }) => [name, outcome]))
}
