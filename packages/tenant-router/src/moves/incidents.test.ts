import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import type { MerchantEntry } from '../merchant-entry.ts'
import { until } from '../test-merchants.ts'
import { openSide, type Side } from './cell-sides.ts'
import { claimMove, HeldMove } from './held-move.ts'
import { cancelMove, finishMove, getMove, type Move, type MoveState, requestMove } from './move.ts'
import type { Mover } from './mover.ts'
import { dropStream, makeSlot, publish, streamName, subscribe } from './streams.ts'
import { openDeafAt } from './testing/deaf-at.ts'
import { dieAt } from './testing/die-at.ts'
import { leftoversOfMove, reachesState } from './testing/follow-move.ts'
import { openTwoCells, type TestCell, type TwoCells } from './testing/two-cells.ts'

// What happens to servers, addresses and clocks while a merchant moves. The second server is this file's own.

const WITHIN_MS = 300_000
const NOBODY = 'postgres://souk_mover:x@127.0.0.1:1/nowhere'

let cells: TwoCells
let mover: Mover | undefined

beforeAll(async () => {
  cells = await openTwoCells('two servers')
})
afterEach(async () => {
  await mover?.stop()
  mover = undefined
  // What a test leaves under way is nobody's in the next one.
  await cells.directory`update platform.move set lease_until = 'infinity'`
})
afterAll(() => cells.close())

const ask = (merchant: MerchantEntry, toCell = cells.two.name) =>
  requestMove(cells.directory, { merchantId: merchant.id, toCell, by: null, now: new Date() })

const reaches = (move: Move, ...states: MoveState[]) => reachesState(cells, move, states)
const leftoversOf = (move: Move, home: TestCell) => leftoversOfMove(cells, move, home)

const failureOfMove = async (move: Move) => (await getMove(cells.directory, move.id))!.failure ?? ''
const passesOf = async (move: Move) => (await getMove(cells.directory, move.id))!.figures.watched_passes ?? 0
const compareSoon = (move: Move) => cells.directory`update platform.move set figures = figures - 'watched_at' where id = ${move.id}`

/** Moved, compared there, and nobody at work on it. */
async function watched(merchant: MerchantEntry): Promise<Move> {
  const move = await ask(merchant)
  const first = cells.startMover()
  await until('it is watched', async () => (await passesOf(move)) > 0, WITHIN_MS)
  await first.stop()
  return move
}

describe('before anything is made', () => {
  test('pitfall 2: a role of movers whom row security holds is named', async () => {
    const merchant = await cells.addMerchant()
    await cells.two.admin`alter role souk_mover nobypassrls`
    const move = await ask(merchant)
    mover = cells.startMover()
    const aborted = await reaches(move, 'aborted', 'watching')
    await cells.two.admin`alter role souk_mover bypassrls`
    expect(aborted).toMatchObject({ state: 'aborted', failure: "The mover's role in two-1 lacks BYPASSRLS or REPLICATION." })
  })

  test('a cell whose schema is another one takes nobody: a fleet that is being migrated', async () => {
    const merchant = await cells.addMerchant()
    await cells.two.admin`insert into migration.history (set, name, checksum, duration_ms) values ('cell', '9999_tomorrow.sql', 'x', 0)`
    const move = await ask(merchant)
    mover = cells.startMover()
    const aborted = await reaches(move, 'aborted', 'watching')
    await cells.two.admin`delete from migration.history where name = '9999_tomorrow.sql'`
    expect(aborted).toMatchObject({ state: 'aborted', failure: 'one-1 and two-1 differ in their schema.' })
  })

  test('a server that has a worker for no further stream is waited for, and not found out after the copy', async () => {
    const merchant = await cells.addMerchant()
    const [{ workers } = { workers: 0 }] = await cells.two.admin<{ workers: number }[]>`
      select current_setting('max_logical_replication_workers')::int as workers`
    const names = Array.from({ length: workers }, (_, n) => `others_${n}`)
    for (const name of names)
      await cells.two.admin.unsafe(
        `create subscription ${name} connection 'dbname=x' publication x with (connect = false, slot_name = none)`,
      )
    const move = await ask(merchant)
    mover = cells.startMover()
    await until('it says why', async () => (await failureOfMove(move)).includes('max_logical_replication_workers'), WITHIN_MS)
    for (const name of names) await cells.two.admin.unsafe(`drop subscription ${name}`)
    expect(await reaches(move, 'watching', 'aborted')).toMatchObject({ state: 'watching', failure: null })
  })
})

