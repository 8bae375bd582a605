import { allocate } from '../money.ts'
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
  const shares = takers.map(() => 0n)
  let open = [...takers.keys()].filter((index) => takers[index]!.room > 0n)
  let left = smaller(
    amount,
    open.reduce((sum, index) => sum + takers[index]!.room, 0n),
  )
  while (left > 0n) {
    const ideal = allocate(
      left,
      open.map((index) => takers[index]!.weight),
    )
    const full = open.filter((index, place) => ideal[place]! >= takers[index]!.room)
    if (full.length === 0) {
      for (const [place, index] of open.entries()) shares[index] = ideal[place]!
      return shares
    }
    for (const index of full) {
      shares[index] = takers[index]!.room
      left -= takers[index]!.room
    }
    open = open.filter((index) => !full.includes(index))
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

/** Takes an amount off pieces of one line. The first pieces of a run take a minor unit more where it does not divide evenly. */
export function spreadInLine(amount: bigint, pieces: readonly Picked[]): Cut[] {
  if (amount === 0n) return []
  const shares = shareWithin(
    amount,
    pieces.map((piece) => takerOf([piece])),
  )
  return pieces.flatMap((piece, index) => evenly(shares[index]!, piece))
}

/** Cuts as they are, or, when they take more than `limit`, in proportion less: first shared among lines, then within each. */
export function limitCuts(cuts: readonly Cut[], limit: bigint): Cut[] {
  const total = totalOf(cuts)
  if (total <= limit) return [...cuts]
  const byLine = [...Map.groupBy(cuts, (cut) => cut.line).values()]
  const shares = shareWithin(
    limit,
    byLine.map((own) => asTaker(totalOf(own))),
  )
  return byLine.flatMap((own, index) => {
    const parts = shareWithin(
      shares[index]!,
      own.map((cut) => asTaker(cut.off * cut.count)),
    )
    return own.flatMap((cut, place) => evenly(parts[place]!, cut))
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

function evenly(amount: bigint, { line, run, count, use = false }: Picked & { use?: boolean }): Cut[] {
  const each = amount / count
  const more = amount % count
  const cuts: Cut[] = []
  if (more > 0n) cuts.push({ line, run, count: more, off: each + 1n, use })
  if (each > 0n || use) cuts.push({ line, run, count: count - more, off: each, use })
  return cuts
}

function asTaker(amount: bigint): Taker {
  return { weight: amount, room: amount }
}
