import { allocate } from '../money.ts'
import { sharePieces } from './share-pieces.ts'
import { smaller } from './smaller.ts'
import { type Cut, type Picked, roomOf, type WorkingLine } from './working-cart.ts'

/** Something that takes a part of a discount: in proportion to `weight`, but never more than `room`. */
export interface Taker {
  weight: bigint
  room: bigint
}

/**
 * Shares an amount among takers in proportion to their weights by largest remainder. Who has less room than that takes what
 * fits, and the others share the rest in the same way. The amount is cut to the room there is.
 */
export function shareWithin(amount: bigint, takers: readonly Taker[]): bigint[] {
  if (takers.length === 1) return [smaller(amount, takers[0]!.room)]
  const shares = takers.map(() => 0n)
  let open = [...takers.keys()].filter((index) => takers[index]!.room > 0n)
  let left = smaller(
    amount,
    open.reduce((sum, index) => sum + takers[index]!.room, 0n),
  )
  while (left > 0n) {
    const whole = open.reduce((sum, index) => sum + takers[index]!.weight, 0n)
    // Whose exact share is as large as its room; what the others get rounded up to still fits.
    const full = new Set(open.filter((index) => left * takers[index]!.weight >= takers[index]!.room * whole))
    if (full.size === 0) {
      const parts = allocate(
        left,
        open.map((index) => takers[index]!.weight),
      )
      for (const [place, index] of open.entries()) shares[index] = parts[place]!
      return shares
    }
    for (const index of full) {
      shares[index] = takers[index]!.room
      left -= takers[index]!.room
    }
    open = open.filter((index) => !full.has(index))
  }
  return shares
}

/**
 * Takes an amount off the picked pieces: first shared among the lines, each share then among the pieces of its line, in
 * proportion to what is left of them. No piece goes below its line's floor; what one cannot take, the others do.
 */
export function spread(amount: bigint, picked: readonly Picked[]): Cut[] {
  const byLine = groupByLine(picked)
  const shares = shareWithin(amount, byLine.map(takerOf))
  return byLine.flatMap((pieces, index) => spreadInLine(shares[index]!, pieces))
}

/** What the pieces of one line are worth and can lose, together. */
export function takerOf(pieces: readonly Picked[]): Taker {
  let weight = 0n
  let room = 0n
  for (const { line, run, count } of pieces) {
    weight += run.each * count
    room += roomOf(line, run) * count
  }
  return { weight, room }
}

/** Takes an amount off pieces of one line. */
export function spreadInLine(amount: bigint, pieces: readonly Picked[]): Cut[] {
  if (amount === 0n) return []
  const shares = sharePieces(
    amount,
    pieces.map(({ line, run, count }) => ({ count, weight: run.each, room: roomOf(line, run) })),
  )
  return pieces.flatMap(({ line, run }, index) => shares[index]!.map((share): Cut => ({ line, run, ...share })))
}

/** Cuts as they are, or, when they take more than `limit`, in proportion less: first shared among lines, then within each. */
export function limitCuts(cuts: readonly Cut[], limit: bigint): Cut[] {
  if (totalOf(cuts) <= limit) return [...cuts]
  const byLine = [...Map.groupBy(cuts, (cut) => cut.line).values()]
  const totals = byLine.map(totalOf)
  const shares = shareWithin(
    limit,
    totals.map((amount) => ({ weight: amount, room: amount })),
  )
  return byLine.flatMap((own, index) => {
    const parts = sharePieces(
      shares[index]!,
      own.map(({ count, off }) => ({ count, weight: off, room: off })),
    )
    return own.flatMap((cut, place) => parts[place]!.map((part): Cut => ({ ...cut, ...part })))
  })
}

export function totalOf(cuts: readonly Cut[]): bigint {
  let sum = 0n
  for (const { off, count } of cuts) sum += off * count
  return sum
}

export function groupByLine(picked: readonly Picked[]): Picked[][] {
  const byLine = new Map<WorkingLine, Picked[]>()
  for (const piece of picked) {
    const pieces = byLine.get(piece.line)
    if (pieces) pieces.push(piece)
    else byLine.set(piece.line, [piece])
  }
  return [...byLine.values()]
}
