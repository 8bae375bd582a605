import { createHash } from 'node:crypto'
import type { z } from 'zod'
import { compilePricing } from '../pricing/compile-pricing.ts'
import { priceCart } from '../pricing/price-cart.ts'
import type { PricedCart, PricedLine } from '../pricing/priced-cart.ts'
import { type PricingDocument, type PricingPolicy, pricingDocumentSchema, pricingVersion } from '../pricing/pricing-document.ts'
import { NO_PLUGINS, type PricingInput, type PricingLine } from '../pricing/pricing-input.ts'
import type { PromotionDocumentInput } from '../pricing/promotion-document.ts'
import { conditionsOf } from '../promotions/check-promotion.ts'
import type { ConditionNode, Conditions, Leaf, LeafValue, Operator } from '../rules/conditions.ts'
import type { FactName } from '../rules/fact-values.ts'
import { validateConditions } from '../rules/validate.ts'
import type { shippingTableSchema } from '../shipping/shipping-table.ts'
import type { taxTableSchema } from '../taxes/tax-table.ts'

/** A line of a case's cart. Amounts in minor units. */
export interface CaseLine {
  /** Of the variant; the product's name too, where there is no other. */
  name: string
  product?: string
  unitPrice: bigint
  compareAtPrice?: bigint | null
  minimumPrice?: bigint | null
  quantity: number
  /** Null: not taxed. As it comes: of the standard category. */
  taxCategory?: string | null
  requiresShipping?: boolean
  collections?: string[]
  tags?: string[]
}

/** A promotion as the mappings write it. They are listed in the order in which they apply; a `code` makes it one of a coupon. */
export type CasePromotion = Pick<PromotionDocumentInput, 'name' | 'actions'> &
  Partial<Pick<PromotionDocumentInput, 'conditions' | 'stacking' | 'limits' | 'schedule'>> & { code?: string }

type Coupon = PricingInput['coupons'][number]

/** A shop with one cart in it: what a mapping makes of a case. */
export interface CaseShop {
  currency: string
  policy?: Partial<PricingPolicy>
  taxes?: Partial<z.input<typeof taxTableSchema>>
  shipping?: Partial<z.input<typeof shippingTableSchema>>
  promotions?: CasePromotion[]
  lines: CaseLine[]
  /** The codes that the buyer entered; a code that is no promotion's is unknown. */
  codes?: string[]
  /** What became of a code, where it is not usable. */
  couponStates?: Record<string, Coupon['state']>
  customer?: { groups?: string[]; ordersCount?: number } | null | undefined
  country?: string | null
  postcode?: string | null
  method?: string | null
  /** What is left of promotions' limits, by the promotion's name. */
  usage?: Record<string, Partial<PricingInput['usage'][string]>>
  manual?: PricingInput['manual']
  asOf?: string
}

export interface PricedCase {
  document: PricingDocument
  input: PricingInput
  priced: PricedCart
  /** The priced lines in the order of the case. */
  lines: PricedLine[]
}

/** Prices a case's cart in a case's shop. */
export function priceCase(shop: CaseShop): PricedCase {
  const document = documentOf(shop)
  const input = inputOf(shop, document)
  const priced = priceCart(input, compilePricing(document), 'full')
  const lines = input.lines.map(({ id }) => priced.lines.find((line) => line.id === id)!)
  return { document, input, priced, lines }
}

/** A document as a merchant could have saved it: its conditions pass the checks that stand before saving. */
function documentOf(shop: CaseShop): PricingDocument {
  const document = pricingDocumentSchema.parse({
    format: 1,
    currency: shop.currency,
    policy: {
      prices_include_tax: false,
      rounding: 'half_up',
      tax_rounded_per: 'line',
      discounts: 'before_tax',
      foreign_tax: 'same_gross',
      time_zone: 'UTC',
      ...shop.policy,
    },
    promotions: (shop.promotions ?? []).map(promotionOf),
    taxes: { seller_country: 'US', ...shop.taxes },
    shipping: { currency: shop.currency, ...shop.shipping },
  })
  for (const place of document.promotions.flatMap(conditionsOf)) place.keep(validateConditions(place.json, place))
  return document
}

