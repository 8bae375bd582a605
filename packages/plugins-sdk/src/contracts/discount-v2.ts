import { z } from 'zod'
import { DISCOUNT_OPERATIONS_MAX } from './discount.ts'
import {
  amountSchema,
  callFields,
  codeSchema,
  customerFields,
  destinationFields,
  idSchema,
  LINES_MAX,
  lineFields,
  MESSAGE_CHARACTERS_MAX,
  messageSchema,
  percentSchema,
} from './quantities.ts'

// discount@2: what authors of discount@1 could not say. A discount on some units of a line, one discount over several
// lines, a price per unit, "only the best of these", "not on what is reduced already"; and the cart's other discounts
// one by one, with shipping in sight. docs/plugins/contracts.md compares the two.

export const discountInputV2 = z.strictObject({
  ...callFields,
  lines: z
    .array(
      z.strictObject({
        ...lineFields,
        compare_at_price: amountSchema.nullable().meta({ description: 'The crossed-out price of one unit.' }),
        adjustments: z
          .array(
            z.strictObject({
              name: z.string().max(MESSAGE_CHARACTERS_MAX).meta({ description: 'What the buyer reads.' }),
              amount: amountSchema.meta({ description: 'What it took off.' }),
            }),
          )
          .max(50)
          .meta({ description: 'What promotions took off this line already, one by one.' }),
      }),
    )
    .max(LINES_MAX),
  subtotal: amountSchema.meta({ description: 'Sum of the lines before any discount.' }),
  shipping: z
    .strictObject({
      method: z.string().max(200).meta({ description: 'Code of the chosen method.' }),
      amount: amountSchema.meta({ description: 'What it costs after promotions.' }),
    })
    .nullable()
    .meta({ description: 'Null until a method is chosen.' }),
  customer: z
    .strictObject({
      ...customerFields,
      first_order: z.boolean().nullable().meta({ description: 'Null while it is not known.' }),
    })
    .nullable(),
  destination: z.strictObject(destinationFields).nullable(),
  codes: z.array(z.string().max(100)).max(50).meta({ description: 'Codes that the buyer entered, in capitals.' }),
})

const targetSchema = z.union([
  z.strictObject({
    lines: z
      .array(
        z.strictObject({
          line_id: idSchema,
          quantity: z.int().min(1).optional().meta({ description: 'How many units of the line; all of them when left out.' }),
        }),
      )
      .min(1)
      .max(LINES_MAX),
  }),
  z.strictObject({ order: z.literal(true) }),
  z.strictObject({ shipping: z.literal(true) }),
])

const valueSchema = z.union([
  z.strictObject({ percentage: percentSchema }),
  z.strictObject({
    amount: amountSchema,
    per: z.enum(['target', 'unit']).meta({ description: 'target: once, shared by the targeted lines. unit: for each targeted unit.' }),
  }),
  z.strictObject({ unit_price: amountSchema }).meta({ description: 'Each targeted unit costs this; only for lines, and never dearer.' }),
])

export const discountOutputV2 = z.strictObject({
  discounts: z
    .array(
      z.strictObject({
        target: targetSchema,
        value: valueSchema,
        message: messageSchema,
        code: z.string().max(100).optional(),
        group: codeSchema.optional().meta({ description: 'Of the discounts of one group the shop applies the one worth most.' }),
        combines: z
          .boolean()
          .default(true)
          .meta({ description: 'False: leave out lines that a promotion or an earlier discount of this answer has reduced already.' }),
      }),
    )
    .max(DISCOUNT_OPERATIONS_MAX),
})

export type DiscountInputV2 = z.output<typeof discountInputV2>
/** What a plugin may answer: `combines` may be left out. */
export type DiscountOutputV2 = z.input<typeof discountOutputV2>
export type ParsedDiscountOutputV2 = z.output<typeof discountOutputV2>
