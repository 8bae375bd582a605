import { type CompiledPricing, compilePricing } from '../pricing/compile-pricing.ts'
import { priceCart } from '../pricing/price-cart.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import type { GiftVariant, PricingInput } from '../pricing/pricing-input.ts'
import type { PromotionDocument } from '../pricing/promotion-document.ts'
import type { AppliedPart, DifferenceExplanation } from './tables.ts'

/** The version to try, and the variants it may give away. */
export interface Candidate {
  document: PromotionDocument
  gifts: readonly GiftVariant[]
}

/** What a cart or an order comes to without the version and with it. */
export interface Trial {
  before: PricedCart
  after: PricedCart
}

/** Stands for a code that the buyer would have entered. */
export const ASSUMED_CODE = 'DRY-RUN'

/** Prices with a version in force for all buyers: one per pricing it is tried on, and kept for the next cart of that pricing. */
export class VersionTrial {
  readonly #candidate: Candidate
  readonly #pricings = new Map<string, CompiledPricing>()

  constructor(candidate: Candidate) {
    this.#candidate = candidate
  }

  /**
   * Prices the same input twice: as it was, and with the version in force, whatever its schedule, roll-out and limits; other versions of
   * the same promotion are out of force then. Where a code brings it, a buyer is assumed to have entered one. Pure.
   * Refuses as priceCart does.
   */
  run(input: PricingInput, rules: CompiledPricing): Trial {
    return { before: priceCart(input, rules), after: priceCart(this.#withVersion(input), this.#pricing(rules)) }
  }

  #withVersion(input: PricingInput): PricingInput {
    const { document, gifts } = this.#candidate
    const { [document.id]: _ofOtherVersions, ...usage } = input.usage
    const hasCode = input.coupons.some(({ promotionId, state }) => promotionId === document.id && state === 'usable')
    const assumed = { code: ASSUMED_CODE, promotionId: document.id, state: 'usable' as const }
    const known = new Set(input.gifts.map((gift) => gift.variantId))
    return {
      ...input,
      usage,
      coupons: document.trigger === 'coupon' && !hasCode ? [...input.coupons, assumed] : input.coupons,
      gifts: [...input.gifts, ...gifts.filter((gift) => !known.has(gift.variantId))],
    }
  }

  #pricing(rules: CompiledPricing): CompiledPricing {
    const known = this.#pricings.get(rules.version)
    if (known) return known
    const { document } = this.#candidate
    const others = rules.document.promotions.filter((promotion) => promotion.id !== document.id)
    const inForce = { ...document, schedule: null, rollout_from_ppm: 0, rollout_ppm: 1_000_000 }
    const pricing = compilePricing({ ...rules.document, promotions: [...others, inForce] })
    this.#pricings.set(rules.version, pricing)
    return pricing
  }
}

/** Whether the buyer pays something else, pays it by another discount, or gets other gifts. */
export function differs({ before, after }: Trial): boolean {
  if (before.totals.total !== after.totals.total || before.totals.discount !== after.totals.discount) return true
  return giftsOf(before) !== giftsOf(after)
}

function giftsOf({ lines }: PricedCart): string {
  const gifts = lines.filter((line) => line.kind === 'gift')
  return gifts
    .map(({ variantId, quantity }) => `${variantId} ${quantity}`)
    .sort()
    .join()
}

/** The promotions that were applied without the version and with it. */
export function explanationOf({ before, after }: Trial): DifferenceExplanation {
  return { before: applied(before), after: applied(after) }
}

function applied(priced: PricedCart): AppliedPart[] {
  return priced.promotions
    .filter((trace) => trace.outcome === 'applied')
    .map(({ promotionId, version, name, amount }) => ({ promotion_id: promotionId, version, name, amount: Number(amount) }))
}
