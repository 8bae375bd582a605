import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { MerchantEntry } from '../merchant-entry.ts'
import { failureOf, until } from '../test-merchants.ts'
import { claimMove, HeldMove, type MoverMove, StateChanged } from './held-move.ts'
import { cancelMove, getMove, type Move, type MoveState, requestMove, rollBackMove } from './move.ts'
import type { Mover } from './mover.ts'
import { dieAt } from './testing/die-at.ts'
import { reachesState } from './testing/follow-move.ts'
import { openTwoCells, type TwoCells } from './testing/two-cells.ts'

const WITHIN_MS = 300_000

let cells: TwoCells
let mover: Mover | undefined

beforeAll(async () => {
  cells = await openTwoCells('one server')
})
afterEach(async () => {
  await mover?.stop()
  mover = undefined
})
afterAll(() => cells.close())

const ask = (merchant: MerchantEntry) =>
  requestMove(cells.directory, { merchantId: merchant.id, toCell: cells.two.name, by: null, now: new Date() })

const reaches = (move: Move, ...states: MoveState[]) => reachesState(cells, move, states)

describe('before anything is made', () => {
  test('pitfall 8: rows that the target has already are seen, named, and left alone', async () => {
    const merchant = await cells.addMerchant()
    await cells.two.admin`insert into merchant_counter (merchant_id, order_number) values (${merchant.id}, 7)`
    const move = await ask(merchant)
    mover = cells.startMover()
    const aborted = await reaches(move, 'aborted', 'watching')
    expect(aborted).toMatchObject({ state: 'aborted', failure: expect.stringContaining('merchant_counter') })
    expect(await cells.two.admin`select order_number::int as number from merchant_counter where merchant_id = ${merchant.id}`).toEqual([
      { number: 7 },
    ])
    await cells.two.admin`delete from merchant_counter where merchant_id = ${merchant.id}`
    expect(await cells.leftovers(merchant.id, cells.one)).toEqual([])
  })

  test('pitfall 3: a table whose replica identity lacks the merchant stops the move, and no merchant', async () => {
    const merchant = await cells.addMerchant()
    await cells.one.admin`alter table location replica identity nothing`
    const move = await ask(merchant)
    mover = cells.startMover()
    const aborted = await reaches(move, 'aborted', 'watching')
    await cells.one.admin`alter table location replica identity default`
    expect(aborted).toMatchObject({ state: 'aborted', failure: expect.stringContaining('location') })
  })

  test('a transaction that has been writing for too long is named and waited for: a slot would wait for it', async () => {
    const merchant = await cells.addMerchant()
    let move: Move | undefined
    await cells.one.admin.begin(async (sql) => {
      await sql`insert into tenancy.move_marker (merchant_id, id) values (${merchant.id}, 0)`
      await sql`select pg_sleep(1.1)`
      move = await ask(merchant)
      mover = cells.startMover({ limits: { writerAgeMaxMs: 1_000 } })
      const failure = async () => (await getMove(cells.directory, move!.id))!.failure ?? ''
      await until('it waits', async () => /has been writing for \d+ s/.test(await failure()), 30_000)
      expect(await cells.one.admin`select 1 from pg_publication where pubname like ${`%${move.id.replaceAll('-', '')}%`}`).toEqual([])
      await sql`delete from tenancy.move_marker where merchant_id = ${merchant.id}`
    })
    expect(await reaches(move!, 'watching', 'aborted')).toMatchObject({ state: 'watching', failure: null })
    await rollBackMove(cells.directory, move!.id)
    await reaches(move!, 'rolled_back')
  })

  test('at most so many moves feed on one source: a further one waits for its turn', async () => {
    const merchants = [await cells.addMerchant(), await cells.addMerchant(), await cells.addMerchant()]
    const [first, , third] = [await ask(merchants[0]!), await ask(merchants[1]!), await ask(merchants[2]!)]
    await cells.directory`
      update platform.move set state = 'seeding', lease_until = 'infinity' where merchant_id in (${merchants[0]!.id}, ${merchants[1]!.id})`
    const claim = () => claimMove(cells.directory, '00000000-0000-0000-0000-000000000001', [cells.one.name, cells.two.name], 2)
    expect(await claim()).toBeUndefined()
    await cells.directory`update platform.move set state = 'watching' where id = ${first.id}`
    expect(await claim()).toMatchObject({ id: third.id })
    await cells.directory`delete from platform.move where merchant_id = any(${merchants.map(({ id }) => id)})`
  })
})

