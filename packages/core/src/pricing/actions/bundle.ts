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
      const fitting = mostSets(demands, pieces, most)
      if (fitting === 0n) return NO_PLAN
      const inSets = (times: bigint) => assignPieces(demands, pieces, times)!
      const times =
        'price' in action.value && action.first === 'dearest' ? worthwhile(fitting, (sets) => worth(inSets(sets), sets)) : fitting
      const chosen = inSets(times)
      const off = worth(chosen, times)
      const { room } = takerOf(chosen)
      return off <= 0n ? NO_PLAN : { cuts: spread(smaller(off, room), chosen), shipping: 0n }
    },
  }
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

/** The most sets that the pieces make. */
function mostSets(demands: readonly Demand[], pieces: readonly Picked[], most: bigint | null): bigint {
  const perSet = demands.reduce((sum, { quantity }) => sum + quantity, 0n)
  const upper = countOf(pieces) / perSet
  // What makes so many sets makes fewer, too.
  return largest(most === null ? upper : smaller(upper, most), (times) => assignPieces(demands, pieces, times) !== null)
}

/**
 * How many sets for a price take most off, the dearest pieces first. Each further set holds cheaper pieces than the one before,
 * so those that are dearer than their price come first: cheap goods must not spoil them.
 */
function worthwhile(fitting: bigint, worth: (times: bigint) => bigint): bigint {
  return largest(fitting, (times) => times === 1n || worth(times) > worth(times - 1n))
}

/** The largest number up to `upper` that a test passes which all smaller ones pass; zero if not even one does. */
function largest(upper: bigint, passes: (times: bigint) => boolean): bigint {
  if (upper > 0n && passes(upper)) return upper
  let [passed, failed] = [0n, upper]
  while (failed - passed > 1n) {
    const middle = (passed + failed) / 2n
    if (passes(middle)) passed = middle
    else failed = middle
  }
  return passed
}
