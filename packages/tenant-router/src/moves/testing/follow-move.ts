import { until } from '../../test-merchants.ts'
import { getMove, type Move, type MoveState } from '../move.ts'
import type { TestCell, TwoCells } from './two-cells.ts'

const WITHIN_MS = 300_000

/** The move when it is in one of those states. */
export async function reachesState(cells: TwoCells, move: Move, states: readonly MoveState[]): Promise<Move> {
  let seen: Move | undefined
  await until(
    `the move is ${states.join(' or ')}`,
    async () => {
      seen = await getMove(cells.directory, move.id)
      return states.includes(seen!.state)
    },
    WITHIN_MS,
  )
  return seen!
}

/** What a move has left, and not those of other tests that are watched still. */
export async function leftoversOfMove(cells: TwoCells, move: Move, home: TestCell): Promise<string[]> {
  const found = await cells.leftovers(move.merchantId, home)
  return found.filter((what) => !what.includes('souk_move_') || what.includes(move.id.replaceAll('-', '')))
}
