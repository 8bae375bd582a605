import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type LocalServer, startServer } from '@souk/local-postgres/server.ts'
import { createTestDatabase } from '@souk/local-postgres/test-database.ts'
import { roleUrl, TEST_PATIENCE, TEST_WAIT_MS } from '@souk/local-postgres/test-server.ts'
import { type Standby, startStandby } from '@souk/local-postgres/testing/standby.ts'
import { makeFleetingFolder } from '@souk/local-postgres/throwaway-folder.ts'
import { ensureRoles, ROLE_NAMES, type RoleName } from '@souk/migrations/roles.ts'
import { migrate } from '@souk/migrations/run.ts'
import { readRelations } from '@souk/migrations/testing/catalogue.ts'
import { fillMerchants } from '@souk/migrations/testing/generated-rows.ts'
import postgres from 'postgres'
import type { MerchantEntry } from '../../merchant-entry.ts'
import { Router } from '../../router.ts'
import { BASE_DOMAIN, until } from '../../test-merchants.ts'
import type { MoverAddress } from '../cell-sides.ts'
import { Mover, type MoverOptions } from '../mover.ts'

export interface TestCell {
  name: string
  admin: postgres.Sql
  url(role: RoleName): string
}

/** A directory and two cells to move between: two databases of one server, or of two. */
export interface TwoCells {
  directory: postgres.Sql
  directoryUrl: string
  one: TestCell
  two: TestCell
  addresses: Record<string, MoverAddress>
  /** Closed with all of this. */
  openRouter(): Router
  startMover(options?: Partial<MoverOptions>): Mover
  /** Two merchants at home in the first cell, each with rows of its own in every table there is. */
  addFilledMerchants(): Promise<[MerchantEntry, MerchantEntry]>
  /** At home in the first cell, unless another is said. */
  addMerchant(home?: TestCell): Promise<MerchantEntry>
  /** What a cell has of a merchant, table by table, as text. */
  contents(cell: TestCell, merchantId: string): Promise<Record<string, string>>
  /** Slots, publications, subscriptions, rows of the merchant outside its home and what was noted of these: all that moves must not leave. */
  leftovers(merchantId: string, home: TestCell): Promise<string[]>
  /** What streams counted that must not happen: rows that met other rows, and errors. */
  conflicts(): Promise<Record<string, unknown>[]>
  /** Stops the second of two servers, and starts it again at the same place; or gives it a standby that can take its place. */
  second: { stop(): Promise<void>; start(): Promise<void>; startStandby(): Promise<Standby> }
  close(): Promise<void>
}

export const ONE = 'one-1'
export const TWO = 'two-1'

const NO_SERVER = {
  stop: async () => {},
  start: async () => {},
  startStandby: (): never => {
    throw new Error('There is one server.')
  },
}

export async function openTwoCells(where: 'one server' | 'two servers'): Promise<TwoCells> {
  const database = await createTestDatabase()
  const second = where === 'one server' ? { ...(await createTestDatabase()), ...NO_SERVER } : await startSecondServer()
  const cell = (name: string, given: { adminUrl: string; url(role: RoleName): string }): TestCell => ({
    name,
    admin: postgres(given.adminUrl, { max: 4, onnotice: () => {} }),
    url: given.url,
  })
  const [one, two] = [cell(ONE, database), cell(TWO, second)]
  await one.admin`insert into platform.cell (name, kind) values (${ONE}, 'shared'), (${TWO}, 'shared')`
  const addresses = Object.fromEntries([one, two].map(({ name, url }) => [name, { mover: url('souk_mover') }]))
  const open: { close(): Promise<void> }[] = []
  const directoryUrl = database.url('souk_mover')
  const startMover: TwoCells['startMover'] = (options) => {
    const mover = new Mover({
      directoryUrl,
      cells: () => addresses,
      log: { info: () => {}, warn: () => {} },
      ...options,
      // Nobody else is there to be left time.
      limits: { workShare: 1, ...options?.limits },
    })
    mover.start()
    open.push({ close: () => mover.stop() })
    return mover
  }
  const openRouter = () => {
    const cellUrls = { [ONE]: one.url('souk_app'), [TWO]: two.url('souk_app') }
    const router = new Router({ directoryUrl: database.url('souk_app'), baseDomain: BASE_DOMAIN, cellUrls, waitMs: TEST_WAIT_MS })
    open.push(router)
    return router
  }
  const cells: TwoCells = {
    directory: one.admin,
    directoryUrl,
    one,
    two,
    addresses,
    openRouter,
    startMover,
    addFilledMerchants: async () => {
      const entries: [MerchantEntry, MerchantEntry] = [await addMerchant(one.admin, one), await addMerchant(one.admin, one)]
      const { collided } = await fillMerchants(one.admin, await readRelations(one.admin), [entries[0].id, entries[1].id])
      if (collided.length > 0) throw new Error(collided.join('; '))
      return entries
    },
    addMerchant: async (home = one) => {
      const merchant = await addMerchant(one.admin, home)
      await home.admin`insert into merchant_counter (merchant_id) values (${merchant.id})`
      return merchant
    },
    contents,
    leftovers: (merchantId, home) => findLeftovers(cells, merchantId, home),
    conflicts: async () =>
      (
        await Promise.all(
          [one, two].map(
            ({ admin }) => admin`
              select t.subname, c.key, c.value from pg_stat_subscription_stats t
                join pg_subscription s on s.oid = t.subid and s.subdbid = (select oid from pg_database where datname = current_database()),
                jsonb_each_text(to_jsonb(t)) as c
              where (c.key like 'confl_%' or c.key like '%_error_count') and c.key not like '%origin_differs' and c.value <> '0'`,
          ),
        )
      ).flat(),
    second: { stop: second.stop, start: second.start, startStandby: second.startStandby },
    close: async () => {
      await Promise.all(open.map((running) => running.close()))
      await second.start()
      await removeStreams([one, two])
      await Promise.all([one.admin.end(), two.admin.end()])
      await second.drop()
      await database.drop()
    },
  }
  return cells
}

