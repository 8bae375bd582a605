import type { PromotionAction } from '../promotion-document.ts'
import { smaller } from '../smaller.ts'
import { allPieces, type Cut, type Picked, type WorkingLine } from '../working-cart.ts'
import { type ActionSetting, type DiscountAction, NO_PLAN } from './compiled-action.ts'
import { countOf, inOrder, takeFirst } from './pick-pieces.ts'
import { reduceUnits } from './reduce.ts'
import { byAmount, byRate } from './reduction.ts'

type BuyXGetYAction = Extract<PromotionAction, { type: 'buy_x_get_y' }>

/** Pieces by what they can be counted as. */
interface Pool {
  /** Only as bought. */
  bought: Picked[]
  /** Only as given. */
  given: Picked[]
  either: Picked[]
}

/**
 * Buy x, get y: as many complete sets as the pieces make. With `get.first: cheapest` the cheapest pieces that can be given are
 * given, and the dearest of the others count as bought; with `dearest` the dearest count as bought, and of the others the
 * dearest are given. A piece counts once, for all promotions of this kind.
 */
export function compileBuyXGetY(action: BuyXGetYAction, setting: ActionSetting): DiscountAction {
  const buys = setting.matching(action.buy.where)
  const gets = setting.matching(action.get.where)
  const [buy, get] = [BigInt(action.buy.quantity), BigInt(action.get.quantity)]
  const most = action.times_max === null ? null : BigInt(action.times_max)
  const reduction = action.amount === null ? byRate(action.rate_ppm, 'remaining', setting.rounding) : byAmount(action.amount)
  return {
    kind: 'discount',
    stage: 'line',
    plan(lines) {
      const pool = poolOf(buys(lines), gets(lines))
      const fitting = setsIn(pool, buy, get)
      const times = most === null ? fitting : smaller(most, fitting)
      if (times === 0n) return NO_PLAN
      const { bought, given } = pickSets(pool, times * buy, times * get, action.get.first)
      const cuts: Cut[] = reduceUnits(reduction, given).map((cut) => ({ ...cut, use: true }))
      return { cuts: [...cuts, ...marks(given, cuts), ...bought.map((piece) => ({ ...piece, off: 0n, use: true }))], shipping: 0n }
    },
  }
}

function poolOf(buying: readonly WorkingLine[], getting: readonly WorkingLine[]): Pool {
  const buyers = new Set(buying)
  const getters = new Set(getting)
  const free = (lines: readonly WorkingLine[]) => allPieces(lines).filter(({ run }) => !run.used)
  return {
    bought: free(buying.filter((line) => !getters.has(line))),
    given: free(getting.filter((line) => !buyers.has(line))),
    either: free(buying.filter((line) => getters.has(line))),
  }
}

/** How many sets can be made: each side must have enough, and both together must. */
function setsIn(pool: Pool, buy: bigint, get: bigint): bigint {
  const either = countOf(pool.either)
  const bought = countOf(pool.bought) + either
  const given = countOf(pool.given) + either
  const all = bought + given - either
  return [bought / buy, given / get, all / (buy + get)].reduce(smaller)
}

function pickSets(pool: Pool, buy: bigint, get: bigint, first: 'cheapest' | 'dearest'): { bought: Picked[]; given: Picked[] } {
  if (first === 'cheapest') {
    const given = pickLeaving({ own: pool.given, either: pool.either, quantity: get, first }, buy - countOf(pool.bought))
    return { given, bought: takeFirst(inOrder(without([...pool.bought, ...pool.either], given), 'dearest'), buy) }
  }
  const bought = pickLeaving({ own: pool.bought, either: pool.either, quantity: buy, first }, get - countOf(pool.given))
  return { bought, given: takeFirst(inOrder(without([...pool.given, ...pool.either], bought), 'dearest'), get) }
}

/** The first pieces for one side of a set, but leaving so many of those that could be on either side for the other. */
function pickLeaving(
  { own, either, quantity, first }: { own: Picked[]; either: Picked[]; quantity: bigint; first: 'cheapest' | 'dearest' },
  leave: bigint,
): Picked[] {
  let spare = countOf(either) - (leave > 0n ? leave : 0n)
  const shared = new Set(either)
  const allowed = inOrder([...own, ...either], first).flatMap((piece) => {
    if (!shared.has(piece)) return [piece]
    const count = smaller(piece.count, spare)
    spare -= count
    return count > 0n ? [{ ...piece, count }] : []
  })
  return takeFirst(allowed, quantity)
}

function without(pieces: readonly Picked[], taken: readonly Picked[]): Picked[] {
  const counts = new Map(taken.map(({ run, count }) => [run, count]))
  return pieces.map((piece) => ({ ...piece, count: piece.count - (counts.get(piece.run) ?? 0n) })).filter(({ count }) => count > 0n)
}

/** Given pieces that nothing could be taken off count all the same. */
function marks(given: readonly Picked[], cuts: readonly Cut[]): Cut[] {
  const cut = new Set(cuts.map(({ run }) => run))
  return given.filter(({ run }) => !cut.has(run)).map((piece) => ({ ...piece, off: 0n, use: true }))
}
