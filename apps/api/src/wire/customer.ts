import type { CustomerChanges, CustomerInput } from '@souk/core/customers/change-customers.ts'
import type { Customer } from '@souk/core/customers/customer.ts'
import { CUSTOMER_NAME_GRAPHEMES_MAX, LOCALE_CHARACTERS_MAX, VAT_ID_CHARACTERS_MAX } from '@souk/core/customers/limits.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { moneySchema, presentMoney } from './money.ts'
import { emailSchema, textSchema } from './text.ts'
import { timeSchema } from './time.ts'

export const groupSchema = z
  .strictObject({ id: idSchema, handle: z.string().meta({ description: 'What rules call it.' }), name: z.string() })
  .meta({ id: 'CustomerGroup' })

export const customerSchema = z
  .strictObject({
    id: idSchema,
    email: z.string(),
    name: z.string(),
    locale: z.string().nullable(),
    tax_exempt: z.boolean(),
    vat_id: z.string().nullable(),
    vat_id_valid: z.boolean().meta({ description: 'Staff have checked that the VAT id is the customer’s.' }),
    groups: z.array(groupSchema),
    orders_count: z.int().meta({ description: 'Orders placed and not cancelled.' }),
    total_spent: moneySchema,
    last_order_at: timeSchema.nullable(),
    version: z.int(),
    created_at: timeSchema,
    updated_at: timeSchema,
  })
  .meta({ id: 'Customer' })

export const localeSchema = z
  .string()
  .max(LOCALE_CHARACTERS_MAX, 'text_too_long')
  .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/)
  .meta({ examples: ['de-AT'] })
export const vatIdSchema = z
  .string()
  .max(VAT_ID_CHARACTERS_MAX, 'text_too_long')
  .regex(/^[A-Za-z]{2}[A-Za-z0-9+*\s./-]+$/, 'vat_id_invalid')
  .meta({ examples: ['DE129273398'] })

const fields = {
  name: textSchema(CUSTOMER_NAME_GRAPHEMES_MAX).optional(),
  locale: localeSchema.nullable().optional(),
  tax_exempt: z.boolean().optional(),
  vat_id: vatIdSchema.nullable().optional(),
  vat_id_valid: z.boolean().optional(),
}
export const newCustomerSchema = z.strictObject({ email: emailSchema, ...fields })
export const customerChangesSchema = z.strictObject({ email: emailSchema.optional(), ...fields })

/** A customer as staff see it. */
export function presentCustomer(customer: Customer): z.input<typeof customerSchema> {
  return {
    id: customer.id,
    email: customer.email,
    name: customer.name,
    locale: customer.locale,
    tax_exempt: customer.taxExempt,
    vat_id: customer.vatId,
    vat_id_valid: customer.vatIdValid,
    groups: customer.groups,
    orders_count: Number(customer.ordersCount),
    total_spent: presentMoney(customer.totalSpent, customer.currency),
    last_order_at: customer.lastOrderAt?.toISOString() ?? null,
    version: Number(customer.version),
    created_at: customer.createdAt.toISOString(),
    updated_at: customer.updatedAt.toISOString(),
  }
}

/** What a request says of a customer, in core's words. */
export function readCustomerChanges(body: z.output<typeof customerChangesSchema>): CustomerChanges {
  return {
    email: body.email,
    name: body.name,
    locale: body.locale,
    taxExempt: body.tax_exempt,
    vatId: body.vat_id,
    vatIdValid: body.vat_id_valid,
  }
}

export function readNewCustomer(body: z.output<typeof newCustomerSchema>): CustomerInput {
  return { ...readCustomerChanges(body), email: body.email }
}
