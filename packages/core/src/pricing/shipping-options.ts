import type { CompiledPricing } from './compile-pricing.ts'
import { priceCart } from './price-cart.ts'
import type { PricingInput } from './pricing-input.ts'
import { findCandidates } from './stages/candidates.ts'
import { type MethodOffer, methodOffers, needsShipping } from './stages/find-shipping.ts'
import { discountGoods } from './stages/given-discounts.ts'
import { openSession } from './stages/pricing-session.ts'
import { runPromotions } from './stages/run-promotions.ts'
import { settleStacking } from './stages/settle-stacking.ts'

/** A way of sending as a buyer chooses it. Amounts in minor units, tax in them or not as the policy says. */
export interface ShippingOption {
  /** What goes into PricingInput.shipping.method. */
  code: string
  name: string
  /** Before promotions; zero for one that is not available. */
  amount: bigint
  /** What is left of it when it is chosen. */
  discountedAmount: bigint
  available: boolean
  /** How the price comes about, or why it is not available. */
  words: string
}

/**
 * Every way of sending a cart, with its price, in the order of the shipping table and then of the plugins. None where nothing
 * has to be sent. Pure; the method chosen so far makes no difference.
 */
export function shippingOptions(input: PricingInput, rules: CompiledPricing): ShippingOption[] {
  const unchosen = { ...input, shipping: null }
  const session = openSession(unchosen, rules)
  const chosen = settleStacking(session, findCandidates(rules, unchosen, session.facts, 'brief'))
  const { cart } = runPromotions(session, chosen, (working) => discountGoods(input, working))
  if (!needsShipping(cart)) return []
  return methodOffers(session, cart).map((offer) => toOption(offer, input, rules))
}

function toOption({ method, name, amount, available, words }: MethodOffer, input: PricingInput, rules: CompiledPricing): ShippingOption {
  const option = { code: method, name, amount, discountedAmount: amount, available, words }
  if (!available) return option
  const { shipping, shippingProblem } = priceCart({ ...input, shipping: { method } }, rules)
  if (shipping) return { ...option, amount: shipping.amount, discountedAmount: shipping.amount - shipping.discount }
  // Promotions may depend on what sending costs: the parcel that was measured is not the one that is sent then.
  const gone = { ...option, amount: 0n, discountedAmount: 0n }
  if (shippingProblem !== null) return { ...gone, available: false, words: shippingProblem }
  return { ...gone, words: 'Nothing is left to be sent when it is chosen: a promotion that gave something to be sent applies no longer.' }
}