async function startSecondServer() {
  const folder = makeFleetingFolder()
  const dataDir = join(folder, 'data')
  let server: LocalServer | undefined
  const drop = async () => {
    await server?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    server = await startServer({ dataDir, durable: false })
    const passwords = Object.fromEntries(ROLE_NAMES.map((role) => [role, randomUUID()])) as Record<RoleName, string>
    const adminUrl = server.adminUrl()
    await ensureRoles({ adminUrl, database: 'cell', passwords, patience: TEST_PATIENCE })
    const url = (role: RoleName) => roleUrl({ adminUrl, passwords }, role, 'cell')
    await migrate({ url: url('souk_owner'), sets: ['cell'] })
    const start = async () => {
      if (!server!.isRunning()) server = await startServer({ dataDir, port: Number(new URL(adminUrl).port), durable: false })
    }
    return {
      adminUrl: server.adminUrl('cell'),
      url,
      drop,
      start,
      stop: () => server!.stop(),
      startStandby: async () => {
        const standby = await startStandby(server!, dataDir)
        const { takeOver } = standby
        return Object.assign(standby, {
          takeOver: async () => {
            server = await takeOver()
            return server
          },
        })
      },
    }
  } catch (error) {
    await drop()
    throw error
  }
}

/** A database with a stream in it cannot be dropped. */
async function removeStreams(all: TestCell[]): Promise<void> {
  for (const { admin } of all) {
    const subscriptions = await admin`
      select subname as name from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())`
    for (const { name } of subscriptions) {
      await admin.unsafe(`alter subscription ${name} disable`)
      await admin.unsafe(`alter subscription ${name} set (slot_name = none)`)
      await admin.unsafe(`drop subscription ${name}`)
    }
  }
  for (const { admin } of all) {
    await until('no slot is left', async () => {
      const slots = await admin`select active_pid as pid, slot_name as name from pg_replication_slots where database = current_database()`
      for (const { pid, name } of slots) {
        if (pid === null) await admin`select pg_drop_replication_slot(${name})`.catch(() => {})
        else await admin`select pg_terminate_backend(${pid})`
      }
      return slots.length === 0
    })
  }
}

async function addMerchant(directory: postgres.Sql, { admin, name }: TestCell): Promise<MerchantEntry> {
  const id = randomUUID()
  const slug = `shop-${id.slice(-12)}`
  await directory`insert into platform.merchant (id, slug, name, status) values (${id}, ${slug}, ${slug}, 'active')`
  await directory`insert into platform.home (merchant_id, cell, epoch) values (${id}, ${name}, 1)`
  await admin`insert into tenancy.home (merchant_id, epoch, state) values (${id}, 1, 'active')`
  return { id, slug, status: 'active', cell: name, epoch: 1n, sandbox: false }
}

async function contents({ admin }: TestCell, merchantId: string): Promise<Record<string, string>> {
  const tables = await admin<{ name: string }[]>`select name from tenancy.tenant_table order by name`
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await admin`
        select coalesce(string_agg(to_jsonb(t)::text, chr(10) order by to_jsonb(t)::text), '') as text from ${admin(name)} t where merchant_id = ${merchantId}`
      return [name, row!.text as string] as const
    }),
  )
  return Object.fromEntries(texts)
}

async function findLeftovers(cells: TwoCells, merchantId: string, home: TestCell): Promise<string[]> {
  const found: string[] = []
  for (const cell of [cells.one, cells.two]) {
    const objects = await cell.admin<{ what: string }[]>`
      select 'slot ' || slot_name as what from pg_replication_slots where slot_name like 'souk_move_%' and database = current_database()
      union all select 'publication ' || pubname from pg_publication where pubname like 'souk_move_%'
      union all select 'subscription ' || subname from pg_subscription
        where subname like 'souk_move_%' and subdbid = (select oid from pg_database where datname = current_database())
      union all select 'marker ' || id from tenancy.move_marker where merchant_id = ${merchantId}`
    found.push(...objects.map(({ what }) => `${cell.name}: ${what}`))
    if (cell === home) continue
    const rows = Object.entries(await contents(cell, merchantId)).filter(([, text]) => text !== '')
    found.push(...rows.map(([name]) => `${cell.name}: rows of ${name}`))
    const homes = await cell.admin`select state from tenancy.home where merchant_id = ${merchantId}`
    found.push(...homes.map(({ state }) => `${cell.name}: home ${state}`))
  }
  const noted = await cells.directory`
    select o.cell, o.kind, o.name from platform.move_object o join platform.move m on m.id = o.move_id where m.merchant_id = ${merchantId}`
  return [...found, ...noted.map(({ cell, kind, name }) => `noted in ${cell}: ${kind} ${name}`)]
}
