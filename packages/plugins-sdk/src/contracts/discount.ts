import { z } from 'zod'
import {
  amountSchema,
  callFields,
  customerFields,
  destinationFields,
  idSchema,
  LINES_MAX,
  lineFields,
  messageSchema,
  percentSchema,
} from './quantities.ts'

// discount@1: looks at a cart and answers with discounts on lines, on the order or on shipping. Pure: the same input
// gives the same bytes. Field descriptions are printed in docs/plugins/reference.md.

export const discountInputV1 = z.strictObject({
  ...callFields,
  lines: z
    .array(
      z.strictObject({
        ...lineFields,
        compare_at_price: amountSchema.nullable().meta({ description: 'The crossed-out price of one unit.' }),
        discount: amountSchema.meta({ description: 'What promotions took off this line already.' }),
      }),
    )
    .max(LINES_MAX),
  subtotal: amountSchema.meta({ description: 'Sum of the lines before any discount.' }),
  customer: z.strictObject(customerFields).nullable().meta({ description: 'Null for a guest.' }),
  destination: z.strictObject(destinationFields).nullable().meta({ description: 'Null until the buyer gave an address.' }),
  codes: z.array(z.string().max(100)).max(50).meta({ description: 'Codes that the buyer entered, in capitals.' }),
})

const valueSchema = z.union([
  z.strictObject({ percentage: percentSchema }).meta({ description: 'Of what is left of the target.' }),
  z.strictObject({ amount: amountSchema }).meta({ description: 'Off the target as a whole, in minor units.' }),
])

const operationFields = {
  value: valueSchema,
  message: messageSchema.meta({ description: 'The buyer reads it beside the amount.' }),
  code: z.string().max(100).optional().meta({ description: 'The entered code that earned it, if one did.' }),
}

export const DISCOUNT_OPERATIONS_MAX = 2 * LINES_MAX + 20

export const discountOutputV1 = z.strictObject({
  operations: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('line'), line_id: idSchema, ...operationFields }),
        z.strictObject({ type: z.literal('order'), ...operationFields }),
        z.strictObject({ type: z.literal('shipping'), ...operationFields }),
      ]),
    )
    .max(DISCOUNT_OPERATIONS_MAX)
    .meta({ description: 'In order: what is left after one is what the next takes from. At most two for a line.' }),
})

export type DiscountInputV1 = z.output<typeof discountInputV1>
export type DiscountOutputV1 = z.output<typeof discountOutputV1>
export type DiscountOperationV1 = DiscountOutputV1['operations'][number]
