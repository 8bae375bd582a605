import { percent } from '@souk/core/pricing/percent.ts'
import type { TaxRate } from '@souk/core/taxes/resolve-taxes.ts'
import type { TaxedTrial, TaxTrial } from '@souk/core/taxes/try-taxes.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { givenMoneySchema, moneySchema, presentMoney } from './money.ts'
import { givenCountrySchema, givenPostcodeSchema, givenRegionSchema, taxCategorySchema } from './tax.ts'
import { givenTimeSchema } from './time.ts'

const LINES_MAX = 200
const LINE_ID_LENGTH_MAX = 100
const GROUPS_MAX = 100
const GROUP_LENGTH_MAX = 200
const VAT_ID_LENGTH_MAX = 30

export const givenDestinationSchema = z.strictObject({
  country: givenCountrySchema,
  region: givenRegionSchema.nullable().default(null),
  postcode: givenPostcodeSchema.nullable().default(null),
})

/** Lines are called 1, 2, 3 … where they have no name. */
const lineSchema = z.strictObject({
  name: z.string().min(1).max(LINE_ID_LENGTH_MAX).optional(),
  amount: givenMoneySchema.meta({ description: 'Without tax.' }),
  category: taxCategorySchema.nullable().default(null),
  taxable: z.boolean().default(true),
})

export const taxTrialSchema = z.strictObject({
  as_of: givenTimeSchema.optional().meta({ description: 'Absent: now.' }),
  destination: givenDestinationSchema.nullable().default(null).meta({ description: 'Null: the address is not known yet.' }),
  lines: z.array(lineSchema).min(1).max(LINES_MAX),
  shipping: z
    .strictObject({ amount: givenMoneySchema, category: taxCategorySchema.nullable().default(null) })
    .nullable()
    .default(null),
  customer_id: idSchema.optional().meta({ description: 'A customer of the shop, instead of `customer`.' }),
  customer: z
    .strictObject({
      groups: z.array(z.string().max(GROUP_LENGTH_MAX)).max(GROUPS_MAX).default([]),
      tax_exempt: z.boolean().default(false),
      vat_id: z.string().max(VAT_ID_LENGTH_MAX).nullable().default(null),
    })
    .optional(),
})

const shownRateSchema = z.strictObject({
  tax_rate_id: idSchema.nullable().meta({ description: 'Null for the flat rate of the shop’s settings.' }),
  name: z.string(),
  rate_percent: z.string(),
  compound: z.boolean(),
})
const chargedSchema = z.strictObject({
  amount: moneySchema,
  tax: moneySchema,
  rates: z.array(shownRateSchema.extend({ tax: moneySchema })),
})

export const taxedTrialSchema = z
  .strictObject({
    treatment: z.enum(['domestic', 'destination', 'reverse_charge', 'exempt', 'export', 'none']),
    note: z.string().meta({ description: 'Why, in words.' }),
    vat_id: z.strictObject({ country: z.string(), number: z.string(), valid: z.boolean() }).nullable().meta({
      description: '`valid`: form and check digits are right. Whether it was ever given out, only the tax authorities (VIES) know.',
    }),
    lines: z.array(chargedSchema.extend({ name: z.string(), home_rates: z.array(shownRateSchema) })),
    shipping: chargedSchema.nullable(),
  })
  .meta({ id: 'TaxTrial' })

type Given = z.output<typeof taxTrialSchema>

export function readTaxTrial(body: Given, now: Date): TaxTrial {
  const { customer } = body
  return {
    asOf: body.as_of === undefined ? now : new Date(body.as_of),
    destination: body.destination,
    lines: body.lines.map((line, index) => ({
      id: String(index + 1),
      amount: BigInt(line.amount.amount),
      category: line.category,
      taxable: line.taxable,
    })),
    shipping: body.shipping && { amount: BigInt(body.shipping.amount.amount), category: body.shipping.category },
    customer:
      body.customer_id !== undefined
        ? { id: body.customer_id }
        : customer
          ? { groups: customer.groups, taxExempt: customer.tax_exempt, vatId: customer.vat_id }
          : null,
  }
}

/** All amounts of a trial, for the check of their currencies. */
export function moneyIn({ lines, shipping }: Given): { pointer: string; currency: string }[] {
  const ofLines = lines.map(({ amount }, index) => ({ pointer: `/lines/${index}/amount`, currency: amount.currency }))
  return [...ofLines, ...(shipping ? [{ pointer: '/shipping/amount', currency: shipping.amount.currency }] : [])]
}

export function presentTaxTrial(trial: TaxedTrial, given: Given): z.input<typeof taxedTrialSchema> {
  const { currency, resolved } = trial
  const charged = ({ amount, charged }: { amount: bigint; charged: TaxedTrial['lines'][number]['charged'] }) => ({
    amount: presentMoney(amount, currency),
    tax: presentMoney(
      charged.reduce((sum, { tax }) => sum + tax, 0n),
      currency,
    ),
    rates: charged.map(({ rate, tax }) => ({ ...presentTaxRate(rate), tax: presentMoney(tax, currency) })),
  })
  return {
    treatment: resolved.treatment,
    note: resolved.note,
    vat_id: trial.vatId,
    lines: trial.lines.map((line, index) => ({
      name: given.lines[index]?.name ?? line.id,
      ...charged(line),
      home_rates: resolved.home[line.id]!.map(presentTaxRate),
    })),
    shipping: trial.shipping && charged(trial.shipping),
  }
}

function presentTaxRate({ code, name, ratePpm, compound }: TaxRate): z.input<typeof shownRateSchema> {
  return { tax_rate_id: code === 'tax' ? null : code, name, rate_percent: percent(ratePpm), compound }
}
