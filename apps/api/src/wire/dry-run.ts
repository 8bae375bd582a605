import type { DryRun, DryRunDifference } from '@souk/core/dry-runs/dry-run.ts'
import { DRY_RUN_CARTS_MAX, DRY_RUN_ORDERS_MAX } from '@souk/core/dry-runs/start-dry-run.ts'
import type { AppliedPart } from '@souk/core/dry-runs/tables.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { moneySchema, presentMoney } from './money.ts'
import { timeSchema } from './time.ts'

/** Orders that are looked at unless a caller says how many. */
export const ORDERS_DEFAULT = 100

export const newDryRunSchema = z
  .strictObject({
    version: z.int().min(1),
    orders: z
      .int()
      .min(1, 'quantity_out_of_range')
      .max(DRY_RUN_ORDERS_MAX, 'quantity_out_of_range')
      .optional()
      .meta({
        description: `The last so many, ${ORDERS_DEFAULT} if nothing is said. Up to 100 are answered at once, more by a job.`,
      }),
    cart_ids: z.array(idSchema).min(1, 'quantity_out_of_range').max(DRY_RUN_CARTS_MAX, 'quantity_out_of_range').optional().meta({
      description: 'Instead of orders: these carts, as they are now.',
    }),
  })
  .refine(({ orders, cart_ids }) => orders === undefined || cart_ids === undefined, { path: ['orders'], message: 'invalid_body' })

const partSchema = z.strictObject({ promotion_id: idSchema, version: z.int(), name: z.string(), amount: moneySchema })

export const differenceSchema = z
  .strictObject({
    subject_id: idSchema.meta({ description: 'The order, or the cart.' }),
    order_number: z.int().nullable(),
    total_before: moneySchema,
    total_after: moneySchema,
    difference: moneySchema.meta({ description: 'Negative where the buyer would pay less.' }),
    discount_before: moneySchema,
    discount_after: moneySchema,
    promotions_before: z.array(partSchema).meta({ description: 'Those that were applied, and what they took off.' }),
    promotions_after: z.array(partSchema),
  })
  .meta({ id: 'DryRunDifference' })

export const dryRunSchema = z
  .strictObject({
    id: idSchema,
    promotion_id: idSchema,
    version: z.int(),
    source: z.enum(['orders', 'carts']),
    sample: z.int().meta({ description: 'How many were asked for.' }),
    status: z.enum(['queued', 'running', 'done']),
    considered: z.int(),
    changed: z.int(),
    skipped: z.int().meta({ description: 'Those that cannot be priced again.' }),
    total_before: moneySchema.meta({ description: 'The sum of all totals considered.' }),
    total_after: moneySchema,
    difference: moneySchema,
    author: z.record(z.string(), z.unknown()),
    created_at: timeSchema,
    finished_at: timeSchema.nullable(),
  })
  .meta({ id: 'DryRun' })

export const dryRunWithDifferencesSchema = dryRunSchema
  .extend({ differences: z.array(differenceSchema).meta({ description: 'The 20 greatest.' }) })
  .meta({ id: 'DryRunWithDifferences' })

export function presentDryRun(run: DryRun, currency: string): z.output<typeof dryRunSchema> {
  return {
    id: run.id,
    promotion_id: run.promotionId,
    version: run.version,
    source: run.source,
    sample: run.sample,
    status: run.status,
    considered: Number(run.considered),
    changed: Number(run.changed),
    skipped: Number(run.skipped),
    total_before: presentMoney(run.totalBefore, currency),
    total_after: presentMoney(run.totalAfter, currency),
    difference: presentMoney(run.totalAfter - run.totalBefore, currency),
    author: { ...run.author },
    created_at: run.createdAt.toISOString(),
    finished_at: run.finishedAt?.toISOString() ?? null,
  }
}

export function presentDifference(difference: DryRunDifference, currency: string): z.output<typeof differenceSchema> {
  const { totalBefore, totalAfter, explanation } = difference
  const part = ({ amount, ...rest }: AppliedPart) => ({ ...rest, amount: presentMoney(BigInt(amount), currency) })
  return {
    subject_id: difference.subjectId,
    order_number: difference.orderNumber === null ? null : Number(difference.orderNumber),
    total_before: presentMoney(totalBefore, currency),
    total_after: presentMoney(totalAfter, currency),
    difference: presentMoney(totalAfter - totalBefore, currency),
    discount_before: presentMoney(difference.discountBefore, currency),
    discount_after: presentMoney(difference.discountAfter, currency),
    promotions_before: explanation.before.map(part),
    promotions_after: explanation.after.map(part),
  }
}
