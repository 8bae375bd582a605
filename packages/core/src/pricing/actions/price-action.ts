import type { PromotionAction } from '../promotion-document.ts'
import { limitCuts, totalOf } from '../spread.ts'
import type { ActionSetting, DiscountAction, MatchLines, Plan } from './compiled-action.ts'
import { compilePick, type PickPieces } from './pick-pieces.ts'
import { reduceLines, reduceOrder, reduceShipping, reduceTotal, reduceUnits } from './reduce.ts'
import { byAmount, byRate, type Reduction, toPrice } from './reduction.ts'

type PriceAction = Extract<PromotionAction, { type: 'percentage' | 'fixed' | 'set_price' }>

/** A percentage off, an amount off, or a set price: for pieces, lines, the goods, the shipping, or all together. */
export function compilePriceAction(action: PriceAction, setting: ActionSetting): DiscountAction {
  const reduction = reductionOf(action, setting)
  const plan = planner(action.on, reduction, {
    matching: setting.matching(action.where),
    pick: compilePick(action),
    needsMatch: action.where !== null,
  })
  const limit = action.type === 'percentage' && action.amount_max !== null ? BigInt(action.amount_max) : null
  return {
    kind: 'discount',
    stage: action.on === 'unit' || action.on === 'line' ? 'line' : action.on === 'order' ? 'order' : 'shipping',
    plan: limit === null ? plan : (lines, cart) => limitPlan(plan(lines, cart), limit),
  }
}

function reductionOf(action: PriceAction, { rounding }: ActionSetting): Reduction {
  if (action.type === 'percentage') return byRate(action.rate_ppm, action.basis, rounding)
  return action.type === 'fixed' ? byAmount(action.amount) : toPrice(action.amount)
}

function planner(
  on: PriceAction['on'],
  reduction: Reduction,
  { matching, pick, needsMatch }: { matching: MatchLines; pick: PickPieces; needsMatch: boolean },
): DiscountAction['plan'] {
  switch (on) {
    case 'unit':
      return (lines) => ({ cuts: reduceUnits(reduction, pick(matching(lines))), shipping: 0n })
    case 'line':
      return (lines) => ({ cuts: reduceLines(reduction, pick(matching(lines))), shipping: 0n })
    case 'order':
      return (lines) => ({ cuts: reduceOrder(reduction, pick(matching(lines))), shipping: 0n })
    case 'total':
      return (lines, cart) => reduceTotal(reduction, pick(matching(lines)), cart)
    case 'shipping':
      // With conditions on lines, the shipping is reduced when some line meets them.
      return (lines, cart) => ({
        cuts: [],
        shipping: needsMatch && matching(lines).length === 0 ? 0n : reduceShipping(reduction, cart.shipping),
      })
  }
}

/** A plan that takes off no more than so much: first less from the shipping's part and the goods' in proportion. */
export function limitPlan(plan: Plan, limit: bigint): Plan {
  const goods = totalOf(plan.cuts)
  const total = goods + plan.shipping
  if (total <= limit) return plan
  const ofShipping = (limit * plan.shipping) / total
  return { cuts: limitCuts(plan.cuts, limit - ofShipping), shipping: ofShipping }
}
