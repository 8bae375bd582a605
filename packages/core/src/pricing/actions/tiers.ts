import type { PromotionAction } from '../promotion-document.ts'
import { allPieces, type WorkingLine } from '../working-cart.ts'
import { type ActionSetting, type DiscountAction, NO_PLAN } from './compiled-action.ts'
import { reduceLines, reduceOrder, reduceShipping, reduceUnits } from './reduce.ts'
import { byAmount, byRate, type Reduction, toUnitPrice } from './reduction.ts'

type TiersAction = Extract<PromotionAction, { type: 'tiers' }>

interface Tier {
  from: bigint
  reduction: Reduction
}

/** More off the more is bought: the tier with the greatest `from` that is reached counts, for what it was measured on. */
export function compileTiers(action: TiersAction, setting: ActionSetting): DiscountAction {
  const matching = setting.matching(action.where)
  const tiers = action.tiers
    .map((tier): Tier => ({ from: BigInt(tier.from), reduction: reductionOf(tier, setting) }))
    .sort((a, b) => Number(b.from - a.from))
  const reached = (lines: readonly WorkingLine[]) => {
    const measured = measure(lines, action.by)
    return tiers.find((tier) => tier.from <= measured)?.reduction
  }
  if (action.on === 'shipping') {
    return {
      kind: 'discount',
      stage: 'shipping',
      plan(lines, cart) {
        const reduction = reached(matching(lines))
        return reduction ? { cuts: [], shipping: reduceShipping(reduction, cart.shipping) } : NO_PLAN
      },
    }
  }
  const reduce = { unit: reduceUnits, line: reduceLines, order: reduceOrder }[action.on]
  return {
    kind: 'discount',
    stage: action.on === 'order' ? 'order' : 'line',
    plan: (lines) => ({
      cuts: groupsOf(matching(lines), action.per).flatMap((group) => {
        const reduction = reached(group)
        return reduction ? reduce(reduction, allPieces(group)) : []
      }),
      shipping: 0n,
    }),
  }
}

function reductionOf(tier: TiersAction['tiers'][number], { rounding }: ActionSetting): Reduction {
  if ('rate_ppm' in tier) return byRate(tier.rate_ppm, 'remaining', rounding)
  return 'amount' in tier ? byAmount(tier.amount) : toUnitPrice(tier.unit_price)
}

function groupsOf(lines: readonly WorkingLine[], per: TiersAction['per']): (readonly WorkingLine[])[] {
  if (lines.length === 0) return []
  if (per === 'order') return [lines]
  if (per === 'line') return lines.map((line) => [line])
  return [...Map.groupBy(lines, (line) => line.goods.productId).values()]
}

function measure(lines: readonly WorkingLine[], by: TiersAction['by']): bigint {
  let sum = 0n
  for (const line of lines) sum += by === 'quantity' ? line.quantity : line.subtotal
  return sum
}
