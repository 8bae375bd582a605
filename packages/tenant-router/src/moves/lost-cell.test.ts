import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { CrashPoint } from '../crash-point.ts'
import type { MerchantEntry } from '../merchant-entry.ts'
import { until } from '../test-merchants.ts'
import { abandonCell, listLeftBehind } from './lost-cell.ts'
import { cancelMove, finishMove, getMove, type Move, type MoveState, requestMove, rollBackMove } from './move.ts'
import type { Mover } from './mover.ts'
import { dieAt } from './testing/die-at.ts'
import { leftoversOfMove, reachesState } from './testing/follow-move.ts'
import { openTwoCells, type TestCell, type TwoCells } from './testing/two-cells.ts'
import { Writers, writtenNumbers } from './testing/writers.ts'

// A cell that is gone for good while a merchant moves to it, or from it. The second server is stopped, and comes back all the same.

const WITHIN_MS = 300_000

let cells: TwoCells
let mover: Mover | undefined

beforeAll(async () => {
  cells = await openTwoCells('two servers')
})
afterEach(async () => {
  await stopMover()
  await cells.second.start()
  await cells.directory`update platform.move set lease_until = 'infinity'`
})
afterAll(() => cells.close())

async function stopMover(): Promise<void> {
  await mover?.stop()
  mover = undefined
}

const ask = (merchant: MerchantEntry, toCell = cells.two) =>
  requestMove(cells.directory, { merchantId: merchant.id, toCell: toCell.name, by: null, now: new Date() })
const reaches = (move: Move, ...states: MoveState[]) => reachesState(cells, move, states)
const abandon = (move: Move) => cells.directory.begin((sql) => abandonCell(sql, move.id, cells.two.name))
const notedIn = ({ name }: TestCell, move: Move) =>
  cells.directory`select kind, name from platform.move_object where move_id = ${move.id} and cell = ${name} order by kind, name`
const leftBehind = async (move: Move) => (await listLeftBehind(cells.directory, [move.id])).map(({ kind, name }) => ({ kind, name }))

/** Where the mover died at that point, and the second server with it. */
async function losesSecondAt(point: CrashPoint, move: Move): Promise<void> {
  await dieAt(cells, point, move)
  await cells.second.stop()
}

async function stuckIn(state: MoveState, move: Move): Promise<void> {
  mover = cells.startMover()
  await until(
    `the second server is missed, while it is ${state}`,
    async () => {
      const seen = (await getMove(cells.directory, move.id))!
      return seen.state === state && (seen.failure ?? '').includes('ECONNREFUSED')
    },
    WITHIN_MS,
  )
}

/** Moved, compared there, and nobody at work on it. */
async function watched(merchant: MerchantEntry, toCell: TestCell): Promise<Move> {
  const move = await ask(merchant, toCell)
  mover = cells.startMover()
  await until('it is watched', async () => ((await getMove(cells.directory, move.id))!.figures.watched_passes ?? 0) > 0, WITHIN_MS)
  await stopMover()
  return move
}

/** What streams are made of, at the side that lives. */
async function streamsIn({ admin }: TestCell, move: Move): Promise<string[]> {
  const rows = await admin<{ name: string }[]>`
    select slot_name::text as name from pg_replication_slots union all select pubname::text from pg_publication
    union all select subname::text from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())`
  return rows.map(({ name }) => name).filter((name) => name.includes(move.id.replaceAll('-', '')))
}

async function canBeWrittenTo(merchant: MerchantEntry, home: TestCell): Promise<void> {
  const router = cells.openRouter()
  const before = (await writtenNumbers(home.admin, merchant.id)).length
  const writers = new Writers(router, merchant, 1)
  await until('something is written', async () => writers.acknowledged.length > 2)
  await writers.stop()
  expect(writers.failures).toEqual([])
  expect((await writtenNumbers(home.admin, merchant.id)).length - before).toBe(writers.acknowledged.length)
}

