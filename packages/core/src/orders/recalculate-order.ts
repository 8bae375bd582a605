import type { Tx } from '@souk/tenant-router/tx.ts'
import { type CompiledPricing, compilePricing } from '../pricing/compile-pricing.ts'
import { priceCart } from '../pricing/price-cart.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { readStoredPricing } from '../pricing/upgrade-pricing-input.ts'
import { pricingInForce } from '../quote/pricing-in-force.ts'
import { pricingOfVersion } from '../quote/pricing-versions.ts'
import { noOrder } from './order.ts'

/** What an order was charged, in minor units of its currency. */
export interface ChargedTotals {
  subtotal: bigint
  discount: bigint
  shipping: bigint
  tax: bigint
  total: bigint
}

/** An order's price computed again. */
export interface Recalculation {
  currency: string
  pricingInput: PricingInput
  /** The hash of the version it was computed with. */
  pricingVersion: string
  /** With the trace of every promotion. */
  priced: PricedCart
  charged: ChargedTotals
}

interface Row extends ChargedTotals {
  currency: string
  pricing_input: unknown
}

/**
 * Computes an order's price again from what was stored with it. `then`: with the pricing it was placed under, which comes to the
 * same total, to the minor unit. `now`: the same goods at the prices they had, for the same buyer, with the pricing in force
 * and as of `now`; plugins are not asked again, their answers stay. Refuses `not_found`.
 */
export async function recalculateOrder(tx: Tx, orderId: string, version: 'then' | 'now', now: Date): Promise<Recalculation> {
  const [row] = await tx.sql<Row[]>`
    select currency, pricing_input, subtotal, discount_total as discount, shipping_total as shipping, tax_total as tax, total
    from orders where merchant_id = ${tx.merchantId} and id = ${orderId}`
  if (!row) throw noOrder()
  const { currency, pricing_input: stored, ...charged } = row
  const { input, document } = readStoredPricing(stored)
  const rules = version === 'now' ? (await pricingInForce(tx)).rules : await pricingOf(tx, input, document)
  const pricingInput = version === 'now' ? { ...input, pricingVersion: rules.version, asOf: now.toISOString() } : input
  return { currency, pricingInput, pricingVersion: rules.version, priced: priceCart(pricingInput, rules, 'full'), charged }
}

async function pricingOf(
  tx: Tx,
  input: PricingInput,
  document: ReturnType<typeof readStoredPricing>['document'],
): Promise<CompiledPricing> {
  const rules = document ? compilePricing(document) : await pricingOfVersion(tx, input.pricingVersion)
  if (!rules) throw new Error(`the pricing version ${input.pricingVersion} of an order is not kept`)
  return rules
}
