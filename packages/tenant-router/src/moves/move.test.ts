import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MerchantEntry } from '../merchant-entry.ts'
import { CELL, failureOf, openTestHouse, type TestHouse } from '../test-merchants.ts'
import { abandonCell, listLeftBehind } from './lost-cell.ts'
import { cancelMove, finishMove, getMove, listMoves, type Move, type MoveState, requestMove, rollBackMove } from './move.ts'

let house: TestHouse
let platform: TestHouse['admin']

beforeAll(async () => {
  house = await openTestHouse()
  platform = house.admin
  await house.admin`insert into platform.cell (name, kind, status) values
    ('shared-2', 'shared', 'open'), ('big-1', 'dedicated', 'open'), ('old-1', 'shared', 'draining')`
})
afterAll(() => house.close())

async function addMerchant(): Promise<MerchantEntry> {
  const [merchant] = await house.addMerchants(1)
  return merchant!
}

const ask = (merchantId: string, toCell = 'shared-2') => requestMove(platform, { merchantId, toCell, by: null, now: new Date(1_000) })
const put = (id: string, state: MoveState) => house.admin`update platform.move set state = ${state} where id = ${id}`

describe('a request for a move', () => {
  test('notes where the merchant is, at which epoch, and where it is to go', async () => {
    const merchant = await addMerchant()
    const move = await ask(merchant.id)
    expect(move).toMatchObject({
      merchantId: merchant.id,
      fromCell: CELL,
      toCell: 'shared-2',
      state: 'requested',
      direction: 'forward',
      epoch: 1n,
      requestedAt: new Date(1_000),
      failure: null,
      figures: {},
    })
    expect(await getMove(platform, move.id)).toEqual(move)
  })

  test('is refused while another move of the merchant has not ended, and granted afterwards', async () => {
    const merchant = await addMerchant()
    const move = await ask(merchant.id)
    expect(await failureOf(ask(merchant.id))).toMatchObject({ name: 'MoveRefusal', code: 'already_moving' })
    await put(move.id, 'rolled_back')
    expect((await ask(merchant.id)).id).not.toBe(move.id)
  })

  test.each([
    ['old-1', 'cell_closed'],
    ['nowhere', 'cell_unknown'],
    [CELL, 'already_there'],
  ])('to %s is refused: %s', async (cell, code) => {
    const merchant = await addMerchant()
    expect(await failureOf(ask(merchant.id, cell))).toMatchObject({ code })
  })

  test('for nobody is refused', async () => {
    expect(await failureOf(ask('00000000-0000-0000-0000-000000000001'))).toMatchObject({ code: 'merchant_unknown' })
  })

  test('to a dedicated cell is granted to one merchant', async () => {
    const [one, other] = [await addMerchant(), await addMerchant()]
    await ask(one.id, 'big-1')
    expect(await failureOf(ask(other.id, 'big-1'))).toMatchObject({ code: 'cell_taken' })
  })
})

describe('a wish about a move', () => {
  const STATES: MoveState[] = ['requested', 'preflight', 'seeding', 'catching_up', 'verifying', 'fencing', 'switched', 'watching', 'done']

  test.each([
    { wish: 'cancel', act: cancelMove, granted: ['requested', 'preflight', 'seeding', 'catching_up', 'verifying'], to: 'aborting' },
    { wish: 'roll back', act: rollBackMove, granted: ['watching'], to: 'rolling_back' },
    { wish: 'finish', act: finishMove, granted: ['watching'], to: 'retiring' },
  ])('$wish is granted in $granted alone', async ({ act, granted, to }) => {
    const { id } = await ask((await addMerchant()).id)
    for (const state of STATES) {
      await put(id, state)
      const outcome = await act(platform, id).then(
        (move) => move.state,
        (error) => error.name,
      )
      expect([state, outcome]).toEqual([state, granted.includes(state) ? to : 'MoveRefusal'])
    }
  })

  test('to roll back is refused when the old home is not up to date any more', async () => {
    const { id } = await ask((await addMerchant()).id)
    await house.admin`update platform.move set state = 'watching', figures = '{"can_roll_back": false}' where id = ${id}`
    expect(await failureOf(rollBackMove(platform, id))).toMatchObject({ code: 'no_way_back' })
  })

  test('about a move that does not exist is refused', async () => {
    expect(await failureOf(cancelMove(platform, '00000000-0000-0000-0000-000000000001'))).toMatchObject({ code: 'move_unknown' })
  })
})

