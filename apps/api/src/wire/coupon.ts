import type { Coupon, CouponBatch } from '@souk/core/promotions/coupon.ts'
import { RANDOM_LENGTH_MAX, RANDOM_LENGTH_MIN } from '@souk/core/promotions/coupon-code.ts'
import type { NewCouponBatch } from '@souk/core/promotions/generate-coupons.ts'
import { BATCH_CODES_MAX, BATCH_NAME_GRAPHEMES_MAX, COUPON_USES_MAX } from '@souk/core/promotions/limits.ts'
import type { CouponTerms, NewCoupon } from '@souk/core/promotions/save-coupon.ts'
import type { UsageFigures } from '@souk/core/promotions/usage-figures.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { moneySchema, presentMoney } from './money.ts'
import { emailSchema, proseSchema, textSchema } from './text.ts'
import { givenTimeSchema, timeSchema } from './time.ts'

const REASON_BYTES_MAX = 1_000
const CODE_CHARACTERS_MAX = 256
const CODE_LENGTH_DEFAULT = 10

const uses = z.int().min(1, 'quantity_out_of_range').max(COUPON_USES_MAX, 'quantity_out_of_range').nullable()
const codeSchema = z.string().min(1, 'coupon_code_invalid').max(CODE_CHARACTERS_MAX, 'coupon_code_invalid').meta({
  description: 'As it is printed. Case, white space and the kind of dash do not count.',
})
export const couponReasonSchema = proseSchema(REASON_BYTES_MAX).default('').meta({ description: 'Why: kept in the audit log.' })
const given = {
  uses_max: uses.default(null).meta({ description: 'Of this code, by all customers.' }),
  uses_per_customer: uses.default(null),
  starts_at: givenTimeSchema.nullable().default(null),
  expires_at: givenTimeSchema.nullable().default(null).meta({ description: 'From then on it is over.' }),
  reason: couponReasonSchema,
}

export const newCouponSchema = z.strictObject({
  promotion_id: idSchema,
  code: codeSchema,
  customer_id: idSchema.nullable().default(null).meta({ description: 'Only for the customer with this account.' }),
  customer_email: emailSchema.nullable().default(null).meta({ description: 'Only for orders to this address.' }),
  ...given,
})

export const newBatchSchema = z.strictObject({
  promotion_id: idSchema,
  name: textSchema(BATCH_NAME_GRAPHEMES_MAX),
  quantity: z.int().min(1, 'quantity_out_of_range').max(BATCH_CODES_MAX, 'quantity_out_of_range'),
  prefix: z.string().max(CODE_CHARACTERS_MAX, 'coupon_code_invalid').default(''),
  code_length: z
    .int()
    .min(RANDOM_LENGTH_MIN, 'quantity_out_of_range')
    .max(RANDOM_LENGTH_MAX, 'quantity_out_of_range')
    .default(CODE_LENGTH_DEFAULT)
    .meta({
      description: 'Characters after the prefix, drawn at random.',
    }),
  ...given,
})

export const disableSchema = z.strictObject({ reason: couponReasonSchema })

const terms = {
  uses_max: z.int().nullable(),
  uses_per_customer: z.int().nullable(),
  starts_at: timeSchema.nullable(),
  expires_at: timeSchema.nullable(),
  disabled_at: timeSchema.nullable(),
  created_at: timeSchema,
}

export const couponSchema = z
  .strictObject({
    id: idSchema,
    promotion_id: idSchema,
    batch_id: idSchema.nullable(),
    code: z.string(),
    customer_id: idSchema.nullable(),
    customer_email: z.string().nullable(),
    ...terms,
  })
  .meta({ id: 'Coupon' })

export const usedCouponSchema = couponSchema
  .extend({
    uses: z.int().meta({ description: 'By orders that were not cancelled.' }),
    amount: moneySchema.meta({ description: 'What it took off.' }),
  })
  .meta({ id: 'CouponWithUsage' })

export const batchSchema = z
  .strictObject({
    id: idSchema,
    promotion_id: idSchema,
    name: z.string(),
    prefix: z.string(),
    code_length: z.int(),
    quantity: z.int(),
    generated: z.int().meta({ description: 'How many of the codes are there.' }),
    status: z.enum(['queued', 'running', 'done']),
    ...terms,
    finished_at: timeSchema.nullable(),
  })
  .meta({ id: 'CouponBatch' })

export function readCoupon(body: z.output<typeof newCouponSchema>): NewCoupon {
  const { promotion_id, code, customer_id, customer_email } = body
  return { promotionId: promotion_id, code, customerId: customer_id, customerEmail: customer_email, ...readTerms(body) }
}

export function readBatch(body: z.output<typeof newBatchSchema>): NewCouponBatch {
  const { promotion_id, name, prefix, code_length, quantity } = body
  return { promotionId: promotion_id, name, prefix, codeLength: code_length, quantity, ...readTerms(body) }
}

export function presentCoupon(coupon: Coupon): z.output<typeof couponSchema> {
  const { id, promotionId, batchId, code, customerId, customerEmail } = coupon
  return {
    id,
    promotion_id: promotionId,
    batch_id: batchId,
    code,
    customer_id: customerId,
    customer_email: customerEmail,
    ...presentTerms(coupon),
  }
}

export function presentUsedCoupon(coupon: Coupon, usage: UsageFigures, currency: string): z.output<typeof usedCouponSchema> {
  return { ...presentCoupon(coupon), uses: Number(usage.uses), amount: presentMoney(usage.amount, currency) }
}

export function presentBatch(batch: CouponBatch): z.output<typeof batchSchema> {
  const { id, promotionId, name, prefix, codeLength, quantity, generated, status, finishedAt } = batch
  return {
    id,
    promotion_id: promotionId,
    name,
    prefix,
    code_length: codeLength,
    quantity,
    generated,
    status,
    ...presentTerms(batch),
    finished_at: finishedAt?.toISOString() ?? null,
  }
}

/** A code's line in an export. What a spreadsheet would take for a formula gets an apostrophe before it. */
export function csvLine(coupon: Coupon): string {
  const { uses_max, uses_per_customer, starts_at, expires_at, disabled_at } = presentTerms(coupon)
  const cells = [uses_max, uses_per_customer, starts_at, expires_at, disabled_at].map((cell) => cell ?? '')
  const code = /^[=+\-@]/.test(coupon.code) ? `'${coupon.code}` : coupon.code
  return `"${code.replaceAll('"', '""')}",${cells.join()}\r\n`
}

export const CSV_HEADER = 'code,uses_max,uses_per_customer,starts_at,expires_at,disabled_at\r\n'

function readTerms(
  body: Pick<z.output<typeof newCouponSchema>, 'uses_max' | 'uses_per_customer' | 'starts_at' | 'expires_at'>,
): CouponTerms {
  return {
    usesMax: body.uses_max,
    usesPerCustomer: body.uses_per_customer,
    startsAt: body.starts_at === null ? null : new Date(body.starts_at),
    expiresAt: body.expires_at === null ? null : new Date(body.expires_at),
  }
}

function presentTerms(row: Pick<Coupon, 'usesMax' | 'usesPerCustomer' | 'startsAt' | 'expiresAt' | 'disabledAt' | 'createdAt'>) {
  return {
    uses_max: row.usesMax === null ? null : Number(row.usesMax),
    uses_per_customer: row.usesPerCustomer === null ? null : Number(row.usesPerCustomer),
    starts_at: row.startsAt?.toISOString() ?? null,
    expires_at: row.expiresAt?.toISOString() ?? null,
    disabled_at: row.disabledAt?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
  }
}
