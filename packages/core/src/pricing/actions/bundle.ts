import type { PromotionAction } from '../promotion-document.ts'
import { smaller } from '../smaller.ts'
import { spread, takerOf } from '../spread.ts'
import { allPieces, type Picked, remainingOf, type WorkingLine } from '../working-cart.ts'
import { assignPieces, type Demand } from './assign-pieces.ts'
import { type ActionSetting, type DiscountAction, type MatchLines, NO_PLAN } from './compiled-action.ts'
import { countOf, inOrder } from './pick-pieces.ts'
import { byRate } from './reduction.ts'

type BundleAction = Extract<PromotionAction, { type: 'bundle' }>

interface Part {
  matching: MatchLines
  quantity: bigint
}

/** Further sets are tried without, when fewer sets take more off: cheap goods must not spoil a set for a price. */
const FEWER_SETS_TRIED = 100

/**
 * Pieces of every part, so many together, for a price, with a percentage or an amount off each set. A piece is in one set
 * only; lines that match several parts go where they make the most sets.
 */
export function compileBundle(action: BundleAction, setting: ActionSetting): DiscountAction {
  const parts = action.parts.map(({ where, quantity }): Part => ({ matching: setting.matching(where), quantity: BigInt(quantity) }))
  const most = action.times_max === null ? null : BigInt(action.times_max)
  const worth = worthOf(action.value, setting)
  return {
    kind: 'discount',
    stage: 'line',
    plan(lines) {
      const demands = demandsOf(parts, lines)
      const pieces = inOrder(allPieces(lines.filter((line) => demands.some((demand) => demand.lines.has(line)))), action.first)
      let best = setsOf(demands, pieces, most)
      if (best === null) return NO_PLAN
      let off = worth(best.pieces, best.times)
      for (let tried = 0; tried < FEWER_SETS_TRIED && best.times > 1n && 'price' in action.value; tried++) {
        const fewer: Sets = { times: best.times - 1n, pieces: assignPieces(demands, pieces, best.times - 1n)! }
        const offFewer = worth(fewer.pieces, fewer.times)
        if (offFewer <= off) break
        best = fewer
        off = offFewer
      }
      const { room } = takerOf(best.pieces)
      return off <= 0n ? NO_PLAN : { cuts: spread(smaller(off, room), best.pieces), shipping: 0n }
    },
  }
}

interface Sets {
  times: bigint
  pieces: Picked[]
}

function worthOf(value: BundleAction['value'], setting: ActionSetting): (pieces: readonly Picked[], times: bigint) => bigint {
  if ('rate_ppm' in value) {
    const reduction = byRate(value.rate_ppm, 'remaining', setting.rounding)
    return (pieces) => reduction({ remaining: remainingOf(pieces), list: 0n, count: 0n })
  }
  if ('amount' in value) {
    const amount = BigInt(value.amount)
    return (_pieces, times) => amount * times
  }
  const price = BigInt(value.price)
  return (pieces, times) => remainingOf(pieces) - price * times
}

function demandsOf(parts: readonly Part[], lines: readonly WorkingLine[]): Demand[] {
  return parts.map(({ matching, quantity }) => ({ lines: new Set(matching(lines)), quantity }))
}

/** The most sets that the pieces make, and the pieces in them; null when they do not make one. */
function setsOf(demands: readonly Demand[], pieces: readonly Picked[], most: bigint | null): Sets | null {
  const perSet = demands.reduce((sum, { quantity }) => sum + quantity, 0n)
  let upper = countOf(pieces) / perSet
  if (most !== null && most < upper) upper = most
  // What makes so many sets makes fewer, too: look for the limit between.
  let found: Sets | null = null
  let lower = 1n
  while (lower <= upper) {
    const times: bigint = found === null && lower === 1n ? upper : (lower + upper) / 2n
    const assigned = assignPieces(demands, pieces, times)
    if (assigned) {
      found = { times, pieces: assigned }
      lower = times + 1n
    } else {
      upper = times - 1n
    }
  }
  return found
}
