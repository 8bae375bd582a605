import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CrashPoint } from '../crash-point.ts'
import type { MerchantEntry } from '../merchant-entry.ts'
import { failureOf, until } from '../test-merchants.ts'
import { FINAL_STATES, getMove, type Move, requestMove, rollBackMove } from './move.ts'
import { streamName } from './streams.ts'
import { dieAt } from './testing/die-at.ts'
import { openTwoCells, type TwoCells } from './testing/two-cells.ts'
import { Writers, writtenNumbers } from './testing/writers.ts'

const WITHIN_MS = 300_000
// A limit for what hangs: each death is a second of work on a machine that is not busy.
const TIMEOUT_MS = 1_200_000

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

describe('pitfall 36: a slot that nobody reads any more', () => {
  /** Its server lets go of it after a second, and of what it kept for it. The server is this file's own. */
  async function neglect(slot: string, reader: typeof cells.one): Promise<void> {
    const { admin } = cells.two
    await reader.admin.unsafe(`alter subscription ${slot} disable`)
    await admin`alter system set idle_replication_slot_timeout = '1s'`
    await admin`select pg_reload_conf()`
    await until(
      'the server has let go of it',
      async () => {
        await admin`checkpoint`
        const [found] = await admin`select wal_status as status from pg_replication_slots where slot_name = ${slot}`
        return found?.status === 'lost'
      },
      WITHIN_MS,
    )
    await admin`alter system reset idle_replication_slot_timeout`
    await admin`select pg_reload_conf()`
  }

  const ask = async (merchant: MerchantEntry, to: typeof cells.one) =>
    requestMove(cells.directory, { merchantId: merchant.id, toCell: to.name, by: null, now: new Date() })

  test('that its server has let go of ends a move before the switch, which says why', async () => {
    const merchant = await cells.addMerchant(cells.two)
    const move = await ask(merchant, cells.one)
    await dieAt(cells, 'move.caught_up', move)
    await neglect(streamName(move, 'forward'), cells.one)
    const mover = cells.startMover()
    expect(await ends(move)).toMatchObject({
      state: 'aborted',
      failure: expect.stringMatching(/the slot in two-1 is invalid: idle_timeout/),
    })
    await mover.stop()
    await assertOneHome(merchant)
    expect((await cells.leftovers(merchant.id, cells.two)).filter((what) => what.includes(move.id.replaceAll('-', '')))).toEqual([])
  })

  test('after the switch there is no way back: the move says so, the slot goes, and the merchant stays', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant, cells.two)
    const first = cells.startMover()
    await until('it is watched', async () => ((await getMove(cells.directory, move.id))!.figures.watched_passes ?? 0) > 0, WITHIN_MS)
    await first.stop()
    await neglect(streamName(move, 'back'), cells.one)
    const said: string[] = []
    const log = { info: () => {}, warn: (facts: object, message: string) => said.push(`${message} ${JSON.stringify(facts)}`) }
    const mover = cells.startMover({ log })
    await until('it is seen', async () => (await getMove(cells.directory, move.id))!.figures.can_roll_back === false, WITHIN_MS)
    expect((await getMove(cells.directory, move.id))!.failure).toMatch(/the slot in two-1 is invalid: idle_timeout/)
    expect(await failureOf(rollBackMove(cells.directory, move.id))).toMatchObject({ code: 'no_way_back' })
    await until('somebody was told', () => said.some((line) => line.startsWith('no way back') && line.includes(move.id)), WITHIN_MS)
    const slots = () => cells.two.admin`select from pg_replication_slots where slot_name = ${streamName(move, 'back')}`
    await until('the slot is gone', async () => (await slots()).length === 0, WITHIN_MS)
    await mover.stop()
    await assertOneHome(merchant)
  })
})
