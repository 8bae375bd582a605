import { explainInFull } from '@souk/core/rules/explain.ts'
import type { ShippingOffer } from '@souk/core/shipping/shipping-rates.ts'
import type { ShippingTrial } from '@souk/core/shipping/try-shipping.ts'
import { z } from 'zod'
import { givenMoneySchema, moneySchema, presentMoney } from './money.ts'
import { givenDestinationSchema } from './tax-trial.ts'
import { givenTimeSchema } from './time.ts'

const COUNT_MAX = 1_000_000_000
const FACTS_MAX = 100
const count = z.int().min(0, 'quantity_out_of_range').max(COUNT_MAX, 'quantity_out_of_range')

export const shippingTrialSchema = z.strictObject({
  as_of: givenTimeSchema.optional().meta({ description: 'Absent: now.' }),
  destination: givenDestinationSchema.nullable().default(null).meta({ description: 'Null: the address is not known yet.' }),
  subtotal: givenMoneySchema,
  grams: count.default(0),
  quantity: count.default(1),
  facts: z
    .record(z.string(), z.unknown())
    .default({})
    .refine((facts) => Object.keys(facts).length <= FACTS_MAX)
    .meta({
      description: 'Facts of the cart for the methods’ conditions, beside those that the parcel gives.',
      examples: [{ 'customer.groups': ['vip'] }],
    }),
})

const OUTCOMES = ['available', 'no_address', 'other_zone', 'below_minimum', 'above_maximum', 'conditions_failed', 'no_rate'] as const

export const triedShippingSchema = z
  .strictObject({
    methods: z.array(
      z.strictObject({
        code: z.string(),
        name: z.string(),
        available: z.boolean(),
        amount: moneySchema.nullable().meta({ description: 'Null for one that is not offered.' }),
        tax_category: z.string().nullable(),
        outcome: z.enum(OUTCOMES),
        reason: z.string().meta({ description: 'How the price comes about, or why it is not offered.' }),
        until_free: moneySchema.nullable().meta({ description: 'What is missing to free shipping by this method.' }),
        conditions: z.unknown().meta({
          description: 'How its conditions came out, one by one, with the values they saw and in words; null where none were asked.',
        }),
      }),
    ),
  })
  .meta({ id: 'ShippingTrial' })

export function readShippingTrial(body: z.output<typeof shippingTrialSchema>, now: Date): ShippingTrial {
  return {
    asOf: body.as_of === undefined ? now : new Date(body.as_of),
    destination: body.destination,
    subtotal: BigInt(body.subtotal.amount),
    grams: BigInt(body.grams),
    quantity: BigInt(body.quantity),
    facts: body.facts,
  }
}

export function presentShippingTrial({
  currency,
  offers,
}: {
  currency: string
  offers: ShippingOffer[]
}): z.input<typeof triedShippingSchema> {
  return {
    methods: offers.map(({ code, name, amount, available, taxCategory, trace }) => ({
      code,
      name,
      available,
      amount: available ? presentMoney(amount, currency) : null,
      tax_category: taxCategory,
      outcome: trace.outcome,
      reason: trace.words,
      until_free: trace.untilFree === null ? null : presentMoney(trace.untilFree, currency),
      conditions: trace.conditions && explainInFull(trace.conditions, currency),
    })),
  }
}
