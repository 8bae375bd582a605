import { AUDIT_REASON_BYTES_MAX } from '@souk/core/audit/record-audit.ts'
import { assertCurrency, type Settings, settingsQuery, toSettings, updateSettings } from '@souk/core/merchant/settings.ts'
import { ROUNDING_MODES } from '@souk/core/money.ts'
import { percent } from '@souk/core/pricing/percent.ts'
import { timeZoneSchema } from '@souk/core/pricing/promotion-document.ts'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { idSchema } from '../wire/id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from '../wire/money.ts'
import { percentSchema, toPpm } from '../wire/percent.ts'
import { emailSchema, proseSchema, textSchema } from '../wire/text.ts'

const NAME_LENGTH_MAX = 120

/** What a merchant declares about its prices; docs/pricing.md says what each does. */
const policies = {
  rounding: z.enum(ROUNDING_MODES).meta({ description: 'Of fractions of a minor unit.' }),
  discount_rounding: z.enum(ROUNDING_MODES).nullable().meta({ description: 'Of what discounts take off; null: as everything else.' }),
  tax_rounded_per: z.enum(['unit', 'line', 'order']),
  discounts: z.enum(['before_tax', 'after_tax']).meta({ description: 'Whether discounts lower what is taxed.' }),
  foreign_tax: z
    .enum(['same_gross', 'same_net'])
    .meta({ description: 'With prices that include tax: what stays for a buyer whose rate differs, the price or the part without tax.' }),
  shipping_measures: z.enum(['list', 'discounted']).meta({ description: 'What steps and limits of shipping methods look at.' }),
  vat_ids: z
    .enum(['checked', 'well_formed'])
    .meta({ description: 'Whether VAT ids that buyers type count when they are well formed, or only when staff have checked them.' }),
}

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
    time_zone: z.string(),
    ...policies,
    version: z.int(),
  })
  .meta({ id: 'Settings' })
const changesSchema = z.strictObject({
  prices_include_tax: z.boolean().optional(),
  time_zone: timeZoneSchema.optional(),
  ...z.object(policies).partial().shape,
  reason: proseSchema(AUDIT_REASON_BYTES_MAX).optional().meta({ description: 'Why, for the audit log.' }),
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
        pricesIncludeTax: body.prices_include_tax,
        timeZone: body.time_zone,
        rounding: body.rounding,
        discountRounding: body.discount_rounding,
        taxRoundedPer: body.tax_rounded_per,
        discounts: body.discounts,
        foreignTax: body.foreign_tax,
        shippingMeasures: body.shipping_measures,
        vatIds: body.vat_ids,
      }
      const settings = await inMerchant(async (tx) => {
        await assertCurrency(tx, amount ? [{ pointer: '/shipping/amount', currency: amount.currency }] : [])
        return updateSettings(tx, changes, { actor, now, reason: body.reason })
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
    time_zone: settings.timeZone,
    rounding: settings.rounding,
    discount_rounding: settings.discountRounding,
    tax_rounded_per: settings.taxRoundedPer,
    discounts: settings.discounts,
    foreign_tax: settings.foreignTax,
    shipping_measures: settings.shippingMeasures,
    vat_ids: settings.vatIds,
    version: Number(settings.version),
  }
}