/** As somebody does by hand who meets that database again. */
async function removeByHand(move: Move): Promise<void> {
  const asMover = postgres(cells.two.url('souk_mover'), { max: 1, onnotice: () => {} })
  try {
    for (const { removal } of await listLeftBehind(cells.directory, [move.id])) await asMover.unsafe(removal)
  } finally {
    await asMover.end()
  }
}

const leftInDatabases = async (move: Move, home: TestCell) =>
  (await leftoversOfMove(cells, move, home)).filter((what) => !what.startsWith('noted in'))

describe('the target of a move is lost', () => {
  test('an abort that waits for it ends without it, and what is there is told', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    await losesSecondAt('move.caught_up', move)
    await cancelMove(cells.directory, move.id)
    await stuckIn('aborting', move)
    const noted = await notedIn(cells.two, move)
    expect(noted.map(({ kind }) => kind)).toEqual(['publication', 'rows', 'slot', 'subscription'])
    // While a mover is at work on it.
    await abandon(move)
    expect(await reaches(move, 'aborted')).toMatchObject({ lostCell: cells.two.name, failure: 'The cell two-1 was given up as lost.' })
    expect(await streamsIn(cells.one, move)).toEqual([])
    expect(await notedIn(cells.one, move)).toEqual([])
    expect(await leftBehind(move)).toEqual(expect.arrayContaining([...noted]))
    await canBeWrittenTo(merchant, cells.one)
    await stopMover()

    await cells.second.start()
    const [home] = await cells.two.admin`select state from tenancy.home where merchant_id = ${merchant.id}`
    expect(home).toEqual({ state: 'standby' })
    await canBeWrittenTo(merchant, cells.one)
    mover = cells.startMover()
    const refused = await ask(merchant)
    expect((await reaches(refused, 'aborted', 'watching')).failure).toMatch(/^two-1 has rows of the merchant already/)
    await removeByHand(move)
    expect(await leftInDatabases(move, cells.one)).toEqual([])
    expect(await reaches(await ask(merchant), 'aborted', 'watching')).toMatchObject({ state: 'watching', failure: null })
    expect(await cells.conflicts()).toEqual([])
  })

  test('a move that waits for it is given up with it, by a mover that has no address for it any more', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    await losesSecondAt('move.seeded', move)
    const { [cells.two.name]: _, ...addresses } = cells.addresses
    mover = cells.startMover({ cells: () => addresses })
    expect((await abandon(move)).state).toBe('aborting')
    await reaches(move, 'aborted')
    expect(await streamsIn(cells.one, move)).toEqual([])
    await canBeWrittenTo(merchant, cells.one)
    await cells.second.start()
    await removeByHand(move)
    expect(await leftInDatabases(move, cells.one)).toEqual([])
  })

  test('behind the fence: it is lifted', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    await losesSecondAt('move.fenced', move)
    await cells.directory`update platform.move set fence_until = 'infinity' where id = ${move.id}`
    expect((await abandon(move)).state).toBe('unfencing')
    const { [cells.two.name]: _, ...addresses } = cells.addresses
    mover = cells.startMover({ cells: () => addresses })
    await reaches(move, 'aborted')
    expect(await streamsIn(cells.one, move)).toEqual([])
    await canBeWrittenTo(merchant, cells.one)
  })

  test.each([
    ['move.switched', 'switched'],
    ['move.opened', 'retiring'],
  ] as const)('after the merchant has gone back (%s): the end does not wait for it', async (point, state) => {
    const merchant = await cells.addMerchant()
    const move = await watched(merchant, cells.two)
    await rollBackMove(cells.directory, move.id)
    await losesSecondAt(point, move)
    await stuckIn(state, move)
    await abandon(move)
    expect(await reaches(move, 'rolled_back')).toMatchObject({ lostCell: cells.two.name, failure: 'The cell two-1 was given up as lost.' })
    expect(await streamsIn(cells.one, move)).toEqual([])
    expect(await leftBehind(move)).toContainEqual({ kind: 'rows', name: merchant.id })
    await canBeWrittenTo(merchant, cells.one)
    await cells.second.start()
    await removeByHand(move)
    expect(await leftInDatabases(move, cells.one)).toEqual([])
  })
})

