import type { InMerchant } from '@souk/tenant-router/router.ts'
import { consultPlugins } from '../plugins/consult.ts'
import type { PluginRuntime } from '../plugins/plugin-runtime.ts'
import type { PricedCart } from '../pricing/priced-cart.ts'
import type { PricingInput } from '../pricing/pricing-input.ts'
import type { MerchantPricing } from './pricing-in-force.ts'

/** The door facing a merchant, and the plugins of this process. Without them a price is what the built-ins make it. */
export interface Shop {
  inMerchant: InMerchant
  plugins?: PluginRuntime | undefined
}

/** A price to be asked about, and what it is made with. */
export interface Asked {
  pricing: MerchantPricing
  pricingInput: PricingInput
  /** Priced from that input, without plugins. */
  priced: PricedCart
}

/** Whether a price waits for plugins. */
export function asksPlugins({ plugins }: Shop, { pricing }: Pick<Asked, 'pricing'>): boolean {
  return plugins !== undefined && pricing.installs.length > 0
}

/** What the merchant's plugins say. Call it with no transaction open: they are asked side by side. */
export async function pluginAnswers(shop: Shop, asked: Asked, moment: 'cart' | 'checkout'): Promise<PricingInput['plugins']> {
  const { installs, rules } = asked.pricing
  return consultPlugins({ runtime: shop.plugins!, inMerchant: shop.inMerchant, installs, rules, moment }, asked.pricingInput, asked.priced)
}