describe('what is published', () => {
  test('pitfalls 4, 6 and 16: every table of merchants and the markers, nothing local, and no TRUNCATE', async () => {
    const merchant = await cells.addMerchant()
    await dieAt(cells, 'move.subscribed', await ask(merchant))
    const [publication] = await cells.one.admin`
      select pubtruncate as truncate, pubinsert and pubupdate and pubdelete as changes from pg_publication where pubname like 'souk_move_%'`
    expect(publication).toEqual({ truncate: false, changes: true })
    const published = await cells.one.admin`
      select prrelid::regclass::text as name from pg_publication_rel where strpos(pg_get_expr(prqual, prrelid), ${merchant.id}) > 0`
    const tables = await cells.one.admin`
      select c.oid::regclass::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'merchant_id'
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`
    const names = (rows: readonly { name?: string }[]) => rows.map(({ name }) => name).sort()
    expect(names(published)).toEqual(names([...tables, { name: 'tenancy.move_marker' }]))
  })

  test('and a move that is cancelled half way leaves nothing of that', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    await dieAt(cells, 'move.caught_up', move)
    await cancelMove(cells.directory, move.id)
    mover = cells.startMover()
    expect(await reaches(move, 'aborted', 'watching')).toMatchObject({ state: 'aborted' })
    const [home] = await cells.one.admin`select state, epoch::int as epoch from tenancy.home where merchant_id = ${merchant.id}`
    expect(home).toEqual({ state: 'active', epoch: 1 })
    expect((await cells.leftovers(merchant.id, cells.one)).filter((what) => what.includes(move.id.replaceAll('-', '')))).toEqual([])
  })
})

describe('pitfall 10: a transaction of the merchant that goes on for longer than writers may wait', () => {
  test('stops the fence, not the merchant: the fence is lifted, writers are served, and it is tried again', async () => {
    const merchant = await cells.addMerchant()
    const router = cells.openRouter()
    const move = await ask(merchant)
    let finish = () => {}
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const long = cells.one.admin.begin(async (sql) => {
      await sql`select pg_advisory_xact_lock_shared(hashtextextended(${merchant.id}, 4242))`
      await finished
    })
    mover = cells.startMover()
    await until(
      'a fence was given up',
      async () => ((await getMove(cells.directory, move.id))!.failure ?? '').includes('longer than writers may be kept waiting'),
      WITHIN_MS,
    )
    await until(
      'the merchant can be written to',
      () =>
        router
          .inMerchant(merchant)((tx) => tx.sql`update merchant_counter set order_number = 1 where merchant_id = ${tx.merchantId}`)
          .then(
            () => true,
            () => false,
          ),
      WITHIN_MS,
    )
    finish()
    await long
    expect(await reaches(move, 'watching', 'aborted')).toMatchObject({ state: 'watching', failure: null })
    expect((await getMove(cells.directory, move.id))!.figures.fence_attempts).toBeGreaterThan(1)
  })
})

