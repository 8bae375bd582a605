import type { Tx } from '@souk/tenant-router/tx.ts'
import { LRUCache } from 'lru-cache'
import { type InstalledPlugin, installsQuery, toInstalls } from '../plugins/installs-in-force.ts'
import { type CompiledPricing, compilePricing } from '../pricing/compile-pricing.ts'
import { livePromotionsQuery, toLivePromotions } from '../promotions/live-promotions.ts'
import { shippingTableQuery, toShippingTable } from '../shipping/load-shipping.ts'
import { taxTableQuery, toTaxTable } from '../taxes/load-taxes.ts'
import { documentOf, type PolicyRow, policyQuery } from './pricing-policy.ts'

/** What a merchant's carts are priced with, as of one revision. */
export interface MerchantPricing {
  /** Of the merchant's settings: it grows with everything a price depends on. */
  revision: bigint
  rules: CompiledPricing
  /** Plugins to ask; none, as a rule. */
  installs: readonly InstalledPlugin[]
  /** Variants that promotions may add for nothing. */
  giftIds: readonly string[]
  /** A promotion in force has limits or takes codes: a quote looks at coupons and counters. */
  countsUses: boolean
  /** Whether the first order of a buyer may be priced otherwise than the next: plugins may see it, too. */
  asksFirstOrder: boolean
}

const MERCHANTS_MAX = 2_000
const BYTES_MAX = 256 * 1024 * 1024
// A compiled promotion is closures over its document: some times its text.
const BYTES_PER_CHARACTER = 4
const MERCHANT_BYTES_MIN = 8_192

// What this process knows: the last revision of each merchant. A stale one is noticed by whoever reads a cart, because the
// revision comes with the cart.
const known = new LRUCache<string, MerchantPricing>({
  max: MERCHANTS_MAX,
  maxSize: BYTES_MAX,
  sizeCalculation: ({ rules }) => MERCHANT_BYTES_MIN + BYTES_PER_CHARACTER * JSON.stringify(rules.document).length,
})
const loading = new Map<string, Promise<MerchantPricing>>()

/** The pricing this process used last for a merchant, which may be out of date: good for a guess at what a quote will need. */
export function rememberedPricing(merchantId: string): MerchantPricing | undefined {
  return known.get(merchantId)
}

/** The pricing at a revision that was read a moment ago, or at a later one; without a query, unless it is new to this process. */
export async function pricingAt(tx: Tx, revision: bigint): Promise<MerchantPricing> {
  const remembered = known.get(tx.merchantId)
  if (remembered?.revision === revision) return remembered
  const name = `${tx.merchantId}|${revision}`
  const others = await loading.get(name)?.catch(() => undefined)
  if (others) return others
  const own = loadPricing(tx)
  loading.set(name, own)
  try {
    const pricing = await own
    known.set(tx.merchantId, pricing)
    return pricing
  } finally {
    if (loading.get(name) === own) loading.delete(name)
  }
}

/** The pricing of this moment, for whoever has no cart before them. */
export async function pricingInForce(tx: Tx): Promise<MerchantPricing> {
  const [row] = await tx.sql<{ pricing_revision: bigint }[]>`
    select pricing_revision from merchant_settings where merchant_id = ${tx.merchantId}`
  if (!row) throw new Error('the merchant has no settings')
  return pricingAt(tx, row.pricing_revision)
}

/** Forgets what this process knows, as a new one would. For tests. */
export function forgetPricing(): void {
  known.clear()
}

/**
 * One flight. The revision is in its first statement: if somebody changes the pricing in the middle, what is read may be
 * mixed, but goes by a revision that is over, and no order is placed with it.
 */
async function loadPricing(tx: Tx): Promise<MerchantPricing> {
  const [policies, promotions, taxes, shipping, installs] = await Promise.all([
    policyQuery(tx),
    livePromotionsQuery(tx),
    taxTableQuery(tx),
    shippingTableQuery(tx),
    installsQuery(tx),
  ])
  const [row] = policies as unknown as PolicyRow[]
  if (!row) throw new Error('the merchant has no settings')
  const document = documentOf(row, {
    promotions: toLivePromotions(promotions),
    taxes: toTaxTable(taxes, { country: row.country, taxRatePpm: row.tax_rate_ppm, timeZone: row.time_zone }),
    shipping: toShippingTable(shipping, { currency: row.currency, shippingName: row.shipping_name, shippingAmount: row.shipping_amount }),
  })
  const inForce = { ...ready(compilePricing(document)), installs: toInstalls(installs) }
  return { ...inForce, revision: row.pricing_revision, asksFirstOrder: inForce.asksFirstOrder || inForce.installs.length > 0 }
}

/** A pricing with what a quote has to read for it. */
export function ready(rules: CompiledPricing): Pick<MerchantPricing, 'rules' | 'giftIds' | 'countsUses' | 'asksFirstOrder'> {
  const { promotions } = rules.document
  const gifts = promotions.flatMap(({ actions }) => actions.flatMap((action) => (action.type === 'gift' ? [action.variant_id] : [])))
  const countsUses = promotions.some(({ trigger, limits }) => {
    return trigger === 'coupon' || limits.uses !== null || limits.uses_per_customer !== null || limits.budget !== null
  })
  const asksFirstOrder = JSON.stringify(rules.document).includes('"customer.first_order"')
  return { rules, giftIds: [...new Set(gifts)].sort(), countsUses, asksFirstOrder }
}
