import type { PromotionTrace } from '@souk/core/pricing/priced-cart.ts'
import { type ExplainedTrace, explainInFull } from '@souk/core/rules/explain.ts'
import { z } from 'zod'
import { idSchema } from './id.ts'
import { moneySchema, presentMoney } from './money.ts'

/** Which conditions held and failed, with the values seen: a tree in the shape of the conditions. */
const conditionTraceSchema: z.ZodType<ExplainedTrace, ExplainedTrace> = z
  .union([
    z.strictObject({
      group: z.enum(['all', 'any', 'not']),
      result: z.enum(['held', 'failed']),
      words: z.string(),
      get of(): z.ZodType<ExplainedTrace[], ExplainedTrace[]> {
        return z.array(conditionTraceSchema)
      },
    }),
    z.strictObject({
      fact: z.string(),
      operator: z.string(),
      expected: z.unknown(),
      actual: z.unknown(),
      result: z.enum(['held', 'failed', 'missing']),
      words: z.string(),
    }),
  ])
  .meta({ id: 'ConditionTrace' })

export const promotionTraceSchema = z
  .strictObject({
    promotion_id: idSchema,
    version: z.int(),
    name: z.string(),
    outcome: z.enum([
      'applied',
      'conditions_failed',
      'not_scheduled',
      'outside_rollout',
      'coupon_missing',
      'limit_reached',
      'beaten',
      'excluded',
      'nothing_to_discount',
    ]),
    amount: moneySchema.meta({ description: 'What it took off.' }),
    beaten_by: idSchema.nullable().meta({ description: 'The promotion that applied instead.' }),
    coupon_code: z.string().nullable(),
    reason: z.string(),
    conditions: conditionTraceSchema.nullable(),
  })
  .meta({ id: 'PromotionTrace' })

/** What became of a promotion, as staff see it. */
export function presentPromotionTrace(trace: PromotionTrace, currency: string): z.input<typeof promotionTraceSchema> {
  return {
    promotion_id: trace.promotionId,
    version: trace.version,
    name: trace.name,
    outcome: trace.outcome,
    amount: presentMoney(trace.amount, currency),
    beaten_by: trace.beatenBy,
    coupon_code: trace.couponCode,
    reason: trace.words,
    conditions: trace.trace && explainInFull(trace.trace, currency),
  }
}