describe('a copy that does not come on', () => {
  /** Nobody can write to a table of the target until this is ended. */
  async function lockTarget(table: string): Promise<{ end(): Promise<void> }> {
    const connection = await cells.two.admin.reserve()
    await connection`begin`
    await connection.unsafe(`lock table ${table} in exclusive mode`)
    return {
      end: async () => {
        await connection`rollback`
        connection.release()
      },
    }
  }
  const isCopying = async (table: string) => {
    const waiting = await cells.two.admin`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like ${`copy public.${table} %`}`
    return waiting.length > 0
  }

  test('is ended in the middle of a table when the move is cancelled, whatever it waits for', async () => {
    const merchant = await cells.addMerchant()
    const lock = await lockTarget('merchant_counter')
    const move = await ask(merchant)
    mover = cells.startMover()
    await until('it copies', () => isCopying('merchant_counter'), WITHIN_MS)
    await cancelMove(cells.directory, move.id)
    expect(await reaches(move, 'aborted', 'watching')).toMatchObject({ state: 'aborted', failure: 'Cancelled.' })
    expect(await isCopying('merchant_counter')).toBe(false)
    await lock.end()
    expect((await cells.leftovers(merchant.id, cells.one)).filter((what) => what.includes(move.id.replaceAll('-', '')))).toEqual([])
  })

  test('is given up after a while, and begun again', async () => {
    const merchant = await cells.addMerchant()
    const lock = await lockTarget('merchant_counter')
    const move = await ask(merchant)
    mover = cells.startMover({ limits: { stalledAfterMs: 500 } })
    await until(
      'it is given up',
      async () => (await getMove(cells.directory, move.id))!.failure === 'Nothing came through the copy any more.',
      WITHIN_MS,
    )
    await lock.end()
    expect(await reaches(move, 'aborted', 'watching')).toMatchObject({ state: 'watching' })
  })
})

describe('pitfall 39: content that differs where counts do not', () => {
  test('one byte in the old home is found: table and bucket are named, and there is no way back to it', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    mover = cells.startMover()
    await until(
      'both sides were compared',
      async () => ((await getMove(cells.directory, move.id))!.figures.watched_passes ?? 0) > 0,
      WITHIN_MS,
    )
    await cells.one.admin`update merchant_counter set order_number = order_number + 1 where merchant_id = ${merchant.id}`
    await cells.directory`update platform.move set figures = figures - 'watched_at' where id = ${move.id}`
    await until('it is seen', async () => (await getMove(cells.directory, move.id))!.figures.can_roll_back === false, WITHIN_MS)
    expect((await getMove(cells.directory, move.id))!.failure).toMatch(/merchant_counter differs in bucket \d+/)
    expect(await failureOf(rollBackMove(cells.directory, move.id))).toMatchObject({ code: 'no_way_back' })
  })
})