function promotionOf({ code, ...promotion }: CasePromotion, index: number): PromotionDocumentInput {
  return {
    id: promotionId(promotion.name, index),
    version: 1,
    trigger: code === undefined ? 'automatic' : 'coupon',
    // Listed in their order: the first has the highest priority.
    priority: 1000 - index,
    stacking: { mode: 'stack', group: null },
    conditions: null,
    schedule: null,
    limits: {},
    rollout_ppm: 1_000_000,
    ...promotion,
  }
}

/** Two promotions of one name are two. */
export function promotionId(name: string, index: number): string {
  return uuidOf(`promotion ${index} ${name}`)
}

function inputOf(shop: CaseShop, document: PricingDocument): PricingInput {
  const ids = new Map((shop.promotions ?? []).map(({ name }, index) => [name, promotionId(name, index)]))
  return {
    version: 2,
    pricingVersion: pricingVersion(document),
    currency: shop.currency,
    asOf: shop.asOf ?? '2026-01-15T12:00:00Z',
    channel: 'web',
    stickyKey: 'case',
    lines: shop.lines.map(lineOf),
    gifts: [],
    customer: customerOf(shop.customer ?? null),
    firstOrder: shop.customer ? (shop.customer.ordersCount ?? 0) === 0 : null,
    emailDomain: null,
    shippingAddress: shop.country ? { country: shop.country, region: null, postcode: shop.postcode ?? null, city: null } : null,
    billingCountry: shop.country ?? null,
    coupons: (shop.codes ?? []).map((code) => couponOf(code, shop)),
    usage: Object.fromEntries(
      Object.entries(shop.usage ?? {}).map(([name, left]) => [
        ids.get(name)!,
        { usesLeft: null, usesLeftForCustomer: null, budgetLeft: null, ...left },
      ]),
    ),
    shipping: shop.method ? { method: shop.method } : null,
    manual: shop.manual ?? [],
    vatId: null,
    plugins: NO_PLUGINS,
  }
}

function lineOf(line: CaseLine, index: number): PricingLine {
  return {
    id: lineId(index),
    variantId: uuidOf(`variant ${line.product} ${line.name}`),
    productId: productId(line.product ?? line.name),
    sku: line.name,
    quantity: BigInt(line.quantity),
    unitPrice: line.unitPrice,
    compareAtPrice: line.compareAtPrice ?? null,
    minimumPrice: line.minimumPrice ?? null,
    taxable: line.taxCategory !== null,
    taxCategory: line.taxCategory ?? null,
    requiresShipping: line.requiresShipping ?? true,
    grams: 0n,
    vendor: '',
    productType: '',
    tags: line.tags ?? [],
    collections: line.collections ?? [],
  }
}

/** Ids in the order of the case, as those of carts are in the order in which the lines came. */
export function lineId(index: number): string {
  return `line-${String(index + 1).padStart(4, '0')}`
}

export function productId(name: string): string {
  return uuidOf(`product ${name}`)
}

function customerOf(customer: NonNullable<CaseShop['customer']> | null): PricingInput['customer'] {
  if (!customer) return null
  return {
    id: uuidOf('customer'),
    groups: customer.groups ?? [],
    ordersCount: BigInt(customer.ordersCount ?? 0),
    totalSpent: 0n,
    lastOrderAt: null,
    taxExempt: false,
    vatId: null,
  }
}

function couponOf(code: string, shop: CaseShop): Coupon {
  const index = (shop.promotions ?? []).findIndex((promotion) => promotion.code === code)
  if (index < 0) return { code, promotionId: null, state: 'unknown' }
  return { code, promotionId: promotionId(shop.promotions![index]!.name, index), state: shop.couponStates?.[code] ?? 'usable' }
}

/** A stable id for a name. */
function uuidOf(name: string): string {
  const hash = createHash('sha256').update(name).digest('hex')
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`
}

/** A name as a code or a handle: "Cheap Mugs" is cheap-mugs. */
export function codeOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

export function leaf(fact: FactName, operator: Operator, value: LeafValue): Leaf {
  return { fact, operator, value }
}

/** All of the conditions; none at all is no condition. */
export function all(nodes: readonly (ConditionNode | null)[]): Conditions | null {
  const present = nodes.filter((node) => node !== null)
  return present.length === 0 ? null : { all: present }
}

/** What was paid for the goods without and with tax. */
export function subtotals({ lines }: PricedCase): { net: bigint; gross: bigint } {
  return { net: sum(lines.map(({ total, tax }) => total - tax)), gross: sum(lines.map(({ total }) => total)) }
}

export function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n)
}
