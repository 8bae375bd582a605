import type { PromotionTrace } from '@souk/core/pricing/priced-cart.ts'
import { type ExplainedTrace, explainInFull } from '@souk/core/rules/explain.ts'
import { z } from 'zod'
import { moneySchema, presentMoney } from './money.ts'

const seen = z.unknown()

const conditionSchema = z
  .strictObject({
    pointer: z.string().meta({ description: "Where it stands in the promotion's conditions: `/all/0`." }),
    fact: z.string(),
    operator: z.string(),
    expected: seen.meta({ description: 'As in the condition; amounts as money.' }),
    actual: seen.meta({ description: 'What the cart had; null where the fact was missing. For lines what was counted.' }),
    result: z.enum(['held', 'failed', 'missing']),
    words: z.string().meta({ description: 'subtotal 62.40 EUR is at least 50.00 EUR' }),
  })
  .meta({ id: 'ConditionTrace' })

/** What became of one promotion for one cart or order, and why. */
export const promotionTraceSchema = z
  .strictObject({
    promotion_id: z.string(),
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
    amount: moneySchema.meta({ description: 'What it took off, not negative.' }),
    beaten_by: z.string().nullable().meta({ description: 'The promotion that applied instead.' }),
    coupon_code: z.string().nullable().meta({ description: 'The code that brought it.' }),
    words: z.string(),
    conditions_held: z.boolean().nullable().meta({ description: 'Null where there are none, or they were not asked.' }),
    conditions: z
      .array(conditionSchema)
      .meta({ description: 'Each condition with the value that was seen, in the order they are written.' }),
  })
  .meta({ id: 'PromotionTrace' })

/** A promotion's trace in words and as data. Amounts in the currency of the cart. */
export function presentPromotionTrace(trace: PromotionTrace, currency: string): z.output<typeof promotionTraceSchema> {
  const explained = trace.trace && explainInFull(trace.trace, currency)
  return {
    promotion_id: trace.promotionId,
    version: trace.version,
    name: trace.name,
    outcome: trace.outcome,
    amount: presentMoney(trace.amount, currency),
    beaten_by: trace.beatenBy,
    coupon_code: trace.couponCode,
    words: trace.words,
    conditions_held: explained && explained.result === 'held',
    conditions: explained ? conditionsIn(explained, '') : [],
  }
}

function conditionsIn(trace: ExplainedTrace, pointer: string): z.output<typeof conditionSchema>[] {
  if (!('group' in trace)) {
    const { fact, operator, expected, actual, result, words } = trace
    return [{ pointer, fact, operator, expected, actual, result, words }]
  }
  const { group, of } = trace
  return of.flatMap((each, index) => conditionsIn(each, `${pointer}/${group}${group === 'not' ? '' : `/${index}`}`))
}