describe('a cell that is gone for good', () => {
  const OF: Record<string, string> = { target: 'shared-2', source: CELL }
  const abandon = (move: Move, cell: string) => platform.begin((sql) => abandonCell(sql, move.id, OF[cell] ?? cell))
  const putIn = async (state: MoveState, direction: Move['direction']) => {
    const move = await ask((await addMerchant()).id)
    await house.admin`
      update platform.move set state = ${state}, direction = ${direction}, lease_owner = gen_random_uuid(), lease_until = 'infinity' where id = ${move.id}`
    return move
  }

  test.each([
    ['requested', 'forward', 'target', 'aborting'],
    ['preflight', 'forward', 'target', 'aborting'],
    ['seeding', 'forward', 'target', 'aborting'],
    ['catching_up', 'forward', 'target', 'aborting'],
    ['verifying', 'forward', 'target', 'aborting'],
    ['fencing', 'forward', 'target', 'unfencing'],
    ['unfencing', 'forward', 'target', 'unfencing'],
    ['aborting', 'forward', 'target', 'aborting'],
    ['switched', 'forward', 'source', 'switched'],
    ['watching', 'forward', 'source', 'retiring'],
    ['retiring', 'forward', 'source', 'retiring'],
    ['rolling_back', 'back', 'source', 'retiring'],
    ['fencing', 'back', 'source', 'unfencing'],
    ['unfencing', 'back', 'source', 'unfencing'],
    ['switched', 'back', 'target', 'switched'],
    ['retiring', 'back', 'target', 'retiring'],
  ] as const)('takes a move that is %s (%s) and has lost its %s on as %s; the other cell is refused: it is home', async (...given) => {
    const [state, direction, lost, next] = given
    const move = await putIn(state, direction)
    expect(await failureOf(abandon(move, lost === 'target' ? 'source' : 'target'))).toMatchObject({ code: 'lives_there' })
    const abandoned = await abandon(move, lost)
    const endsForward = state === 'rolling_back' ? 'forward' : direction
    expect(abandoned).toMatchObject({ lostCell: OF[lost], state: next, direction: endsForward })
    expect(await getMove(platform, move.id)).toEqual(abandoned)
    const [lease] = await house.admin`select lease_owner as owner, lease_until <= now() as due from platform.move where id = ${move.id}`
    expect(lease).toEqual({ owner: null, due: true })
    expect(await failureOf(abandon(move, lost))).toMatchObject({ code: 'already_lost' })
  })

  test.each(['done', 'aborted', 'rolled_back'] as const)('is nothing to a move that is %s', async (state) => {
    const move = await putIn(state, 'forward')
    for (const cell of ['target', 'source']) expect(await failureOf(abandon(move, cell))).toMatchObject({ code: 'has_ended' })
  })

  test('is nothing to a move between others, and to none that there is not', async () => {
    const move = await putIn('aborting', 'forward')
    expect(await failureOf(abandon(move, 'old-1'))).toMatchObject({ code: 'not_of_the_move' })
    expect(await failureOf(abandon({ ...move, id: '00000000-0000-0000-0000-000000000001' }, 'target'))).toMatchObject({
      code: 'move_unknown',
    })
  })

  test('leaves what was noted there, and the rows of a merchant who lived there', async () => {
    const note = (move: Move, cell: string, kind: string, name: string) =>
      house.admin`insert into platform.move_object (move_id, cell, kind, name) values (${move.id}, ${cell}, ${kind}, ${name})`
    const left = async (move: Move) => (await listLeftBehind(platform, [move.id])).map(({ kind, name }) => [kind, name])
    const aborted = await putIn('aborting', 'forward')
    await note(aborted, 'shared-2', 'slot', 'theirs')
    await note(aborted, CELL, 'slot', 'ours')
    expect(await left(aborted)).toEqual([])
    await abandon(aborted, 'target')
    expect(await left(aborted)).toEqual([['slot', 'theirs']])
    const retired = await putIn('watching', 'forward')
    await note(retired, CELL, 'publication', 'theirs')
    await abandon(retired, 'source')
    expect(await left(retired)).toEqual([
      ['publication', 'theirs'],
      ['rows', retired.merchantId],
    ])
  })
})

test('moves are listed newest first, in pages, by merchant and by what has not ended', async () => {
  const merchant = await addMerchant()
  const first = await ask(merchant.id)
  await put(first.id, 'aborted')
  const second = await ask(merchant.id)
  const ids = async (filter: Parameters<typeof listMoves>[1]) =>
    (await listMoves(platform, { merchantId: merchant.id, ...filter })).map((move) => move.id)
  expect(await ids({})).toEqual([second.id, first.id])
  expect(await ids({ limit: 1 })).toEqual([second.id])
  expect(await ids({ after: second.id })).toEqual([first.id])
  expect(await ids({ unfinished: true })).toEqual([second.id])
  expect(await ids({ cell: 'old-1' })).toEqual([])
})
