import { smaller } from '../smaller.ts'
import type { Picked, WorkingLine } from '../working-cart.ts'

/** Per set so many pieces of these lines. */
export interface Demand {
  lines: ReadonlySet<WorkingLine>
  quantity: bigint
}

/**
 * Which pieces make so many sets, the first ones as far as possible; null when there are not enough. A piece that several
 * demands would take may be handed from one to another later: augmenting paths, so what was taken once stays taken.
 */
export function assignPieces(demands: readonly Demand[], pieces: readonly Picked[], times: bigint): Picked[] | null {
  const open = demands.map(({ quantity }) => quantity * times)
  const needed = open.reduce((sum, quantity) => sum + quantity, 0n)
  const given = pieces.map(() => demands.map(() => 0n))
  const taken: Picked[] = []
  let total = 0n
  for (const [index, piece] of pieces.entries()) {
    let left = piece.count
    while (left > 0n) {
      const handed = handOver(index, left, { demands, pieces, open, given })
      if (handed === 0n) break
      left -= handed
    }
    if (left < piece.count) taken.push({ ...piece, count: piece.count - left })
    total += piece.count - left
    if (total === needed) return taken
  }
  return null
}

interface Board {
  demands: readonly Demand[]
  pieces: readonly Picked[]
  open: bigint[]
  /** How many of each piece went to each demand. */
  given: bigint[][]
}

/** A demand on a path, and which piece was freed from the demand before it to get here. */
interface Step {
  demand: number
  piece: number
  before: Step | null
}

/** Gives up to `left` of a piece to a demand that is still open, over others if need be. Answers how many. */
function handOver(piece: number, left: bigint, board: Board): bigint {
  const accepts = (demand: number, index: number) => board.demands[demand]!.lines.has(board.pieces[index]!.line)
  const seen = new Set<number>()
  const queue: Step[] = []
  const reach = (from: number, before: Step | null) => {
    for (const demand of board.demands.keys()) {
      if (seen.has(demand) || !accepts(demand, from)) continue
      seen.add(demand)
      queue.push({ demand, piece: from, before })
    }
  }
  reach(piece, null)
  for (let step = queue.shift(); step; step = queue.shift()) {
    if (board.open[step.demand]! > 0n) return push(step, left, board)
    for (const [other, shares] of board.given.entries()) if (shares[step.demand]! > 0n) reach(other, step)
  }
  return 0n
}

function push(last: Step, left: bigint, { open, given }: Board): bigint {
  let count = smaller(left, open[last.demand]!)
  for (let step: Step = last; step.before; step = step.before) {
    count = smaller(count, given[step.piece]![step.before.demand]!)
  }
  open[last.demand]! -= count
  for (let step: Step | null = last; step; step = step.before) {
    given[step.piece]![step.demand]! += count
    if (step.before) given[step.piece]![step.before.demand]! -= count
  }
  return count
}
