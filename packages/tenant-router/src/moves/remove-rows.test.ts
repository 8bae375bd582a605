import { afterAll, beforeAll, expect, test } from 'vitest'
import { finishMove, getMove, requestMove } from './move.ts'
import { reachesState } from './testing/follow-move.ts'
import { openTwoCells, type TestCell, type TwoCells } from './testing/two-cells.ts'

let cells: TwoCells

beforeAll(async () => {
  cells = await openTwoCells('one server')
})
afterAll(() => cells.close())

// Several batches, the last of which but one ends with the counter, a table whose key is the merchant alone.
const EVENTS = 2_345
const KEYS = 2_654

/** Rows of one key column and of two, whose order is not that in which they were written. */
async function write({ admin }: TestCell, merchantId: string): Promise<void> {
  await admin`
    insert into event (merchant_id, id, sequence, type, aggregate_type, aggregate_id, data, actor)
    select ${merchantId}, gen_random_uuid(), n, 'test.written', 'test', ${merchantId}, '{}', '{}' from generate_series(1, ${EVENTS}::int) n`
  await admin`
    insert into idempotency_key (merchant_id, route, key, fingerprint, status_code, response_body, expires_at)
    select ${merchantId}, 'route ' || n % 3, 'key ' || n, 'x', 200, '{}', now() + interval '1 day' from generate_series(1, ${KEYS}::int) n`
}

test('all that a merchant had in its old home is gone, batch by batch, and nothing of anybody else', async () => {
  const [merchant, neighbour] = [await cells.addMerchant(), await cells.addMerchant()]
  await write(cells.one, merchant.id)
  await write(cells.one, neighbour.id)
  const [theirs, ours] = [await cells.contents(cells.one, neighbour.id), await cells.contents(cells.one, merchant.id)]
  const move = await requestMove(cells.directory, { merchantId: merchant.id, toCell: cells.two.name, by: null, now: new Date() })
  const mover = cells.startMover()
  await reachesState(cells, move, ['watching'])
  await finishMove(cells.directory, move.id)
  await reachesState(cells, move, ['done'])
  await mover.stop()
  expect((await getMove(cells.directory, move.id))!.figures.removed_rows).toBe(EVENTS + KEYS + 1)
  expect(await cells.leftovers(merchant.id, cells.two)).toEqual([])
  expect(await cells.contents(cells.two, merchant.id)).toEqual(ours)
  expect(await cells.contents(cells.one, neighbour.id)).toEqual(theirs)
})
