import type { PricingInput } from '../pricing/pricing-input.ts'
import { asksPlugins, pluginAnswers, type Shop } from '../quote/ask-plugins.ts'
import { priceQuote } from '../quote/price-quote.ts'
import { type Cart, loadCart } from './cart.ts'

/** The cart with what the merchant's plugins say in its price. Call it with no transaction open: they are asked side by side. */
export async function withPlugins(shop: Shop, cart: Cart, moment: 'cart' | 'checkout'): Promise<Cart> {
  return asksPlugins(shop, cart) ? withAnswers(cart, await pluginAnswers(shop, cart, moment)) : cart
}

/** The cart priced with answers that plugins gave for it. */
export function withAnswers(cart: Cart, plugins: PricingInput['plugins']): Cart {
  if (saysNothing(plugins)) {
    // Its price stands: of what plugins answer, only a change or a note shows in it.
    return { ...cart, pricingInput: { ...cart.pricingInput, plugins }, priced: { ...cart.priced, notes: plugins.notes } }
  }
  const shipping = cart.shippingOption === null ? null : { method: cart.shippingOption }
  return { ...cart, ...priceQuote({ ...cart.pricingInput, shipping, plugins }, cart.pricing.rules) }
}

function saysNothing({ discounts, rates, taxes }: PricingInput['plugins']): boolean {
  return (
    taxes === null && rates.every((answer) => answer.rates.length === 0) && discounts.every(({ operations }) => operations.length === 0)
  )
}

/** Reads a cart and prices it, plugins and all. */
export async function readCart(shop: Shop, cartId: string, now: Date): Promise<Cart> {
  return withPlugins(shop, await shop.inMerchant.read((tx) => loadCart(tx, cartId, now)), 'cart')
}