describe('the old home is lost', () => {
  test('while the move is watched: it ends, and nobody is served there when it comes back', async () => {
    const merchant = await cells.addMerchant(cells.two)
    const move = await watched(merchant, cells.one)
    await cells.second.stop()
    await stuckIn('watching', move)
    expect((await abandon(move)).state).toBe('retiring')
    expect(await reaches(move, 'done')).toMatchObject({ lostCell: cells.two.name, failure: 'The cell two-1 was given up as lost.' })
    expect(await streamsIn(cells.one, move)).toEqual([])
    expect(await leftBehind(move)).toContainEqual({ kind: 'rows', name: merchant.id })
    await canBeWrittenTo(merchant, cells.one)
    await stopMover()

    await cells.second.start()
    // By somebody who has not heard of the move.
    await canBeWrittenTo(merchant, cells.one)
    expect(await writtenNumbers(cells.two.admin, merchant.id)).toEqual([])
    // As it would be in an older copy: its own word is taken, until an admin knows better.
    const setState = (state: string) => cells.two.admin`update tenancy.home set state = ${state} where merchant_id = ${merchant.id}`
    await setState('active')
    await expect(removeByHand(move)).rejects.toThrow('the merchant is at home here, or will be')
    await setState('moved')
    await removeByHand(move)
    expect(await leftInDatabases(move, cells.one)).toEqual([])
  })

  test('while its rows were to be removed', async () => {
    const move = await watched(await cells.addMerchant(cells.two), cells.one)
    await cells.second.stop()
    await finishMove(cells.directory, move.id)
    await stuckIn('retiring', move)
    await abandon(move)
    await reaches(move, 'done')
    expect(await streamsIn(cells.one, move)).toEqual([])
  })

  test('on the way back to it: the merchant stays where it is', async () => {
    const merchant = await cells.addMerchant(cells.two)
    const move = await watched(merchant, cells.one)
    await rollBackMove(cells.directory, move.id)
    await losesSecondAt('move.fenced', move)
    mover = cells.startMover()
    await until('the fence is lifted', async () => (await getMove(cells.directory, move.id))!.state === 'rolling_back', WITHIN_MS)
    expect(await abandon(move)).toMatchObject({ state: 'retiring', direction: 'forward' })
    await reaches(move, 'done')
    expect(await streamsIn(cells.one, move)).toEqual([])
    await canBeWrittenTo(merchant, cells.one)
  })

  test('behind the fence on the way back', async () => {
    const merchant = await cells.addMerchant(cells.two)
    const move = await watched(merchant, cells.one)
    await rollBackMove(cells.directory, move.id)
    await losesSecondAt('move.fenced', move)
    expect(await abandon(move)).toMatchObject({ state: 'unfencing', direction: 'back' })
    mover = cells.startMover()
    expect(await reaches(move, 'done', 'rolled_back')).toMatchObject({ state: 'done', direction: 'forward' })
    expect(await streamsIn(cells.one, move)).toEqual([])
    await canBeWrittenTo(merchant, cells.one)
  })

  test('in the middle of the switch: it is completed without being closed there', async () => {
    const merchant = await cells.addMerchant(cells.two)
    const move = await ask(merchant, cells.one)
    await losesSecondAt('move.switched', move)
    await abandon(move)
    mover = cells.startMover()
    await reaches(move, 'done')
    expect(await streamsIn(cells.one, move)).toEqual([])
    await canBeWrittenTo(merchant, cells.one)
    await stopMover()

    await cells.second.start()
    const [home] = await cells.two.admin`select state from tenancy.home where merchant_id = ${merchant.id}`
    expect(home).toEqual({ state: 'fenced' })
    await canBeWrittenTo(merchant, cells.one)
    await removeByHand(move)
    expect(await leftInDatabases(move, cells.one)).toEqual([])
  })
})
