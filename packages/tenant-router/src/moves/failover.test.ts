import type { Standby } from '@souk/local-postgres/testing/standby.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MerchantEntry } from '../merchant-entry.ts'
import { failureOf, until } from '../test-merchants.ts'
import { finishMove, getMove, type Move, type MoveState, requestMove, rollBackMove } from './move.ts'
import type { Mover } from './mover.ts'
import { dieAt } from './testing/die-at.ts'
import { leftoversOfMove, reachesState } from './testing/follow-move.ts'
import { openTwoCells, type TestCell, type TwoCells } from './testing/two-cells.ts'
import { Writers, writtenNumbers } from './testing/writers.ts'

// A standby that takes over while a merchant moves, and lacks the last that its primary had confirmed. The second server fails over.

const WITHIN_MS = 300_000

let cells: TwoCells
let standby: Standby
let mover: Mover | undefined

beforeEach(async () => {
  cells = await openTwoCells('two servers')
  standby = await cells.second.startStandby()
})
afterEach(async () => {
  await mover?.stop()
  mover = undefined
  await cells.close()
  await standby.stop()
})

const ask = (merchant: MerchantEntry, toCell: TestCell) =>
  requestMove(cells.directory, { merchantId: merchant.id, toCell: toCell.name, by: null, now: new Date() })
const reaches = (move: Move, ...states: MoveState[]) => reachesState(cells, move, states)
const seen = async (move: Move) => (await getMove(cells.directory, move.id))!

async function write(merchant: MerchantEntry): Promise<bigint[]> {
  const writers = new Writers(cells.openRouter(), merchant, 1)
  await until('something is written', async () => writers.acknowledged.length > 5, WITHIN_MS)
  await writers.stop()
  expect(writers.failures).toEqual([])
  return writers.acknowledged
}

/** Somebody is inside, so that no fence comes. */
function staysInside(merchant: MerchantEntry): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const inside = cells.one.admin.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock_shared(hashtextextended(${merchant.id}, 4242))`
    await promise
  })
  return async () => {
    resolve()
    await inside
  }
}

async function homeThere(merchant: MerchantEntry) {
  return (await cells.two.admin`select state, epoch::int from tenancy.home where merchant_id = ${merchant.id}`)[0]
}

/** Somebody has moved away from the second server, which is back at a moment before that and knows of no move. */
async function goesBackWhileWatched() {
  const merchant = await cells.addMerchant(cells.two)
  const move = await ask(merchant, cells.one)
  await dieAt(cells, 'move.verified', move)
  await standby.caughtUp()
  await standby.cutOff()
  const first = cells.startMover()
  await until('it is watched', async () => ((await seen(move)).figures.watched_passes ?? 0) > 0, WITHIN_MS)
  await first.stop()
  const written = await write(merchant)
  await standby.takeOver()
  expect(await homeThere(merchant)).toEqual({ state: 'active', epoch: 1 })
  return { merchant, move, written }
}

describe('the target fails over', () => {
  test('and lacks what was compared before: it is compared again, and nobody moves to what is not whole', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant, cells.two)
    await dieAt(cells, 'move.caught_up', move)
    await standby.caughtUp()
    await standby.cutOff()
    const written = await write(merchant)
    const leave = staysInside(merchant)
    mover = cells.startMover()
    await until('it was compared', async () => ((await seen(move)).failure ?? '').includes('longer than writers may be kept'), WITHIN_MS)
    await standby.takeOver()
    await leave()
    expect(await reaches(move, 'aborted', 'watching')).toMatchObject({ state: 'aborted', failure: expect.stringContaining('event') })
    expect(await writtenNumbers(cells.one.admin, merchant.id)).toEqual(written)
    await write(merchant)
    expect(await leftoversOfMove(cells, move, cells.one)).toEqual([])
  })
})

describe('the home fails over', () => {
  test('before the switch: the slot is gone with it, the move says so, and the merchant stays', async () => {
    const merchant = await cells.addMerchant(cells.two)
    const move = await ask(merchant, cells.one)
    await dieAt(cells, 'move.caught_up', move)
    const written = await write(merchant)
    await standby.caughtUp()
    await standby.takeOver()
    mover = cells.startMover()
    expect(await reaches(move, 'aborted', 'watching')).toMatchObject({
      state: 'aborted',
      failure: expect.stringContaining('the slot in two-1 is gone'),
    })
    expect(await writtenNumbers(cells.two.admin, merchant.id)).toEqual(written)
    await write(merchant)
    expect(await leftoversOfMove(cells, move, cells.two)).toEqual([])
  })

  test('behind its fence, which it does not know of: nobody switches, and the merchant stays', async () => {
    const merchant = await cells.addMerchant(cells.two)
    const move = await ask(merchant, cells.one)
    await dieAt(cells, 'move.verified', move)
    await standby.caughtUp()
    await standby.cutOff()
    await dieAt(cells, 'move.marker_arrived', move)
    await standby.takeOver()
    const written = await write(merchant)
    mover = cells.startMover()
    expect(await reaches(move, 'aborted', 'watching')).toMatchObject({ state: 'aborted' })
    expect(await writtenNumbers(cells.two.admin, merchant.id)).toEqual(written)
    await write(merchant)
    expect(await leftoversOfMove(cells, move, cells.two)).toEqual([])
  })

  test('when the directory has switched: the switch is completed, and the old home is closed', async () => {
    const merchant = await cells.addMerchant(cells.two)
    const move = await ask(merchant, cells.one)
    await dieAt(cells, 'move.verified', move)
    await standby.caughtUp()
    await standby.cutOff()
    await dieAt(cells, 'move.switched', move)
    await standby.takeOver()
    expect(await homeThere(merchant)).toEqual({ state: 'active', epoch: 1 })
    mover = cells.startMover()
    expect(await reaches(move, 'watching', 'aborted')).toMatchObject({ state: 'watching' })
    await until('it is closed', async () => (await homeThere(merchant))?.state === 'moved', WITHIN_MS)
    await write(merchant)
    await finishMove(cells.directory, move.id)
    await reaches(move, 'done')
    expect(await leftoversOfMove(cells, move, cells.one)).toEqual([])
  })

  test('to a moment before the switch: it is closed again, and there is no way back to it', async () => {
    const { merchant, move, written } = await goesBackWhileWatched()
    mover = cells.startMover()
    await until('it is closed', async () => (await homeThere(merchant))?.state === 'moved', WITHIN_MS)
    await until('it is told', async () => (await seen(move)).figures.can_roll_back === false, WITHIN_MS)
    expect((await seen(move)).failure).toMatch(/two-1 .* before the switch/)
    expect(await failureOf(rollBackMove(cells.directory, move.id))).toMatchObject({ code: 'no_way_back' })
    expect(await writtenNumbers(cells.one.admin, merchant.id)).toEqual(written)
    await write(merchant)
  })

  test('to a moment before the switch, of a move that is at its end: it is closed, and cleared', async () => {
    const { merchant, move, written } = await goesBackWhileWatched()
    await finishMove(cells.directory, move.id)
    mover = cells.startMover()
    await reaches(move, 'done')
    expect(await leftoversOfMove(cells, move, cells.one)).toEqual([])
    expect(await writtenNumbers(cells.one.admin, merchant.id)).toEqual(written)
    await write(merchant)
  })
})
