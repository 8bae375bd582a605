import type { InMerchant } from '@souk/tenant-router/router.ts'
import { consultPlugins } from '../plugins/consult.ts'
import type { PluginRuntime } from '../plugins/plugin-runtime.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import { priceQuote } from '../quote/price-quote.ts'
import { type Cart, loadCart } from './cart.ts'

/** The door facing a merchant, and the plugins of this process. Without them a price is what the built-ins make it. */
export interface Shop {
  inMerchant: InMerchant
  plugins?: PluginRuntime | undefined
}

/** Whether a cart's price waits for plugins. */
export function asksPlugins({ plugins }: Shop, cart: Pick<Cart, 'pricing'>): boolean {
  return plugins !== undefined && cart.pricing.installs.length > 0
}

/** The cart with what the merchant's plugins say in its price. Call it with no transaction open: they are asked side by side. */
export async function withPlugins(shop: Shop, cart: Cart, moment: 'cart' | 'checkout'): Promise<Cart> {
  return asksPlugins(shop, cart) ? withAnswers(cart, await pluginAnswers(shop, cart, moment)) : cart
}

/** What the merchant's plugins say of a cart. */
export async function pluginAnswers(shop: Shop, cart: Cart, moment: 'cart' | 'checkout'): Promise<PricingInput['plugins']> {
  const { installs, rules } = cart.pricing
  return consultPlugins({ runtime: shop.plugins!, inMerchant: shop.inMerchant, installs, rules, moment }, cart.pricingInput)
}

/** The cart priced with answers that plugins gave for it. */
export function withAnswers(cart: Cart, plugins: PricingInput['plugins']): Cart {
  const shipping = cart.shippingOption === null ? null : { method: cart.shippingOption }
  return { ...cart, ...priceQuote({ ...cart.pricingInput, shipping, plugins }, cart.pricing.rules) }
}

/** Reads a cart and prices it, plugins and all. */
export async function readCart(shop: Shop, cartId: string, now: Date): Promise<Cart> {
  return withPlugins(shop, await shop.inMerchant.read((tx) => loadCart(tx, cartId, now)), 'cart')
}
