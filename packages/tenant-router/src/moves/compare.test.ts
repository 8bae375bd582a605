import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { MerchantEntry } from '../merchant-entry.ts'
import { failureOf, until } from '../test-merchants.ts'
import { openSide, type Side } from './cell-sides.ts'
import { type Comparison, compare } from './compare.ts'
import { claimMove, HeldMove, MoveFailed } from './held-move.ts'
import { cancelMove, finishMove, getMove, type Move, type MoveState, requestMove, rollBackMove } from './move.ts'
import type { Mover } from './mover.ts'
import { brokenStream, conflictsTold, streamName } from './streams.ts'
import { dieAt } from './testing/die-at.ts'
import { leftoversOfMove, reachesState } from './testing/follow-move.ts'
import { openTwoCells, type TestCell, type TwoCells } from './testing/two-cells.ts'

// What is in the rows, and that nobody sees anything else on the way.

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
const leftoversOf = (move: Move, home: TestCell) => leftoversOfMove(cells, move, home)

/** A change that no stream carries on: what a fault of the disk would be. */
async function behindItsBack({ admin }: TestCell, statement: string): Promise<void> {
  await admin.begin(async (sql) => {
    await sql`select pg_replication_origin_create('nobody') where not exists (select from pg_replication_origin where roname = 'nobody')`
  })
  await admin.begin(async (sql) => {
    await sql`select pg_replication_origin_session_setup('nobody')`
    await sql.unsafe(statement)
    await sql`select pg_replication_origin_session_reset()`
  })
}

/** What other merchants write meanwhile: a server's log hardly ever rests. */
function keepLogBusy(): { stop(): Promise<void> } {
  const over = new AbortController()
  const writing = (async () => {
    while (!over.signal.aborted) {
      await cells.one.admin`select pg_logical_emit_message(true, 'others', '')`
      await sleep(20)
    }
  })()
  return {
    stop: () => {
      over.abort()
      return writing
    },
  }
}

/** Has a move as its mover would. */
async function holding<Answer>(move: Move, use: (held: HeldMove, home: Side, copy: Side) => Promise<Answer>): Promise<Answer> {
  const owner = randomUUID()
  const claimed = await claimMove(cells.directory, owner, [cells.one.name, cells.two.name], 2)
  expect(claimed!.id).toBe(move.id)
  const held = new HeldMove(cells.directory, owner, claimed!, new AbortController().signal, 1)
  const [home, copy] = [cells.one, cells.two].map(({ name }) => openSide(name, cells.addresses[name]!, 'souk-move test'))
  try {
    return await use(held, home!, copy!)
  } finally {
    await held.release()
    await Promise.all([home, copy].map((side) => side!.sql.end()))
  }
}

/** In both cells, as a migration would make it. */
async function makeTable(name: string, columns: string): Promise<void> {
  for (const { admin } of [cells.one, cells.two])
    await admin.unsafe(`
      set role souk_owner;
      create table ${name} (merchant_id uuid not null, id uuid not null default uuidv7(), ${columns}, primary key (merchant_id, id));
      select app.protect('${name}');
      reset role;`)
}

async function dropTable(name: string): Promise<void> {
  for (const { admin } of [cells.one, cells.two]) await admin.unsafe(`drop table ${name}`)
}

