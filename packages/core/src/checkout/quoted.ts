import { createHash } from 'node:crypto'
import type { Cart } from '../cart/cart.ts'
import { canonicalJson } from '../pricing/stored-form.ts'
import { priceQuote } from '../quote/price-quote.ts'

/**
 * A digest of everything that plugins can be told about a cart, and of the revision that says which plugins there are. What
 * is left of limits is not in it: that changes with every order of anybody's, and shows in the price where it matters.
 */
export function quotedFor(cart: Cart): string {
  const { usage: _usage, ...input } = cart.pricingInput
  const { adjustments, totals } = cart.priced
  const told = canonicalJson([String(cart.pricing.revision), cart.status, input, adjustments, totals])
  return createHash('sha256').update(told).digest('base64url')
}

/** The cart without gifts that turned out to be gone; what promised them says so. */
export function withoutGifts(cart: Cart, missing: readonly string[]): Cart {
  if (missing.length === 0) return cart
  const gifts = cart.pricingInput.gifts.map((gift) => (missing.includes(gift.variantId) ? { ...gift, available: false } : gift))
  return { ...cart, ...priceQuote({ ...cart.pricingInput, gifts }, cart.pricing.rules) }
}
