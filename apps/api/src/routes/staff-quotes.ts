import { readCart } from '@souk/core/cart/with-plugins.ts'
import { priceCart } from '@souk/core/pricing/price-cart.ts'
import { shippingOptions } from '@souk/core/pricing/shipping-options.ts'
import { quoteHypothesis } from '@souk/core/quote/hypothetical.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Deps } from '../server.ts'
import { explanationSchema, presentExplanation } from '../wire/explanation.ts'
import { idSchema } from '../wire/id.ts'
import { hypothesisSchema, readHypothesis } from '../wire/quote.ts'
import { presentShippingOption, shippingOptionSchema } from '../wire/shipping-option.ts'

const cartParams = z.strictObject({ cart_id: idSchema })
const quoteSchema = explanationSchema.extend({ currency: z.string(), shipping_options: z.array(shippingOptionSchema) })

/** Why a price is what it is: for carts there are, and for such as staff imagine. */
export function staffQuoteRoutes(fastify: FastifyInstance, { plugins }: Pick<Deps, 'plugins'>): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/admin/carts/:cart_id/explanation',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'Why a cart costs what it costs now, promotion by promotion' },
      schema: { params: cartParams, response: { 200: explanationSchema } },
    },
    async ({ inMerchant, params: { cart_id }, now }) => {
      const { pricingInput, pricing, currency } = await readCart({ inMerchant, plugins }, cart_id, now)
      const of = { currency, pricingVersion: pricing.rules.version, asOf: pricingInput.asOf }
      return presentExplanation(priceCart(pricingInput, pricing.rules, 'full'), of)
    },
  )

  app.post(
    '/v1/admin/quotes',
    {
      config: { gate: 'staff', scopes: ['orders:read'], summary: 'Price a cart that nobody has; nothing is saved' },
      schema: { body: hypothesisSchema, response: { 200: quoteSchema } },
    },
    async ({ inMerchant, body, now }) => {
      const { priced, pricingInput, pricing, currency } = await quoteHypothesis({ inMerchant, plugins }, readHypothesis(body, now))
      return {
        currency,
        ...presentExplanation(priced, { currency, pricingVersion: pricing.rules.version, asOf: pricingInput.asOf }),
        shipping_options: shippingOptions(pricingInput, pricing.rules).map((option) => presentShippingOption(option, currency)),
      }
    },
  )
}
