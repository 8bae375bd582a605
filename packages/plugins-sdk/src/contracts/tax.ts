import { z } from 'zod'
import {
  amountSchema,
  callFields,
  countrySchema,
  customerFields,
  destinationFields,
  idSchema,
  LINES_MAX,
  lineFields,
  messageSchema,
  percentSchema,
} from './quantities.ts'

// tax@1: says which taxes are due on each line and on shipping, as rates that the shop applies or as amounts that it
// takes as they are. Whether prices include tax is the merchant's policy and told in the input.

export const taxInputV1 = z.strictObject({
  ...callFields,
  prices_include_tax: z.boolean().meta({ description: 'True: amounts contain the tax. False: tax comes on top.' }),
  seller_country: countrySchema.nullable().meta({ description: 'Where the merchant is established.' }),
  lines: z
    .array(
      z.strictObject({
        ...lineFields,
        amount: amountSchema.meta({ description: 'What the line costs after discounts: tax is due on this.' }),
        taxable: z.boolean().meta({ description: 'False: the merchant says that it bears no tax.' }),
        tax_category: z.string().max(100).nullable().meta({ description: '"standard", "reduced", "zero" or the merchant’s own word.' }),
      }),
    )
    .max(LINES_MAX),
  shipping: z
    .strictObject({
      method: z.string().max(200).meta({ description: 'Code of the chosen method.' }),
      amount: amountSchema.meta({ description: 'After shipping discounts.' }),
    })
    .nullable(),
  customer: z
    .strictObject({
      groups: customerFields.groups,
      tax_exempt: z.boolean().meta({ description: 'The merchant has seen a certificate.' }),
      vat_id: z
        .strictObject({
          country: countrySchema,
          number: z.string().max(50).meta({ description: 'Without the country.' }),
          valid: z.boolean().meta({ description: 'It was checked.' }),
        })
        .nullable(),
    })
    .nullable(),
  destination: z
    .strictObject({ ...destinationFields, city: z.string().max(200).nullable().meta({ description: 'As the buyer wrote it.' }) })
    .nullable(),
})

const taxNameSchema = messageSchema.max(60).meta({ description: 'As on the invoice: "MWST 8.1 %".' })

const taxesSchema = z
  .union([
    z.strictObject({
      rates: z
        .array(z.strictObject({ name: taxNameSchema, rate: percentSchema }))
        .max(5)
        .meta({ description: 'The shop computes and rounds by the merchant’s policy.' }),
    }),
    z.strictObject({
      taxes: z
        .array(z.strictObject({ name: taxNameSchema, amount: amountSchema }))
        .max(5)
        .meta({ description: 'The shop takes these as they are. For a country whose rounding is its own.' }),
    }),
  ])
  .meta({ description: 'Either rates or amounts. An empty list says: no tax.' })

export const taxOutputV1 = z.strictObject({
  lines: z
    .array(z.strictObject({ line_id: idSchema, due: taxesSchema }))
    .max(LINES_MAX)
    .meta({ description: 'Each line of the input once.' }),
  shipping: taxesSchema.nullable().meta({ description: 'Null: tax shipping as the merchant’s own table says.' }),
  note: messageSchema.nullable().meta({ description: 'For the invoice: "Reverse charge, article 196".' }),
})

export type TaxInputV1 = z.output<typeof taxInputV1>
export type TaxOutputV1 = z.output<typeof taxOutputV1>
export type TaxesDueV1 = z.output<typeof taxesSchema>