describe('limits that a server has for its sessions', () => {
  test('are not those of a move: between two tables its transactions wait', async () => {
    const merchant = await cells.addMerchant()
    await cells.one.admin`insert into location (merchant_id, name) values (${merchant.id}, 'Kyoto')`
    const [{ name } = { name: '' }] = await cells.one.admin<{ name: string }[]>`select quote_ident(current_database()) as name`
    const limit = 'idle_in_transaction_session_timeout'
    await cells.one.admin.unsafe(`alter database ${name} set ${limit} = '20ms'`)
    try {
      const move = await ask(merchant)
      mover = cells.startMover({ limits: { workShare: 0.1 } })
      const seen = await reaches(move, 'catching_up', 'verifying', 'fencing', 'switched', 'watching', 'aborted')
      expect(seen).toMatchObject({ failure: null })
    } finally {
      await cells.one.admin.unsafe(`alter database ${name} reset ${limit}`)
    }
  })
})

describe('a marker that somebody left at the source', () => {
  test('is not taken for a row that the copy has lost', async () => {
    const merchant = await cells.addMerchant()
    await cells.one.admin`insert into tenancy.move_marker (merchant_id, id) values (${merchant.id}, 0)`
    const move = await ask(merchant)
    mover = cells.startMover()
    expect(await reaches(move, 'watching', 'aborted')).toMatchObject({ state: 'watching', failure: null })
    expect(await cells.conflicts()).toEqual([])
  })
})

describe('a database that is out of reach', () => {
  test('and was never touched holds up nobody who wants to end the move', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    mover = cells.startMover({ cells: () => ({ ...cells.addresses, [cells.two.name]: { mover: NOBODY } }) })
    await until('it cannot begin', async () => (await failureOfMove(move)) !== '', WITHIN_MS)
    await cancelMove(cells.directory, move.id)
    expect(await reaches(move, 'aborted')).toMatchObject({ failure: 'Cancelled.' })
    expect(await leftoversOf(move, cells.one)).toEqual([])
  })

  test('does not keep the log of the server where the merchant lives by a slot, once the way back is given up', async () => {
    const merchant = await cells.addMerchant()
    const move = await watched(merchant)
    const slots = () => cells.two.admin`select from pg_replication_slots where slot_name = ${streamName(move, 'back')}`
    expect(await slots()).toHaveLength(1)
    await finishMove(cells.directory, move.id)
    const blind = cells.startMover({ cells: () => ({ ...cells.addresses, [cells.one.name]: { mover: NOBODY } }) })
    await until('the slot is gone', async () => (await slots()).length === 0, WITHIN_MS)
    await blind.stop()
    expect(await getMove(cells.directory, move.id)).toMatchObject({ state: 'retiring' })
    mover = cells.startMover()
    await reaches(move, 'done')
    expect(await leftoversOf(move, cells.two)).toEqual([])
  })
})

describe('a password that changes while a move is watched', () => {
  test('is said until it is known, and told to the stream that cannot connect any more: the way back stays open', async () => {
    const merchant = await cells.addMerchant()
    const move = await watched(merchant)
    const address = new URL(cells.addresses[cells.two.name]!.mover)
    address.password = randomUUID()
    await cells.two.admin.unsafe(`alter role souk_mover password '${address.password}'`)
    await cells.two.admin`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = ${streamName(move, 'back')}`
    await cells.two.admin`update merchant_counter set order_number = 77 where merchant_id = ${merchant.id}`
    mover = cells.startMover()
    await until('it says so', async () => (await failureOfMove(move)).includes('password'), WITHIN_MS)
    cells.addresses[cells.two.name] = { mover: address.toString() }
    await until('it has nothing to say any more', async () => (await failureOfMove(move)) === '', WITHIN_MS)
    await until(
      'the old home hears of it',
      async () => (await cells.one.admin`select from merchant_counter where merchant_id = ${merchant.id} and order_number = 77`).length > 0,
      WITHIN_MS,
    )
    const before = await passesOf(move)
    await compareSoon(move)
    await until('both sides were compared again', async () => (await passesOf(move)) > before, WITHIN_MS)
    expect((await getMove(cells.directory, move.id))!.figures).toMatchObject({ can_roll_back: true })
  })
})

