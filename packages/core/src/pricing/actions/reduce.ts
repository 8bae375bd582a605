import { smaller } from '../smaller.ts'
import { groupByLine, shareWithin, spread, spreadInLine, takerOf, totalOf } from '../spread.ts'
import { type Cut, type Picked, remainingOf, roomOf, type WorkingCart, type WorkingShipping } from '../working-cart.ts'
import type { Plan } from './compiled-action.ts'
import { countOf } from './pick-pieces.ts'
import type { Reducible, Reduction } from './reduction.ts'

/** Reduces every piece by itself: what comes off one is rounded before it is multiplied. */
export function reduceUnits(reduction: Reduction, picked: readonly Picked[]): Cut[] {
  return picked.flatMap(({ line, run, count }) => {
    const off = clamp(reduction({ remaining: run.each, list: line.unitPrice, count: 1n }), roomOf(line, run))
    return off === 0n ? [] : [{ line, run, count, off }]
  })
}

/** Reduces the picked pieces of every line as one: what comes off is rounded once for the line. */
export function reduceLines(reduction: Reduction, picked: readonly Picked[]): Cut[] {
  return groupByLine(picked).flatMap((pieces) => spreadInLine(clamp(reduction(reducible(pieces)), takerOf(pieces).room), pieces))
}

/** Reduces all picked pieces as one: what comes off is rounded once and shared among the lines. */
export function reduceOrder(reduction: Reduction, picked: readonly Picked[]): Cut[] {
  return spread(clamp(reduction(reducible(picked)), takerOf(picked).room), picked)
}

export function reduceShipping(reduction: Reduction, shipping: WorkingShipping | null): bigint {
  if (shipping === null) return 0n
  return clamp(reduction({ remaining: shipping.remaining, list: shipping.amount, count: 1n }), shipping.remaining)
}

/** Reduces goods and shipping as one, shared in proportion to what is left of either. */
export function reduceTotal(reduction: Reduction, picked: readonly Picked[], { shipping }: WorkingCart): Plan {
  const goods = reducible(picked)
  const whole = {
    remaining: goods.remaining + (shipping?.remaining ?? 0n),
    list: goods.list + (shipping?.amount ?? 0n),
    count: goods.count,
  }
  const byLine = groupByLine(picked)
  const takers = [...byLine.map(takerOf), { weight: shipping?.remaining ?? 0n, room: shipping?.remaining ?? 0n }]
  const shares = shareWithin(clamp(reduction(whole), whole.remaining), takers)
  return { cuts: byLine.flatMap((pieces, index) => spreadInLine(shares[index]!, pieces)), shipping: shares.at(-1)! }
}

/** What a plan takes off in all. */
export function totalOfPlan(plan: Plan): bigint {
  return totalOf(plan.cuts) + plan.shipping
}

function reducible(picked: readonly Picked[]): Reducible {
  let list = 0n
  for (const { line, count } of picked) list += line.unitPrice * count
  return { remaining: remainingOf(picked), list, count: countOf(picked) }
}

function clamp(amount: bigint, room: bigint): bigint {
  if (amount <= 0n) return 0n
  return smaller(amount, room)
}