describe('a bulk change that comes between two looks', () => {
  const ROWS = 6_000

  /** Compares both sides of a move that has caught up, and does something each time before a marker is sent. */
  function comparing(move: Move, beforeMarker: (time: number) => Promise<unknown>): Promise<Comparison> {
    return holding(move, (held, home, copy) => {
      const nextNumber = held.nextNumber.bind(held)
      let times = 0
      held.nextNumber = async () => {
        times += 1
        await beforeMarker(times)
        return nextNumber()
      }
      return compare(held, home, copy)
    })
  }

  async function caughtUp(): Promise<{ merchant: MerchantEntry; move: Move }> {
    const merchant = await cells.addMerchant()
    await cells.one.admin`
      insert into location (merchant_id, name) select ${merchant.id}, 'place ' || n from generate_series(1, ${ROWS}) n`
    const move = await ask(merchant)
    await dieAt(cells, 'move.caught_up', move)
    return { merchant, move }
  }

  async function end(move: Move): Promise<void> {
    await cancelMove(cells.directory, move.id)
    mover = cells.startMover()
    await reaches(move, 'aborted')
  }

  test('is no difference, however many rows it is', async () => {
    const { merchant, move } = await caughtUp()
    const change = () => cells.one.admin`update location set name = name || '.' where merchant_id = ${merchant.id}`
    const compared = await comparing(move, async (time) => time <= 3 && change())
    expect(compared.rows).toBe(ROWS + 1)
    expect(compared.restless.map(({ table }) => table.name)).toEqual(['merchant_counter'])
    await end(move)
  })

  test('and where it never ends, the comparison is put off, and not the move given up', async () => {
    const { merchant, move } = await caughtUp()
    const change = () => cells.one.admin`update location set name = name || '.' where merchant_id = ${merchant.id}`
    const failure = await failureOf(comparing(move, change))
    expect(failure).not.toBeInstanceOf(MoveFailed)
    expect(failure.message).toBe('More rows of location change than can be compared at a time.')
    await end(move)
  })

  test('as many rows that really differ are found to', async () => {
    const { merchant, move } = await caughtUp()
    await behindItsBack(cells.two, `update location set name = 'x' || name where merchant_id = '${merchant.id}'`)
    const failure = await failureOf(comparing(move, async () => {}))
    expect(failure).toBeInstanceOf(MoveFailed)
    expect(failure.message).toMatch(/^The copy of location differs in bucket \d+\.$/)
    await end(move)
  })
})

describe('before the switch', () => {
  test('pitfall 39: one byte of the copy is found: table and bucket are named, and the merchant stays', async () => {
    const merchant = await cells.addMerchant()
    await cells.one.admin`insert into location (merchant_id, name) values (${merchant.id}, 'Kyoto')`
    const move = await ask(merchant)
    await dieAt(cells, 'move.caught_up', move)
    await behindItsBack(cells.two, `update location set name = 'Kyotp' where merchant_id = '${merchant.id}'`)
    mover = cells.startMover()
    expect(await reaches(move, 'aborted', 'watching')).toMatchObject({
      state: 'aborted',
      failure: expect.stringMatching(/^The copy of location differs in bucket \d+\.$/),
    })
    expect(await leftoversOf(move, cells.one)).toEqual([])
  })

  test('pitfall 9: a change that met no row, or another one, ends the move, even if all looks well by then', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    await dieAt(cells, 'move.caught_up', move)
    await behindItsBack(cells.two, `delete from merchant_counter where merchant_id = '${merchant.id}'`)
    const others = keepLogBusy()
    const arrives = async (name: string) => {
      await cells.one.admin`insert into location (merchant_id, name) values (${merchant.id}, ${name})`
      await until(`${name} is there`, async () => (await cells.two.admin`select from location where name = ${name}`).length > 0, WITHIN_MS)
    }
    const told = async () => {
      const [row] = await cells.two.admin`select n_tup_ins as inserted from pg_stat_user_tables where relname = 'location'`
      return row!.inserted
    }
    // Told just now, the subscription does not tell at once what it meets next.
    const before = await told()
    for (let n = 1; (await told()) === before; n += 1) await arrives(`Nagoya ${n}`)
    await cells.one.admin`update merchant_counter set order_number = 5 where merchant_id = ${merchant.id}`
    await arrives('Sendai')
    await behindItsBack(cells.two, `insert into merchant_counter (merchant_id, order_number) values ('${merchant.id}', 5)`)
    expect(await cells.contents(cells.two, merchant.id)).toEqual(await cells.contents(cells.one, merchant.id))
    const broken = await holding(move, async (held, one, two) => {
      await conflictsTold(held, one, two, performance.now())
      return brokenStream(streamName(move, 'forward'), one, two)
    }).finally(() => others.stop())
    expect(broken).toBe('changes met other rows in two-1: update_missing 1')
    mover = cells.startMover()
    expect(await reaches(move, 'aborted', 'watching')).toMatchObject({
      state: 'aborted',
      failure: expect.stringContaining('changes met other rows in two-1: update_missing'),
    })
  })

  test('pitfall 16: a table that came after the move had begun is missed, whether it has rows or not', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    await dieAt(cells, 'move.caught_up', move)
    await makeTable('latecomer', 'note text')
    mover = cells.startMover()
    const ended = await reaches(move, 'aborted', 'watching')
    await dropTable('latecomer')
    expect(ended).toMatchObject({ state: 'aborted', failure: 'Tables that are not part of the move: latecomer.' })
  })
})

