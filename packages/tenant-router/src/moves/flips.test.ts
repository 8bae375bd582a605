import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../test-merchants.ts'
import { getMove, type Move, type MoveState, requestMove, rollBackMove } from './move.ts'
import { openTwoCells, type TwoCells } from './testing/two-cells.ts'
import { Writers, writtenNumbers } from './testing/writers.ts'

const WITHIN_MS = 300_000
const MOVES = 5

let cells: TwoCells

beforeAll(async () => {
  cells = await openTwoCells('one server')
})
afterAll(() => cells.close())

async function reaches(move: Move, state: MoveState): Promise<void> {
  await until(
    `the move is ${state}`,
    async () => {
      const seen = await getMove(cells.directory, move.id)
      if (seen!.state === 'aborted') throw new Error(`aborted: ${seen!.failure}`)
      return seen!.state === state
    },
    WITHIN_MS,
  )
}

test('pitfall 14: two streams that face each other through ten flips send nothing back, and nobody meets a row that is there already', {
  timeout: 1_200_000,
}, async () => {
  const [merchant, neighbour] = await cells.addFilledMerchants()
  const filled = await cells.contents(cells.one, merchant.id)
  const others = await cells.contents(cells.one, neighbour.id)
  cells.startMover()
  const writers = new Writers(cells.openRouter(), merchant)
  for (let time = 0; time < MOVES; time++) {
    const move = await requestMove(cells.directory, { merchantId: merchant.id, toCell: cells.two.name, by: null, now: new Date() })
    await reaches(move, 'watching')
    expect(await cells.conflicts()).toEqual([])
    const before = writers.acknowledged.length
    await until('something was written at the new home', () => writers.acknowledged.length > before + 5, WITHIN_MS)
    await rollBackMove(cells.directory, move.id)
    await reaches(move, 'rolled_back')
    expect(await cells.conflicts()).toEqual([])
    expect(await cells.leftovers(merchant.id, cells.one)).toEqual([])
  }
  await writers.stop()
  expect(writers.failures).toEqual([])
  expect(await writtenNumbers(cells.one.admin, merchant.id)).toEqual([...writers.acknowledged].sort((a, b) => Number(a - b)))
  // What writers do not write is, to the byte, what it was before the first flip.
  const written = ['event', 'merchant_counter']
  const rest = (contents: Record<string, string>) => Object.entries(contents).filter(([table]) => !written.includes(table))
  expect(rest(await cells.contents(cells.one, merchant.id))).toEqual(rest(filled))
  expect(await cells.contents(cells.one, neighbour.id)).toEqual(others)
})
