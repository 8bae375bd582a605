import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSide, type Side } from './cell-sides.ts'
import type { HeldMove } from './held-move.ts'
import { requestMove } from './move.ts'
import { rehearse, type Stage } from './switch-statements.ts'
import { openTwoCells, type TestCell, type TwoCells } from './testing/two-cells.ts'

let cells: TwoCells
const opened: postgres.Sql[] = []

beforeAll(async () => {
  cells = await openTwoCells('one server')
})
afterAll(async () => {
  await Promise.all(opened.map((sql) => sql.end({ timeout: 0 })))
  await cells.close()
})

async function lend(sql: postgres.Sql): Promise<postgres.ReservedSql> {
  opened.push(sql)
  return sql.reserve()
}

const sideOf = async ({ name, url }: TestCell): Promise<Side> => {
  const side = openSide(name, { mover: url('souk_mover') }, 'rehearsal')
  return { ...side, sql: await lend(side.sql) }
}

/** A move that is about to switch, as its mover holds it. */
async function aboutToSwitch(): Promise<{ merchantId: string; stage: Stage; held: HeldMove }> {
  const { id: merchantId } = await cells.addMerchant()
  const move = await requestMove(cells.directory, { merchantId, toCell: cells.two.name, by: null, now: new Date() })
  const owner = randomUUID()
  await cells.directory`
    update platform.move set state = 'catching_up', lease_owner = ${owner}, lease_until = 'infinity' where id = ${move.id}`
  await cells.two.admin`insert into tenancy.home (merchant_id, epoch, state) values (${merchantId}, 1, 'standby')`
  const directory = await lend(postgres(cells.directoryUrl, { max: 1, onnotice: () => {} }))
  const stage = { home: await sideOf(cells.one), other: await sideOf(cells.two), directory }
  return { merchantId, stage, held: { owner, move: { ...move, fence: null } } as HeldMove }
}

async function everything(merchantId: string): Promise<unknown> {
  const ofCell = ({ admin }: TestCell) =>
    Promise.all([
      admin`select * from tenancy.home where merchant_id = ${merchantId}`,
      admin`select * from tenancy.move_marker where merchant_id = ${merchantId}`,
    ])
  return Promise.all([
    cells.directory`select * from platform.move where merchant_id = ${merchantId}`,
    cells.directory`select * from platform.home where merchant_id = ${merchantId}`,
    ofCell(cells.one),
    ofCell(cells.two),
  ])
}

test('a rehearsal changes nothing, is announced to nobody, and waits for no writer', async () => {
  const { merchantId, stage, held } = await aboutToSwitch()
  const announced: string[] = []
  for (const channel of ['souk_directory', 'souk_moves']) await cells.directory.listen(channel, (id) => announced.push(`${channel} ${id}`))
  const before = await everything(merchantId)
  await cells.one.admin.begin(async (writer) => {
    await writer`select tenancy.enter(${merchantId}, 1)`
    await rehearse(stage, held, 1_000)
  })
  expect(await everything(merchantId)).toEqual(before)
  await cells.directory.notify('souk_moves', 'last')
  await expect.poll(() => announced).toEqual(['souk_moves last'])
})

test('afterwards each connection knows what it will be asked', async () => {
  const { stage, held } = await aboutToSwitch()
  await rehearse(stage, held, 1_000)
  const known = async (sql: postgres.Sql) => {
    const rows = await sql<{ statement: string }[]>`select statement from pg_prepared_statements`
    return rows.map(({ statement }) => statement).join('\n')
  }
  expect(await known(stage.directory)).toContain('platform.switch_home')
  expect(await known(stage.home.sql)).toContain('tenancy.fence')
  expect(await known(stage.home.sql)).toContain('pg_advisory_xact_lock')
  expect(await known(stage.other.sql)).toContain('tenancy.arrive')
})