describe('a mover whose clock is wrong', () => {
  test('does not end the time in which a move can be taken back', async () => {
    const merchant = await cells.addMerchant()
    const move = await watched(merchant)
    const before = await passesOf(move)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3 * 24 * 60 * 60 * 1_000 })
    try {
      mover = cells.startMover({ limits: { compareEveryMs: 1 } })
      await until('it has been looked at', async () => (await passesOf(move)) > before, WITHIN_MS)
      expect(await getMove(cells.directory, move.id)).toMatchObject({ state: 'watching' })
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('several that subscribe in one database at once', () => {
  test('wait for each other', async () => {
    const merchants = await Promise.all(Array.from({ length: 5 }, () => cells.addMerchant()))
    const sides = [cells.one, cells.two].map(({ name }): Side => openSide(name, cells.addresses[name]!, 'souk-move test'))
    const [home, other] = sides as [Side, Side]
    const moves: HeldMove[] = []
    for (const merchant of merchants) {
      const { id } = await ask(merchant)
      const claimed = await claimMove(cells.directory, randomUUID(), [cells.one.name, cells.two.name], 100)
      expect(claimed!.id).toBe(id)
      await cells.directory`update platform.move set state = 'seeding' where id = ${id}`
      const [owner] = await cells.directory<{ owner: string }[]>`select lease_owner as owner from platform.move where id = ${id}`
      const held = new HeldMove(cells.directory, owner!.owner, { ...claimed!, state: 'seeding' }, new AbortController().signal, 1)
      moves.push(held)
      await held.takeNumber()
      await other.sql`select tenancy.expect(${merchant.id}, 1, ${held.number})`
      await publish(held, streamName(held.move, 'forward'), home)
      await makeSlot(held, streamName(held.move, 'forward'), home)
    }
    try {
      const outcomes = await Promise.allSettled(moves.map((held) => subscribe(held, streamName(held.move, 'forward'), home, other)))
      expect(outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [String(outcome.reason)] : []))).toEqual([])
    } finally {
      for (const held of moves) {
        await dropStream(held, streamName(held.move, 'forward'), sides)
        held.stop()
      }
      await cells.two.admin`delete from tenancy.home where merchant_id = any(${merchants.map(({ id }) => id)})`
      await cells.directory`delete from platform.move where id = any(${moves.map(({ move }) => move.id)})`
      await Promise.all(sides.map(({ sql }) => sql.end()))
    }
  })
})

describe('a database that takes what it is sent and does not answer', () => {
  test('holds up no move for ever: what waits for it is left, and begun again', async () => {
    const merchant = await cells.addMerchant()
    const proxy = await openDeafAt('tenancy.expect', cells.addresses[cells.two.name]!.mover)
    try {
      const move = await ask(merchant)
      const address = () => (proxy.deaf() ? cells.addresses[cells.two.name]! : { mover: proxy.address })
      mover = cells.startMover({ cells: () => ({ ...cells.addresses, [cells.two.name]: address() }), limits: { silentAfterMs: 5_000 } })
      expect(await reaches(move, 'watching', 'aborted')).toMatchObject({ state: 'watching', failure: null })
      expect(proxy.deaf()).toBe(true)
    } finally {
      proxy.close()
    }
  })

  test('holds up no process that ends', async () => {
    const merchant = await cells.addMerchant()
    const proxy = await openDeafAt('tenancy.expect', cells.addresses[cells.two.name]!.mover)
    try {
      const move = await ask(merchant)
      const waiting = cells.startMover({ cells: () => ({ ...cells.addresses, [cells.two.name]: { mover: proxy.address } }) })
      await until('it waits for an answer', async () => proxy.deaf(), WITHIN_MS)
      await waiting.stop()
      expect(await cells.directory`select state, lease_owner, failure from platform.move where id = ${move.id}`).toEqual([
        { state: 'seeding', lease_owner: null, failure: expect.stringContaining('does not answer') },
      ])
      await cancelMove(cells.directory, move.id)
      mover = cells.startMover()
      await reaches(move, 'aborted')
    } finally {
      proxy.close()
    }
  })

  test('keeps nobody else behind a fence whose mover has died, while it keeps a switch from being completed', async () => {
    const proxy = await openDeafAt('tenancy.arrive', cells.addresses[cells.two.name]!.mover)
    const [stuck, other] = [await cells.addMerchant(), await cells.addMerchant()]
    const [stuckMove, otherMove] = [await ask(stuck), await ask(other)]
    await cells.directory`update platform.move set lease_until = 'infinity' where id = ${stuckMove.id}`
    await dieAt(cells, 'move.fenced', otherMove)
    await cells.directory`
      update platform.move set lease_until = 'infinity', fence_until = case when id = ${otherMove.id} then 'infinity' else fence_until end
      where id in (${stuckMove.id}, ${otherMove.id})`
    await cells.directory`update platform.move set state = 'switched', fence = 1, state_since = '-infinity' where id = ${stuckMove.id}`
    mover = cells.startMover({ cells: () => ({ ...cells.addresses, [cells.two.name]: { mover: proxy.address } }) })
    await until('the watchdog waits for an answer', async () => proxy.deaf(), WITHIN_MS)
    await cells.directory`update platform.move set fence_until = now() where id = ${otherMove.id}`
    await reaches(otherMove, 'catching_up')
    await mover.stop()
    mover = undefined
    proxy.close()
    await cells.directory`delete from platform.move where id = ${stuckMove.id}`
    await cancelMove(cells.directory, otherMove.id)
    await cells.directory`update platform.move set lease_owner = null, lease_until = '-infinity' where id = ${otherMove.id}`
    mover = cells.startMover()
    await reaches(otherMove, 'aborted')
  })
})
