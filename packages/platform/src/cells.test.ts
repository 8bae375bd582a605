import type { Refusal } from '@souk/core/refusal.ts'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { requestMove } from '@souk/tenant-router/moves/move.ts'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CellAddress, CellFinding } from './cell-checks.ts'
import { Cells } from './cells.ts'
import { openPlatformSql, type PlatformSql } from './platform-sql.ts'

let database: TestDatabase
let directory: PlatformSql
let cells: Cells
let adminId: string

beforeEach(async () => {
  database = await createTestDatabase()
  const platform = database.url('souk_platform')
  directory = openPlatformSql(platform)
  cells = new Cells(directory, { 'shared-1': { platform }, 'shared-2': { platform } })
  await cells.registerFirst()
  const [admin] = await directory<
    { id: string }[]
  >`insert into platform.admin (email, password_hash) values ('admin@souk.example', '') returning id`
  adminId = admin!.id
})
afterEach(async () => {
  await cells.close()
  await directory.end()
  await database.drop()
})

test('the cells of a first start are registered once, and stay what they have become', async () => {
  await directory`update platform.cell set status = 'draining' where name = 'shared-1'`
  await cells.registerFirst()
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
  await expect(cells.forNewMerchant()).rejects.toMatchObject({ code: 'cell_closed' })
  const { id } = await house('stray', 'elsewhere')
  await expect(cells.admit('elsewhere', id)).rejects.toThrow('no address for the cell elsewhere')
})

test('a cell that gets an address later is not one until it is registered', async () => {
  const platform = database.url('souk_platform')
  cells.readdress({ 'shared-1': { platform }, 'shared-2': { platform }, 'shared-3': { platform } })
  await cells.registerFirst()
  expect((await cells.list()).map(({ name }) => name)).toEqual(['shared-1', 'shared-2'])
})