describe('a mover who comes late', () => {
  const MERCHANT = '00000000-0000-7000-8000-0000000000aa'
  const call = (text: string) => cells.two.admin.unsafe(text.replaceAll('$m', `'${MERCHANT}'`))
  const home = async () => {
    const [row] = await call('select state, epoch::int as epoch, fence::int as fence from tenancy.home where merchant_id = $m')
    return row
  }

  afterEach(() => call('delete from tenancy.home where merchant_id = $m; delete from tenancy.move_marker where merchant_id = $m'))

  test('puts up no fence that was lifted before, and lifts no later one', async () => {
    await call(`insert into tenancy.home (merchant_id, epoch, state) values ($m, 4, 'active')`)
    await call('select tenancy.lift_fence($m, 7)')
    expect(await failureOf(call('select tenancy.fence($m, 4, 7)'))).toMatchObject({ code: 'MV003' })
    await call('select tenancy.fence($m, 4, 8)')
    await call('select tenancy.lift_fence($m, 7)')
    expect(await home()).toEqual({ state: 'fenced', epoch: 4, fence: 8 })
    await call('select tenancy.lift_fence($m, 8)')
    expect(await home()).toEqual({ state: 'active', epoch: 4, fence: 8 })
  })

  test('puts up no fence while a writer is inside, also if it did not wait before', async () => {
    await call(`insert into tenancy.home (merchant_id, epoch, state) values ($m, 4, 'active')`)
    await cells.two.admin.begin(async (sql) => {
      await sql`select pg_advisory_xact_lock_shared(hashtextextended(${MERCHANT}, 4242))`
      expect(await failureOf(call('select tenancy.fence($m, 4, 40)'))).toMatchObject({ code: '55P03' })
    })
    await call('select tenancy.fence($m, 4, 40)')
  })

  test('fences no other epoch, opens nothing without its marker, and nothing that has gone on', async () => {
    await call(`insert into tenancy.home (merchant_id, epoch, state) values ($m, 4, 'standby')`)
    expect(await failureOf(call('select tenancy.fence($m, 4, 9)'))).toMatchObject({ code: 'MV003' })
    expect(await failureOf(call('select tenancy.arrive($m, 5, 9)'))).toMatchObject({ code: 'MV004' })
    await call('insert into tenancy.move_marker values ($m, 9)')
    await call('select tenancy.arrive($m, 5, 9)')
    expect(await home()).toMatchObject({ state: 'active', epoch: 5 })
    expect(await failureOf(call('select tenancy.fence($m, 4, 10)'))).toMatchObject({ code: 'MV003' })
    await call('select tenancy.fence($m, 5, 11)')
    await call('select tenancy.depart($m, 6)')
    // Long ago, and asked for once more.
    await call('select tenancy.arrive($m, 5, 9)')
    expect(await home()).toMatchObject({ state: 'moved', epoch: 6 })
  })

  test('removes nothing of a merchant who is at home, or expected by a later move', async () => {
    await call(`insert into tenancy.home (merchant_id, epoch, state) values ($m, 4, 'active')`)
    expect(await failureOf(call('select tenancy.forget($m, 99)'))).toMatchObject({ code: 'MV003' })
    await call('delete from tenancy.home where merchant_id = $m')
    await call('select tenancy.expect($m, 4, 12)')
    expect(await failureOf(call('select tenancy.assert_removable($m, 11)'))).toMatchObject({ code: 'MV003' })
    expect(await failureOf(call('select tenancy.forget($m, 11)'))).toMatchObject({ code: 'MV003' })
    expect(await failureOf(call('select tenancy.hold_number($m, 11)'))).toMatchObject({ code: 'MV005' })
    await call('select tenancy.forget($m, 12)')
    expect(await home()).toBeUndefined()
  })

  test('closes no home of a later epoch, and leaves alone one that somebody is expected in', async () => {
    await call(`insert into tenancy.home (merchant_id, epoch, state) values ($m, 4, 'active')`)
    await call('select tenancy.fence($m, 4, 20)')
    await call('select tenancy.depart($m, 4)')
    expect(await home()).toMatchObject({ state: 'fenced', epoch: 4 })
    await call('select tenancy.depart($m, 5)')
    expect(await home()).toMatchObject({ state: 'moved', epoch: 5 })
    await call('delete from tenancy.home where merchant_id = $m')
    await call('select tenancy.expect($m, 4, 21)')
    await call('select tenancy.depart($m, 5)')
    expect(await home()).toMatchObject({ state: 'standby', epoch: 4 })
  })

  test('removes nothing whose changes are sent elsewhere: there they would be removed too', async () => {
    const name = `souk_move_${'0'.repeat(32)}_back`
    await call(`insert into tenancy.home (merchant_id, epoch, state) values ($m, 4, 'moved')`)
    await call(`select tenancy.publish($m, '${name}')`)
    expect(await failureOf(call('select tenancy.assert_removable($m, 1)'))).toMatchObject({ code: 'MV003' })
    await call(`select tenancy.unpublish('${name}')`)
    await call('select tenancy.assert_removable($m, 1)')
  })

  test('waits until what it was told to stop has been stopped, and then makes nothing more', async () => {
    await call(`insert into tenancy.home (merchant_id, epoch, state) values ($m, 4, 'active')`)
    await call('select tenancy.supersede($m, 30)')
    expect(await failureOf(call('select tenancy.hold_number($m, 29)'))).toMatchObject({ code: 'MV005' })
    await call('select tenancy.hold_number($m, 30)')
    // A fence that stands keeps its number: it is lifted by that.
    await call('select tenancy.fence($m, 4, 31)')
    await call('select tenancy.supersede($m, 32)')
    expect(await home()).toMatchObject({ state: 'fenced', fence: 31 })
  })

  describe('in the directory', () => {
    const LATE = '00000000-0000-0000-0000-0000000000bb'

    /** A move that could be switched right now. */
    async function fenced(): Promise<{ merchant: MerchantEntry; move: Move; owner: string }> {
      const merchant = await cells.addMerchant()
      const move = await ask(merchant)
      const owner = '00000000-0000-0000-0000-0000000000aa'
      await cells.directory`
        update platform.move set state = 'fencing', fence = 7, fence_until = now() + interval '1 hour', lease_owner = ${owner}, lease_until = 'infinity'
        where id = ${move.id}`
      return { merchant, move, owner }
    }
    const switchHome = (move: Move, fence: number, owner: string) =>
      cells.directory`select platform.switch_home(${move.id}, ${fence}, ${owner}, interval '1 day')`
    const homeOf = async ({ id }: MerchantEntry) => {
      const [row] = await cells.directory`select cell, epoch::int as epoch from platform.home where merchant_id = ${id}`
      return `${row!.cell} ${row!.epoch}`
    }
    const forget = (move: Move) => cells.directory`delete from platform.move where id = ${move.id}`

    test('switches nothing with another fence, as another mover, in another state, or when its time is over; and once', async () => {
      const { merchant, move, owner } = await fenced()
      expect(await failureOf(switchHome(move, 6, owner))).toMatchObject({ code: 'MV005' })
      expect(await failureOf(switchHome(move, 7, LATE))).toMatchObject({ code: 'MV005' })
      await cells.directory`update platform.move set fence_until = now() where id = ${move.id}`
      expect(await failureOf(switchHome(move, 7, owner))).toMatchObject({ code: 'MV005' })
      await cells.directory`update platform.move set fence_until = now() + interval '1 hour', state = 'unfencing' where id = ${move.id}`
      expect(await failureOf(switchHome(move, 7, owner))).toMatchObject({ code: 'MV005' })
      expect(await homeOf(merchant)).toBe(`${cells.one.name} 1`)
      await cells.directory`update platform.move set state = 'fencing' where id = ${move.id}`
      await switchHome(move, 7, owner)
      expect(await homeOf(merchant)).toBe(`${cells.two.name} 2`)
      expect(await failureOf(switchHome(move, 7, owner))).toMatchObject({ code: 'MV005' })
      await forget(move)
    })

    test('switches nobody who lives elsewhere by now', async () => {
      const { merchant, move, owner } = await fenced()
      await cells.directory`update platform.home set epoch = 5 where merchant_id = ${merchant.id}`
      expect(await failureOf(switchHome(move, 7, owner))).toMatchObject({ code: 'MV003' })
      expect((await getMove(cells.directory, move.id))!.state).toBe('fencing')
      await forget(move)
    })

    test('notes no object, so that none is made, once the move is another mover’s or has gone on', async () => {
      const { move, owner } = await fenced()
      const [row] = await cells.directory`update platform.move set state = 'seeding' where id = ${move.id} returning id`
      const held = (as: string) =>
        new HeldMove(cells.directory, as, { ...move, id: row!.id, state: 'seeding' } as MoverMove, new AbortController().signal, 1)
      const object = { cell: cells.two.name, kind: 'slot', name: 'x' } as const
      const [mine, late] = [held(owner), held(LATE)]
      expect(await failureOf(late.noteObject(object))).toBeInstanceOf(StateChanged)
      await mine.noteObject(object)
      await mine.noteObject(object)
      await cells.directory`update platform.move set state = 'aborting' where id = ${move.id}`
      expect(await failureOf(mine.noteObject({ ...object, name: 'y' }))).toBeInstanceOf(StateChanged)
      expect(await mine.objects()).toEqual([object])
      for (const one of [mine, late]) one.stop()
      await forget(move)
    })

    test('takes no turn while its source feeds as many as it may', async () => {
      const { move: feeding } = await fenced()
      const merchant = await cells.addMerchant()
      const move = await ask(merchant)
      await cells.directory`update platform.move set lease_owner = ${LATE}, lease_until = 'infinity' where id = ${move.id}`
      const held = new HeldMove(cells.directory, LATE, move as MoverMove, new AbortController().signal, 1)
      expect(await held.takeTurn(1)).toBe(false)
      expect(await held.takeTurn(2)).toBe(true)
      held.stop()
      await forget(move)
      await forget(feeding)
    })
  })
})
