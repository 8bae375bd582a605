import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MerchantEntry } from '../merchant-entry.ts'
import { until } from '../test-merchants.ts'
import { finishMove, getMove, type Move, type MoveState, requestMove, rollBackMove } from './move.ts'
import { openTwoCells, type TestCell, type TwoCells } from './testing/two-cells.ts'
import { Writers, writtenNumbers } from './testing/writers.ts'

const WITHIN_MS = 300_000
// A limit for what hangs: a move is seconds of work on a machine that is not busy.
const TIMEOUT_MS = 1_200_000

async function reaches(cells: TwoCells, move: Move, state: MoveState): Promise<Move> {
  let seen: Move | undefined
  await until(
    `the move is ${state}`,
    async () => {
      seen = await getMove(cells.directory, move.id)
      if (seen!.state === 'aborted' && state !== 'aborted') throw new Error(`aborted: ${seen!.failure}`)
      return seen!.state === state
    },
    WITHIN_MS,
  )
  return seen!
}

const ask = (cells: TwoCells, merchant: MerchantEntry, to: TestCell) =>
  requestMove(cells.directory, { merchantId: merchant.id, toCell: to.name, by: null, now: new Date() })

async function homesOf(cells: TwoCells, merchant: MerchantEntry) {
  const [directory] = await cells.directory`select cell, epoch::int as epoch from platform.home where merchant_id = ${merchant.id}`
  const local = await Promise.all(
    [cells.one, cells.two].map(async ({ admin }) => {
      const [row] = await admin`select state, epoch::int as epoch from tenancy.home where merchant_id = ${merchant.id}`
      return row ? `${row.state} ${row.epoch}` : 'none'
    }),
  )
  return { directory: `${directory!.cell} ${directory!.epoch}`, local }
}

/** The last event of a merchant that the queue of a cell knows of: noted by a trigger. */
async function headOf({ admin }: TestCell, merchant: MerchantEntry): Promise<number> {
  const [row] = await admin`select sequence::int as sequence from queue.event_head where merchant_id = ${merchant.id}`
  return row!.sequence as number
}

describe.each(['one server', 'two servers'] as const)('between databases of %s', (where) => {
  let cells: TwoCells

  beforeAll(async () => {
    cells = await openTwoCells(where)
  })
  afterAll(() => cells.close())

  test('a merchant with rows in every table moves while it is written to, back without a copy, and there for good', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const [merchant, neighbour] = await cells.addFilledMerchants()
    const before = await cells.contents(cells.one, neighbour.id)
    const switching: string[] = []
    await cells.directory.listen('souk_switching', (announced) => switching.push(announced))
    cells.startMover()
    const writers = new Writers(cells.openRouter(), merchant)
    const neighbours = new Writers(cells.openRouter(), neighbour)

    const move = await ask(cells, merchant, cells.two)
    const watching = await reaches(cells, move, 'watching')
    expect(await homesOf(cells, merchant)).toEqual({ directory: `${cells.two.name} 2`, local: ['moved 2', 'active 2'] })
    expect(watching).toMatchObject({ failure: null, figures: { fence_attempts: expect.any(Number) } })
    expect(watching.figures.seeded_rows).toBeGreaterThan(Object.keys(before).length)
    expect(new Set(switching)).toEqual(new Set([`${merchant.id} ${cells.one.name} ${cells.two.name}`]))

    await rollBackMove(cells.directory, move.id)
    await reaches(cells, move, 'rolled_back')
    expect(await homesOf(cells, merchant)).toEqual({ directory: `${cells.one.name} 3`, local: ['active 3', 'none'] })
    expect(await cells.leftovers(merchant.id, cells.one)).toEqual([])

    const again = await ask(cells, merchant, cells.two)
    await reaches(cells, again, 'watching')
    const seen = writers.acknowledged.length
    await until('something was written at the new home', () => writers.acknowledged.length > seen + 20, WITHIN_MS)
    await until(
      'both sides were compared',
      async () => ((await getMove(cells.directory, again.id))!.figures.watched_passes ?? 0) > 0,
      WITHIN_MS,
    )
    await writers.stop()
    await neighbours.stop()
    const here = await cells.contents(cells.two, merchant.id)
    await until(
      'the old home has all of it',
      async () => JSON.stringify(await cells.contents(cells.one, merchant.id)) === JSON.stringify(here),
    )
    expect(await cells.conflicts()).toEqual([])
    // Pitfall 15: what triggers make of an event is made where it happened; a stream that applies it makes nothing of its own.
    expect(await headOf(cells.one, merchant)).toBeLessThan(await headOf(cells.two, merchant))
    expect(await headOf(cells.two, merchant)).toBe(Number((await writtenNumbers(cells.two.admin, merchant.id)).at(-1)))
    await finishMove(cells.directory, again.id)
    const done = await reaches(cells, again, 'done')
    expect(done.figures).toMatchObject({ can_roll_back: true, removed_rows: expect.any(Number) })

    expect(writers.failures).toEqual([])
    expect(neighbours.failures).toEqual([])
    const written = await writtenNumbers(cells.two.admin, merchant.id)
    expect(written).toEqual([...writers.acknowledged].sort((a, b) => Number(a - b)))
    expect(written.every((number, index) => index === 0 || number === written[index - 1]! + 1n)).toBe(true)
    expect(await cells.contents(cells.two, merchant.id)).toEqual(here)
    expect(await cells.leftovers(merchant.id, cells.two)).toEqual([])
    expect(await cells.contents(cells.two, neighbour.id)).toEqual(Object.fromEntries(Object.keys(before).map((name) => [name, ''])))
    expect(await homesOf(cells, merchant)).toEqual({ directory: `${cells.two.name} 4`, local: ['none', 'active 4'] })
  })
})