describe('registering', () => {
  let other: TestDatabase
  const by = () => ({ adminId, now: new Date() })

  beforeEach(async () => {
    other = await createTestDatabase()
    cells.readdress({ 'shared-1': addressOf(database), 'shared-2': addressOf(database), 'big-1': addressOf(other) })
  })
  afterEach(() => other.drop())

  test('checks the database, lists it and says who did it', async () => {
    const made = await cells.register({ name: 'big-1', kind: 'dedicated' }, by(), false)
    expect(made).toMatchObject({ name: 'big-1', kind: 'dedicated', status: 'open', merchantCount: 0, moveCount: 0, reachable: true })
    expect(made.findings!.filter(({ outcome }) => outcome === 'failed')).toEqual([])
    expect(made.findings!.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['version', 'wal_level', 'slots', 'roles', 'collation', 'extensions']),
    )
    expect(await entries()).toEqual([{ action: 'cell.register', adminId, data: { cell: 'big-1', kind: 'dedicated' } }])
  })

  test('only looks when it is a dry run', async () => {
    expect(await cells.register({ name: 'big-1', kind: 'dedicated' }, by(), true)).toMatchObject({ name: 'big-1', status: 'open' })
    expect((await cells.list()).map(({ name }) => name)).toEqual(['shared-1', 'shared-2'])
    expect(await entries()).toEqual([])
  })

  test.each([
    ['without an address', 'nowhere', undefined, 'cell_unreachable', ''],
    ['of a name that is taken', 'shared-2', undefined, 'duplicate', ''],
    ['over the database of another', 'twin', () => addressOf(database), 'cell_unfit', 'identity'],
    ['over a database that is not there', 'twin', () => withPath(addressOf(other), '/no_such_database'), 'cell_unfit', 'reachable'],
    ['entered by an administrator', 'twin', () => ({ ...addressOf(other), app: other.adminUrl }), 'cell_unfit', 'app role'],
    [
      'whose merchants would be served by another database',
      'twin',
      () => ({ ...addressOf(other), app: database.url('souk_app') }),
      'cell_unfit',
      'app role',
    ],
    ['whose replica is none', 'twin', () => ({ ...addressOf(other), replica: other.url('souk_app') }), 'cell_unfit', 'replica'],
  ])('refuses a cell %s', async (_what, name, address, code, check) => {
    if (address) cells.readdress({ 'shared-1': addressOf(database), [name]: address() })
    const refused = await cells.register({ name, kind: 'shared' }, by(), false).catch((error: Refusal) => error)
    expect(refused).toMatchObject({ code })
    if (check) {
      const findings = (refused as Refusal).details.extra!.findings as CellFinding[]
      expect(findings.filter(({ outcome }) => outcome === 'failed').map((finding) => finding.check)).toEqual([check])
    }
    expect((await cells.list()).map((cell) => cell.name)).toEqual(['shared-1', 'shared-2'])
  })

  test.each([
    ['that was never migrated', 'drop schema public cascade; create schema public', 'schema'],
    ['with other tables', 'alter table cart add column mutant text', 'schema'],
    [
      'that lacks the newest migration',
      "delete from migration.history where name = (select max(name) from migration.history where set = 'cell') and set = 'cell'",
      'release',
    ],
    ['that is too old to say how far it is', 'drop function tenancy.schema_version()', 'release'],
    ['with a table that row security is not forced on', 'alter table cart no force row level security', 'row security'],
    ['with a policy that lets everybody see all', 'create policy open on cart using (true)', 'row security'],
    ['whose policy compares nothing', 'alter policy merchant_only on cart using (true)', 'row security'],
    [
      'that nothing can be written to',
      "do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$",
      'primary',
    ],
  ])('refuses a database %s', async (_what, change, check) => {
    const admin = postgres(other.adminUrl, { max: 1, onnotice: () => {} })
    await admin.unsafe(change)
    await admin.end()
    const refused = (await cells.register({ name: 'big-1', kind: 'shared' }, by(), false).catch((error) => error)) as Refusal
    expect(refused.code).toBe('cell_unfit')
    expect((refused.details.extra!.findings as CellFinding[]).find((finding) => finding.check === check)!.outcome).toBe('failed')
  })

  describe('of a database that serves merchants already', () => {
    const homesOf = async (name: string) => (await cells.check(name, by())).findings!.find(({ check }) => check === 'homes')!
    const copyOf = async (ids: string[], epoch: number) => {
      const admin = postgres(other.adminUrl, { max: 1, onnotice: () => {} })
      for (const id of ids) await admin`insert into tenancy.home (merchant_id, epoch, state) values (${id}, ${epoch}, 'active')`
      await admin.end()
    }

    test('who is served there and lives elsewhere is named, and it is no cell', async () => {
      const ids: string[] = []
      for (const slug of ['anna', 'berta', 'clara', 'dora']) ids.push((await house(slug, 'shared-1')).id)
      await copyOf(ids, 1)
      const refused = (await cells.register({ name: 'big-1', kind: 'shared' }, by(), false).catch((error) => error)) as Refusal
      expect(refused).toMatchObject({ code: 'cell_unfit' })
      const failed = (refused.details.extra!.findings as CellFinding[]).filter(({ outcome }) => outcome === 'failed')
      expect(failed).toEqual([
        {
          check: 'homes',
          outcome: 'failed',
          detail: expect.stringMatching(/^anna, berta, clara and 1 more would be served here, .* in shared-1:/),
        },
      ])
    })

    test('nor is one that was restored to before they moved', async () => {
      await cells.register({ name: 'big-1', kind: 'shared' }, by(), false)
      const { id } = await house('moved', 'shared-1')
      await directory`update platform.home set epoch = 3 where merchant_id = ${id}`
      await copyOf([id], 2)
      expect(await homesOf('big-1')).toMatchObject({ outcome: 'failed', detail: expect.stringMatching(/^moved would be served here/) })
    })

    test('who lives there and is not let in is named, unless something is under way with them', async () => {
      await cells.register({ name: 'big-1', kind: 'shared' }, by(), false)
      const { id } = await house('lost', 'big-1')
      expect(await homesOf('big-1')).toMatchObject({ outcome: 'warning', detail: expect.stringMatching(/^lost live here/) })
      const move = await requestMove(directory, { merchantId: id, toCell: 'shared-2', by: null, now: new Date() })
      expect(await homesOf('big-1')).toMatchObject({ outcome: 'passed' })
      await directory`update platform.move set state = 'aborted' where id = ${move.id}`
      await cells.admit('big-1', id)
      expect(await homesOf('big-1')).toMatchObject({ outcome: 'passed' })
    })
  })

  test('one name goes to one of two admins who ask for it at once', async () => {
    const kinds = ['shared', 'dedicated'] as const
    const outcomes = await Promise.allSettled(kinds.map((kind) => cells.register({ name: 'big-1', kind }, by(), false)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(outcomes.find((outcome) => outcome.status === 'rejected')!.reason).toMatchObject({ code: 'duplicate' })
    expect(await entries()).toHaveLength(1)
  })

  test('one database becomes one cell, though two admins name it at once', async () => {
    cells.readdress({ 'shared-1': addressOf(database), 'big-1': addressOf(other), 'big-2': addressOf(other) })
    const names = ['big-1', 'big-2']
    const outcomes = await Promise.allSettled(names.map((name) => cells.register({ name, kind: 'shared' }, by(), false)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(outcomes.find((outcome) => outcome.status === 'rejected')!.reason).toMatchObject({ code: 'cell_unfit' })
  })

  test('one database becomes one cell, though the other does not answer, until that is retired', async () => {
    await cells.register({ name: 'big-1', kind: 'shared' }, by(), false)
    const dead = { platform: 'postgres://souk_platform:secret@127.0.0.1:1/gone' }
    cells.readdress({ 'shared-1': addressOf(database), 'big-1': dead, 'big-2': addressOf(other) })
    await expect(cells.register({ name: 'big-2', kind: 'shared' }, by(), false)).rejects.toMatchObject({ code: 'cell_unfit' })
    await cells.setStatus('big-1', 'retired', by(), false)
    expect(await cells.register({ name: 'big-2', kind: 'shared' }, by(), false)).toMatchObject({ status: 'open' })
  })

  test('how a cell does is said with what to do about it', async () => {
    const admin = postgres(other.adminUrl, { max: 1, onnotice: () => {} })
    await admin`
      insert into queue.rejected_job (queue_id, task, payload, reason, detail, attempts, enqueued_at)
      values (1, 'no_such', '{}', 'payload_invalid', 'The payload names no merchant.', 1, now())`
    await admin.end()
    const { findings } = await cells.register({ name: 'big-1', kind: 'shared' }, by(), true)
    expect(findings!.find(({ check }) => check === 'jobs')).toMatchObject({ outcome: 'warning', detail: expect.stringContaining('1 jobs') })
    for (const check of ['clock', 'archiving']) {
      expect(findings!.find((finding) => finding.check === check)!.outcome).toBe('passed')
    }
    // Slots of the whole server, which other tests move merchants on: theirs may keep a gigabyte for a while.
    expect(findings!.find(({ check }) => check === 'streams')!.detail).toMatch(
      /^\d+ replication slots, none left behind|souk_move_\w+ keeps/,
    )
  })

  test('a cell may be looked at again, and what was found is kept', async () => {
    await cells.register({ name: 'big-1', kind: 'shared' }, by(), false)
    cells.readdress({ 'shared-1': addressOf(database), 'big-1': { ...addressOf(other), app: other.adminUrl } })
    const checked = await cells.check('big-1', by())
    expect(checked.findings!.find(({ check }) => check === 'app role')!.outcome).toBe('failed')
    expect(checked.status).toBe('open')
    await expect(cells.check('no-such', by())).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('the life of a cell', () => {
  const by = () => ({ adminId, now: new Date() })

  test('open, draining, open again, and retired for good', async () => {
    expect(await cells.setStatus('shared-1', 'draining', by(), false)).toMatchObject({ status: 'draining' })
    expect(await cells.setStatus('shared-1', 'open', by(), false)).toMatchObject({ status: 'open' })
    expect(await cells.setStatus('shared-1', 'retired', by(), true)).toMatchObject({ status: 'retired' })
    expect(await cells.find('shared-1')).toMatchObject({ status: 'open' })
    expect(await cells.setStatus('shared-1', 'retired', by(), false)).toMatchObject({ status: 'retired' })
    expect(await cells.setStatus('shared-1', 'retired', by(), false)).toMatchObject({ status: 'retired' })
    await expect(cells.setStatus('shared-1', 'open', by(), false)).rejects.toMatchObject({ code: 'invalid_state' })
    expect((await entries()).map(({ data }) => data)).toEqual([
      { cell: 'shared-1', from: 'open', to: 'draining' },
      { cell: 'shared-1', from: 'draining', to: 'open' },
      { cell: 'shared-1', from: 'open', to: 'retired' },
    ])
  })

  test('it is not retired while a merchant lives there, whoever asks', async () => {
    await house('one', 'shared-1')
    await expect(cells.setStatus('shared-1', 'retired', by(), false)).rejects.toMatchObject({ code: 'cell_occupied' })
    await expect(cells.setStatus('shared-1', 'retired', by(), true)).rejects.toMatchObject({ code: 'cell_occupied' })
    await expect(directory`update platform.cell set status = 'retired' where name = 'shared-1'`).rejects.toMatchObject({ code: 'CE003' })
  })

  test('nor while a move needs it', async () => {
    const { id } = await house('one', 'shared-1')
    const move = await requestMove(directory, { merchantId: id, toCell: 'shared-2', by: null, now: new Date() })
    await expect(cells.setStatus('shared-2', 'retired', by(), false)).rejects.toMatchObject({
      code: 'cell_occupied',
      details: { extra: { merchant_count: 0, move_count: 1 } },
    })
    await expect(directory`update platform.cell set status = 'retired' where name = 'shared-2'`).rejects.toMatchObject({ code: 'CE003' })
    await directory`update platform.move set state = 'aborted' where id = ${move.id}`
    expect(await cells.setStatus('shared-2', 'retired', by(), false)).toMatchObject({ status: 'retired' })
  })

  test('a merchant on the way in is waited for, and keeps the cell from being retired', async () => {
    // As the administrator, who waits for locks as long as it takes.
    const admin = postgres(database.adminUrl, { max: 3, onnotice: () => {} })
    const [housed, leave] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const arriving = admin.begin(async (sql) => {
      const [merchant] = await sql<
        { id: string }[]
      >`insert into platform.merchant (slug, name, status) values ('late', 'late', 'active') returning id`
      await sql`insert into platform.home (merchant_id, cell, epoch) values (${merchant!.id}, 'shared-1', 1)`
      housed.resolve()
      await leave.promise
    })
    await housed.promise
    const retiring = admin`update platform.cell set status = 'retired' where name = 'shared-1'`.execute()
    const refused = expect(retiring).rejects.toMatchObject({ code: 'CE003' })
    await expect
      .poll(() => admin`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
      .toHaveLength(1)
    leave.resolve()
    await arriving
    await refused
    await admin.end()
  })

  test('nobody new comes to a cell that is drained, but a merchant may come back; nobody comes to a retired one', async () => {
    const { id } = await house('one', 'shared-2')
    await cells.setStatus('shared-1', 'draining', by(), false)
    await expect(house('two', 'shared-1')).rejects.toMatchObject({ code: 'CE001' })
    await directory`update platform.home set cell = 'shared-1' where merchant_id = ${id}`
    await cells.setStatus('shared-2', 'retired', by(), false)
    await expect(directory`update platform.home set cell = 'shared-2' where merchant_id = ${id}`).rejects.toMatchObject({ code: 'CE001' })
  })

  test('a dedicated cell takes one merchant, of however many that ask at once', async () => {
    await directory`update platform.cell set kind = 'dedicated' where name = 'shared-2'`
    const merchants = await Promise.all(Array.from({ length: 8 }, (_, index) => house(`many-${index}`, 'shared-1')))
    const outcomes = await Promise.allSettled(
      merchants.map(({ id }) => directory`update platform.home set cell = 'shared-2' where merchant_id = ${id}`),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'CE002' })
    await expect(directory`update platform.cell set kind = 'dedicated' where name = 'shared-1'`).rejects.toMatchObject({ code: 'CE003' })
  })
})

function addressOf(of: TestDatabase): CellAddress & { app: string } {
  return { platform: of.url('souk_platform'), app: of.url('souk_app') }
}

function withPath(address: CellAddress & { app: string }, path: string): CellAddress {
  const elsewhere = (url: string) => Object.assign(new URL(url), { pathname: path }).toString()
  return { platform: elsewhere(address.platform), app: elsewhere(address.app) }
}

function entries() {
  return directory<{ action: string; adminId: string; data: unknown }[]>`
    select action, admin_id as "adminId", data from platform.audit where action like 'cell.%' and action <> 'cell.check' order by sequence`
}

async function house(slug: string, cell: string): Promise<{ id: string }> {
  const [merchant] = await directory<{ id: string }[]>`
    insert into platform.merchant (slug, name, status) values (${slug}, ${slug}, 'active') returning id`
  await directory`insert into platform.home (merchant_id, cell, epoch) values (${merchant!.id}, ${cell}, 1)`
  return merchant!
}
