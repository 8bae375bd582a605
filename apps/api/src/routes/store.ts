import { assertCurrency, type Settings, settingsQuery, toSettings, updateSettings } from '@souk/core/merchant/settings.ts'
import { percent } from '@souk/core/pricing/percent.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idSchema } from '../wire/id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from '../wire/money.ts'
import { percentSchema, toPpm } from '../wire/percent.ts'
import { emailSchema, textSchema } from '../wire/text.ts'

const NAME_LENGTH_MAX = 120

const storeSchema = z
  .strictObject({
    id: idSchema,
    slug: z.string(),
    name: z.string(),
    currency: z.string(),
    country: z.string(),
    prices_include_tax: z.boolean(),
  })
  .meta({ id: 'Store' })
const settingsSchema = z
  .strictObject({
    ...storeSchema.shape,
    contact_email: z.string(),
    tax_rate_percent: z.string(),
    shipping: z.strictObject({ name: z.string(), amount: moneySchema }),
    version: z.int(),
  })
  .meta({ id: 'Settings' })
const changesSchema = z.strictObject({
  name: textSchema(NAME_LENGTH_MAX).optional(),
  contact_email: emailSchema.optional(),
  tax_rate_percent: percentSchema.optional(),
  shipping: z.strictObject({ name: textSchema(NAME_LENGTH_MAX).optional(), amount: givenMoneySchema.optional() }).optional(),
})

/** What a shop says of itself, and its settings. */
export function storeRoutes(fastify: FastifyInstance): void {
  const app = fastify.withTypeProvider<ZodTypeProvider>()

  app.get(
    '/v1/store',
    { config: { gate: 'store', summary: 'The shop' }, schema: { response: { 200: storeSchema } } },
    async ({ inMerchant }) => {
      const [rows] = await inMerchant.readOnce((tx) => [settingsQuery(tx)])
      return presentStore(toSettings(rows))
    },
  )

  app.get(
    '/v1/admin/settings',
    { config: { gate: 'staff', scopes: ['settings:read'], summary: 'Read the settings' }, schema: { response: { 200: settingsSchema } } },
    async ({ inMerchant }) => {
      const [rows] = await inMerchant.readOnce((tx) => [settingsQuery(tx)])
      return presentSettings(toSettings(rows))
    },
  )

  app.patch(
    '/v1/admin/settings',
    {
      config: { gate: 'staff', scopes: ['settings:write'], summary: 'Change the settings' },
      schema: { body: changesSchema, response: { 200: settingsSchema } },
    },
    async ({ inMerchant, body, principal: { actor }, now }) => {
      const { amount } = body.shipping ?? {}
      const changes = {
        name: body.name,
        contactEmail: body.contact_email,
        taxRatePpm: body.tax_rate_percent === undefined ? undefined : toPpm(body.tax_rate_percent),
        shippingName: body.shipping?.name,
        shippingAmount: amount && BigInt(amount.amount),
      }
      const settings = await inMerchant(async (tx) => {
        await assertCurrency(tx, amount ? [{ pointer: '/shipping/amount', currency: amount.currency }] : [])
        return updateSettings(tx, changes, { actor, now })
      })
      return presentSettings(settings)
    },
  )
}

function presentStore(settings: Settings): z.output<typeof storeSchema> {
  return {
    id: settings.merchantId,
    slug: settings.slug,
    name: settings.name,
    currency: settings.currency,
    country: settings.country,
    prices_include_tax: settings.pricesIncludeTax,
  }
}

function presentSettings(settings: Settings): z.output<typeof settingsSchema> {
  return {
    ...presentStore(settings),
    contact_email: settings.contactEmail,
    tax_rate_percent: percent(settings.taxRatePpm),
    shipping: { name: settings.shippingName, amount: presentMoney(settings.shippingAmount, settings.currency) },
    version: Number(settings.version),
  }
}
