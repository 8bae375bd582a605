import type { CompiledPricing } from '../pricing/compile-pricing.ts'
import { priceCart } from '../pricing/price-cart.ts'
import type { Detail, PricedCart } from '../pricing/priced-cart.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'

export interface Quote {
  pricingInput: PricingInput
  priced: PricedCart
}

/**
 * Prices a cart whose buyer may not have said how to send it: then it goes by the first way that can be had, of the shop's own and
 * after them of its plugins. The input that is answered says which.
 */
export function priceQuote(input: PricingInput, rules: CompiledPricing, detail: Detail = 'brief'): Quote {
  if (input.shipping !== null || !input.lines.some((line) => line.requiresShipping)) return quote(input, rules, detail)
  for (const method of methodsOf(input, rules)) {
    const attempt = quote({ ...input, shipping: { method } }, rules, detail)
    if (attempt.priced.shipping) return attempt
  }
  return quote(input, rules, detail)
}

function quote(pricingInput: PricingInput, rules: CompiledPricing, detail: Detail): Quote {
  return { pricingInput, priced: priceCart(pricingInput, rules, detail) }
}

function methodsOf({ plugins }: PricingInput, rules: CompiledPricing): string[] {
  const ofPlugins = plugins.rates.flatMap(({ installId, rates }) => rates.map(({ code }) => `${installId}:${code}`))
  return [...rules.document.shipping.methods.map(({ code }) => code), ...ofPlugins]
}
