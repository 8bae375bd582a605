import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { failureOf } from '../test-merchants.ts'
import { getMove, type MoveState, requestMove } from './move.ts'
import type { Mover } from './mover.ts'
import { reachesState } from './testing/follow-move.ts'
import { openTwoCells, type TwoCells } from './testing/two-cells.ts'

// What everybody else in a database notices of a publication.

const NAME = `souk_move_${'0'.repeat(32)}_forward`
const WRITERS = 6
const COMINGS = 200

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

const published = async () =>
  (await cells.one.admin`select tablename as name, rowfilter as filter from pg_publication_tables where pubname = ${NAME} order by 1`).map(
    (row) => `${row.name} ${row.filter}`,
  )
const publishSome = async (merchantId: string, atMost: number) =>
  (await cells.one.admin`select tenancy.publish_some(${merchantId}, ${NAME}, ${atMost}) as more`)[0]!.more
const unpublishSome = async (atMost: number) => (await cells.one.admin`select tenancy.unpublish_some(${NAME}, ${atMost}) as more`)[0]!.more

test('a few tables at a time come to what all of them at once come to, and go again', async () => {
  const { id } = await cells.addMerchant()
  await cells.one.admin`select tenancy.publish(${id}, ${NAME})`
  const all = await published()
  await cells.one.admin`select tenancy.unpublish(${NAME})`
  const sizes: number[] = []
  for (let more = true; more; sizes.push((await published()).length)) more = await publishSome(id, 30)
  expect(sizes).toEqual([...Array.from({ length: Math.ceil(all.length / 30) - 1 }, (_, index) => (index + 1) * 30), all.length])
  expect(await published()).toEqual(all)
  // Again, as after a crash.
  expect(await publishSome(id, 30)).toBe(false)
  expect(await published()).toEqual(all)
  let times = 1
  while (await unpublishSome(30)) times += 1
  expect(times).toBe(Math.ceil(all.length / 30) + 1)
  expect(await cells.one.admin`select from pg_publication where pubname = ${NAME}`).toHaveLength(0)
  expect(await unpublishSome(30)).toBe(false)
  for (const statement of [`select tenancy.publish_some('${id}', 'other', 1)`, `select tenancy.unpublish_some('other', 1)`])
    expect(await failureOf(cells.one.admin.unsafe(statement))).toMatchObject({ code: 'MV003' })
})

test('one that has lost its tables before it is dropped makes no writer fail', async () => {
  const merchants = await Promise.all(Array.from({ length: WRITERS }, () => cells.addMerchant()))
  const writing = postgres(cells.one.url('souk_mover'), { max: WRITERS, onnotice: () => {} })
  const owner = postgres(cells.one.url('souk_owner'), { max: 1, onnotice: () => {} })
  let isOver = false
  const met: unknown[] = []
  const writers = merchants.map(async ({ id }) => {
    while (!isOver)
      await writing`update merchant_counter set order_number = order_number + 1 where merchant_id = ${id}`.catch((error) => met.push(error))
  })
  for (let n = 0; n < COMINGS; n += 1) {
    // Of one table: that is quickly made, and the moment in question is a short one.
    await owner.unsafe(`create publication ${NAME} for table merchant_counter where (merchant_id = '${merchants[0]!.id}')`)
    // A mover rests in between: whoever reads that it is still among those of the table has read what it is by then.
    while (await unpublishSome(50)) await sleep(10)
  }
  isOver = true
  await Promise.all(writers)
  await Promise.all([writing.end(), owner.end()])
  expect(met).toEqual([])
})

test('a cell that is not migrated yet is moved from and to as before', async () => {
  for (const { admin } of [cells.one, cells.two])
    await admin.unsafe('drop function tenancy.publish_some(uuid, text, integer); drop function tenancy.unpublish_some(text, integer)')
  const merchant = await cells.addMerchant()
  const move = await requestMove(cells.directory, { merchantId: merchant.id, toCell: cells.two.name, by: null, now: new Date() })
  mover = cells.startMover({ limits: { watchMs: 0 } })
  const ends: MoveState[] = ['done', 'aborted']
  await reachesState(cells, move, ends)
  expect(await getMove(cells.directory, move.id)).toMatchObject({ state: 'done', failure: null })
  expect(await cells.leftovers(merchant.id, cells.two)).toEqual([])
})