describe('what a value can be', () => {
  test('arrives as it is, there and back, also where it is changed on the way', async () => {
    await makeTable(
      'odd_value',
      `n integer not null, at timestamptz, day date, amount numeric, ratio float8, body text, raw bytea, data jsonb, said json,
       words text[], span interval, twice integer generated always as (n * 2) stored, thrice integer generated always as (n * 3) virtual`,
    )
    const merchant = await cells.addMerchant()
    await cells.one.admin.unsafe(`
      insert into odd_value (merchant_id, n, at, day, amount, ratio, body, raw, data, said, words, span) select '${merchant.id}', v.* from (values
        (1, 'infinity'::timestamptz, '-infinity'::date, 'NaN'::numeric, 'NaN'::float8, repeat('日本', 400000), decode(repeat('00ff', 300000), 'hex'),
          jsonb_build_object('deep', repeat('x', 500000), 'nothing', null), '{"b": 1, "a":  1, "a": 2}'::json, array['', null, '{"}'], 'infinity'::interval),
        (2, '-infinity', 'infinity', 1e-1000, '-Infinity', '', '', '"\\u20ac"', 'null', '{}', '-1 mon 1 day'),
        (3, '0001-01-01 BC', '4000-12-31', repeat('9', 5000)::numeric, '-0', null, null, null, null, null, null)) v`)
    const values = async (cell: TestCell) => (await cells.contents(cell, merchant.id)).odd_value
    const before = await values(cells.one)
    const move = await ask(merchant)
    await dieAt(cells, 'move.subscribed', move)
    // What is large stays out of the log where it does not change.
    await cells.one.admin`update odd_value set n = n + 10 where merchant_id = ${merchant.id}`
    await cells.one.admin`delete from odd_value where merchant_id = ${merchant.id} and n = 13`
    mover = cells.startMover()
    expect(await reaches(move, 'watching', 'aborted')).toMatchObject({ state: 'watching', failure: null })
    expect(await values(cells.two)).not.toBe(before)
    expect(await values(cells.two)).toBe(await values(cells.one))
    await cells.two.admin`update odd_value set n = n - 10 where merchant_id = ${merchant.id}`
    await rollBackMove(cells.directory, move.id)
    await reaches(move, 'rolled_back')
    expect(before!.startsWith((await values(cells.one))!.split('\n')[0]!)).toBe(true)
    await dropTable('odd_value')
  })

  test('or there may be none: a merchant without a row moves as well', async () => {
    const merchant = await cells.addMerchant()
    await cells.one.admin`delete from merchant_counter where merchant_id = ${merchant.id}`
    const move = await ask(merchant)
    mover = cells.startMover()
    expect(await reaches(move, 'watching', 'aborted')).toMatchObject({ state: 'watching', figures: { seeded_rows: 0, verified_rows: 0 } })
    await finishMove(cells.directory, move.id)
    await reaches(move, 'done')
    expect(await leftoversOf(move, cells.two)).toEqual([])
  })
})

describe('a reader who came in before the switch', () => {
  test('finds every row until it has left, although rows of an old home are removed at once when a move is taken back', async () => {
    const merchant = await cells.addMerchant()
    const move = await ask(merchant)
    mover = cells.startMover()
    await reaches(move, 'watching')
    const reader = postgres(cells.two.url('souk_app'), { max: 1, onnotice: () => {} })
    // Of this reader alone: on a busy machine a move takes longer than requests may.
    await reader`select set_config(name, '0', false) from unnest(array['transaction_timeout', 'idle_in_transaction_session_timeout']) name`
    await reader`begin read only`
    await reader`select tenancy.entered(${merchant.id}, 2)`
    const seen = async () => (await reader`select from merchant_counter where merchant_id = ${merchant.id}`).length
    expect(await seen()).toBe(1)
    await rollBackMove(cells.directory, move.id)
    await reaches(move, 'retiring', 'rolled_back')
    for (let look = 0; look < 25; look += 1) {
      expect(await seen()).toBe(1)
      await reader`select pg_sleep(0.1)`
    }
    expect(await getMove(cells.directory, move.id)).toMatchObject({ state: 'retiring' })
    await reader`commit`
    await reader.end()
    await reaches(move, 'rolled_back')
    expect(await leftoversOf(move, cells.one)).toEqual([])
  })
})
