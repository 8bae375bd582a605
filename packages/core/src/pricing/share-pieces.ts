import { smaller } from './smaller.ts'

/** Pieces that weigh the same and have the same room. */
export interface EqualPieces {
  count: bigint
  weight: bigint
  room: bigint
}

/** So many pieces take so much each. */
export interface PieceShare {
  count: bigint
  off: bigint
}

/**
 * Shares an amount among pieces in proportion to their weights by largest remainder, the earlier first; a piece without the
 * room for its share takes what fits, and the others share the rest in the same way. Answers for each kind of pieces how many of
 * them take how much; those that take nothing, too. The amount is cut to the room there is.
 */
export function sharePieces(amount: bigint, kinds: readonly EqualPieces[]): PieceShare[][] {
  const shares = kinds.map(({ count }): PieceShare[] => [{ count, off: 0n }])
  let open = [...kinds.keys()].filter((index) => kinds[index]!.room > 0n)
  let left = smaller(
    amount,
    open.reduce((sum, index) => sum + kinds[index]!.room * kinds[index]!.count, 0n),
  )
  while (left > 0n) {
    const whole = open.reduce((sum, index) => sum + kinds[index]!.weight * kinds[index]!.count, 0n)
    const parts = open.map((index) => ({ index, base: (left * kinds[index]!.weight) / whole, rest: (left * kinds[index]!.weight) % whole }))
    const full = parts.filter(({ index, base }) => base >= kinds[index]!.room)
    if (full.length === 0) {
      handOut(left, parts, kinds, shares)
      return shares
    }
    for (const { index } of full) {
      const { count, room } = kinds[index]!
      shares[index] = [{ count, off: room }]
      left -= room * count
    }
    const taken = new Set(full.map(({ index }) => index))
    open = open.filter((index) => !taken.has(index))
  }
  return shares
}

interface Part {
  index: number
  base: bigint
  rest: bigint
}

/** Everybody takes the whole units of the share; what is left goes one by one to the largest remainders. */
function handOut(amount: bigint, parts: readonly Part[], kinds: readonly EqualPieces[], shares: PieceShare[][]): void {
  let left = amount
  for (const { index, base } of parts) left -= base * kinds[index]!.count
  const byRest = [...parts].sort((a, b) => (a.rest === b.rest ? 0 : a.rest < b.rest ? 1 : -1))
  for (const { index, base } of byRest) {
    const { count } = kinds[index]!
    const more = smaller(left, count)
    left -= more
    shares[index] = [
      { count: more, off: base + 1n },
      { count: count - more, off: base },
    ].filter((share) => share.count > 0n)
  }
}
