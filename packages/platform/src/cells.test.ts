import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Cells } from './cells.ts'
import { openPlatformSql, type PlatformSql } from './platform-sql.ts'

let database: TestDatabase
let directory: PlatformSql
let cells: Cells

beforeEach(async () => {
  database = await createTestDatabase()
  const platform = database.url('souk_platform')
  directory = openPlatformSql(platform)
  cells = new Cells(directory, { 'shared-1': { platform }, 'shared-2': { platform } })
  await cells.register()
})
afterEach(async () => {
  await cells.close()
  await directory.end()
  await database.drop()
})

test('a cell is registered once, and stays what it has become', async () => {
  await directory`update platform.cell set status = 'draining' where name = 'shared-1'`
  await cells.register()
  expect(await cells.list()).toMatchObject([
    { name: 'shared-1', kind: 'shared', status: 'draining', merchantCount: 0 },
    { name: 'shared-2', kind: 'shared', status: 'open', merchantCount: 0 },
  ])
})

test('a new merchant goes to the open shared cell with the fewest', async () => {
  expect(await cells.forNewMerchant()).toBe('shared-1')
  await house('one', 'shared-1')
  expect(await cells.forNewMerchant()).toBe('shared-2')
  await house('two', 'shared-2')
  await house('three', 'shared-2')
  expect(await cells.forNewMerchant()).toBe('shared-1')
})

test.each([
  ['draining', "update platform.cell set status = 'draining' where name = 'shared-1'"],
  ['retired', "update platform.cell set status = 'retired' where name = 'shared-1'"],
  ['for one merchant alone', "update platform.cell set kind = 'dedicated' where name = 'shared-1'"],
])('nobody new goes to a cell that is %s', async (_what, change) => {
  await directory.unsafe(change)
  expect(await cells.forNewMerchant()).toBe('shared-2')
})

test('nobody goes to a cell that this process cannot reach', async () => {
  await directory`insert into platform.cell (name, kind) values ('elsewhere', 'shared')`
  await directory`update platform.cell set status = 'draining' where name <> 'elsewhere'`
  await expect(cells.forNewMerchant()).rejects.toThrow('no open shared cell')
  const { id } = await house('stray', 'elsewhere')
  await expect(cells.admit('elsewhere', id)).rejects.toThrow('no address for the cell elsewhere')
})

async function house(slug: string, cell: string): Promise<{ id: string }> {
  const [merchant] = await directory<{ id: string }[]>`
    insert into platform.merchant (slug, name, status) values (${slug}, ${slug}, 'active') returning id`
  await directory`insert into platform.home (merchant_id, cell, epoch) values (${merchant!.id}, ${cell}, 1)`
  return merchant!
}
