import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CrashPoint } from '../crash-point.ts'
import type { MerchantEntry } from '../merchant-entry.ts'
import { until } from '../test-merchants.ts'
import { FINAL_STATES, getMove, type Move, requestMove, rollBackMove } from './move.ts'
import { dieAt } from './testing/die-at.ts'
import { openTwoCells, type TwoCells } from './testing/two-cells.ts'
import { Writers, writtenNumbers } from './testing/writers.ts'

const WITHIN_MS = 120_000
// A limit for what hangs: each death is a second of work on a machine that is not busy.
const TIMEOUT_MS = 600_000

/** Where a mover dies on the way to the new home, and on the way back, in the order in which a move comes by. */
const FORWARD: CrashPoint[] = ['move.tables_copied', 'move.fencing', 'move.marker_arrived', 'move.switched']
const BACK: CrashPoint[] = ['move.fenced', 'move.arrived', 'move.batch_removed']

let cells: TwoCells

beforeAll(async () => {
  cells = await openTwoCells('two servers')
})
afterAll(() => cells.close())

/** At most one database serves the merchant, and it is the one of the directory or nobody is served for the moment. */
async function assertOneHome(merchant: MerchantEntry): Promise<void> {
  const [home] = await cells.directory`select cell, epoch::text as epoch from platform.home where merchant_id = ${merchant.id}`
  const active: string[] = []
  for (const cell of [cells.one, cells.two]) {
    const rows = await cell.admin`select epoch::text as epoch from tenancy.home where merchant_id = ${merchant.id} and state = 'active'`
    active.push(...rows.map(({ epoch }) => `${cell.name} ${epoch}`))
  }
  expect(active.length === 0 ? [`${home!.cell} ${home!.epoch}`] : active).toEqual([`${home!.cell} ${home!.epoch}`])
}

async function ends(move: Move): Promise<Move> {
  await until('the move has ended', async () => FINAL_STATES.includes((await getMove(cells.directory, move.id))!.state), WITHIN_MS)
  return (await getMove(cells.directory, move.id))!
}

describe('pitfalls 11 and 12: movers that die', () => {
  test('at one point after the other, there and back: the next one goes on, nothing is lost or left behind', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const merchant = await cells.addMerchant()
    const writers = new Writers(cells.openRouter(), merchant, 2)
    const move = await requestMove(cells.directory, { merchantId: merchant.id, toCell: cells.two.name, by: null, now: new Date() })
    for (const point of FORWARD) {
      await dieAt(cells, point, move)
      await assertOneHome(merchant)
    }
    const last = cells.startMover()
    await until('it is watched', async () => (await getMove(cells.directory, move.id))!.state === 'watching', WITHIN_MS)
    await last.stop()
    await assertOneHome(merchant)

    await rollBackMove(cells.directory, move.id)
    for (const point of BACK) {
      await dieAt(cells, point, move)
      await assertOneHome(merchant)
    }
    const finisher = cells.startMover()
    expect(await ends(move)).toMatchObject({ state: 'rolled_back' })
    await finisher.stop()
    const seen = writers.acknowledged.length
    await until('it is written to', () => writers.acknowledged.length > seen + 10, WITHIN_MS)
    await writers.stop()

    const written = await writtenNumbers(cells.one.admin, merchant.id)
    expect(written).toEqual([...writers.acknowledged].sort((a, b) => Number(a - b)))
    expect(written.at(-1)).toBe(BigInt(written.length))
    expect(await cells.leftovers(merchant.id, cells.one)).toEqual([])
    await assertOneHome(merchant)
  })

  test.each([
    { point: 'move.fenced', left: 'fencing', opened: 'catching_up', home: 'one' },
    { point: 'move.switched', left: 'switched', opened: 'watching', home: 'two' },
  ] as const)(
    'at $point: the watchdog of any other opens the merchant again, whose lease it ever is',
    async ({ point, left, opened, home }) => {
      const merchant = await cells.addMerchant()
      const move = await requestMove(cells.directory, { merchantId: merchant.id, toCell: cells.two.name, by: null, now: new Date() })
      await dieAt(cells, point, move)
      expect(await getMove(cells.directory, move.id)).toMatchObject({ state: left })
      // Nobody can take the move itself.
      await cells.directory`update platform.move set lease_until = 'infinity' where id = ${move.id}`
      const mover = cells.startMover()
      await until('it is opened', async () => (await getMove(cells.directory, move.id))!.state === opened, WITHIN_MS)
      await assertOneHome(merchant)
      const [active] = await cells[home].admin`select state from tenancy.home where merchant_id = ${merchant.id}`
      expect(active).toEqual({ state: 'active' })
      await mover.stop()
    },
  )
})
