import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId } from '@souk/core/ids.ts'
import { createTestDatabase, type TestDatabase } from '@souk/local-postgres/test-database.ts'
import { readRelations } from '@souk/migrations/testing/catalogue.ts'
import { fillMerchants } from '@souk/migrations/testing/generated-rows.ts'
import postgres from 'postgres'
import { openPlatformSql, type PlatformSql } from '../../platform-sql.ts'
import { type Archive, ArchiveFolder, Archives } from '../archives.ts'
import { CellDoors } from '../cell-doors.ts'
import { type MerchantWork, MerchantWorks } from '../merchant-works.ts'
import { type MerchantWorksOptions, workOnce } from '../run-merchant-works.ts'

/** For tests: a directory, two cells in databases of their own, and two merchants in the first that have rows in every table. */
export interface LifeHouse {
  directory: PlatformSql
  /** As the administrator, by cell: past row security, for looking. */
  admins: Record<string, postgres.Sql>
  deps: MerchantWorksOptions
  mediaDir: string
  adminId: string
  merchant: { id: string; slug: string }
  neighbour: { id: string; slug: string }
  /** Does what was asked for until it has ended, whatever is thrown at it. */
  finish(work: MerchantWork, options?: Partial<MerchantWorksOptions>): Promise<MerchantWork>
  archiveOf(work: MerchantWork): Promise<Archive>
  close(): Promise<void>
}

export const CELLS = ['shared-1', 'shared-2'] as const
export const NOW = new Date('2026-03-01T10:00:00Z')
const TURNS_MAX = 500

export async function openLifeHouse(): Promise<LifeHouse> {
  const databases = [await createTestDatabase(), await createTestDatabase()]
  const folder = await mkdtemp(join(tmpdir(), 'souk-life-'))
  const mediaDir = join(folder, 'media')
  const admins = Object.fromEntries(
    CELLS.map((cell, index) => [cell, postgres(databases[index]!.adminUrl, { max: 1, onnotice: () => {} })]),
  )
  const directory = openPlatformSql(databases[0]!.url('souk_platform'))
  const cells = new CellDoors(() => Object.fromEntries(CELLS.map((cell, index) => [cell, urlsOf(databases[index]!)])))
  const [merchant, neighbour] = [await addMerchant(directory, 'kaffa'), await addMerchant(directory, 'neighbour')]
  const [admin] = await directory<{ id: string }[]>`
    insert into platform.admin (email, password_hash) values ('admin@souk.example', 'none') returning id`
  await fill(admins['shared-1']!, [merchant.id, neighbour.id])
  for (const { slug } of [merchant, neighbour]) {
    await mkdir(join(mediaDir, slug), { recursive: true })
    await writeFile(join(mediaDir, slug, 'cup.svg'), `<svg>${slug}</svg>`)
  }
  const deps: MerchantWorksOptions = { directory, cells, archives: new ArchiveFolder(join(folder, 'archives')), mediaDir }
  return {
    directory,
    admins,
    deps,
    mediaDir,
    adminId: admin!.id,
    merchant,
    neighbour,
    finish: (work, options) => finish(directory, { ...deps, ...options }, work),
    archiveOf: async (work) => (await new Archives(directory).find(work.id))!,
    close: async () => {
      await cells.close()
      await directory.end()
      for (const admin of Object.values(admins)) await admin.end()
      for (const database of databases) await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function finish(directory: PlatformSql, options: MerchantWorksOptions, { id }: MerchantWork): Promise<MerchantWork> {
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    await workOnce(options)
    const work = (await new MerchantWorks(directory).find(id))!
    if (work.state === 'done' || work.state === 'failed') return work
    // Nobody waits for what is put off, and the number of attempts is not what is looked at here.
    await directory`update platform.merchant_work set due_at = now(), leased_until = '-infinity', attempts = 0 where id = ${id}`
  }
  throw new Error(`the work has not ended after ${TURNS_MAX} turns`)
}

function urlsOf(database: TestDatabase) {
  return { app: database.url('souk_app'), platform: database.url('souk_platform') }
}

async function addMerchant(directory: PlatformSql, slug: string): Promise<{ id: string; slug: string }> {
  for (const cell of CELLS) await directory`insert into platform.cell (name, kind) values (${cell}, 'shared') on conflict (name) do nothing`
  const id = newId(NOW)
  await directory`insert into platform.merchant (id, slug, name, status) values (${id}, ${slug}, ${slug}, 'active')`
  await directory`insert into platform.home (merchant_id, cell, epoch) values (${id}, 'shared-1', 1)`
  await directory`insert into platform.domain (host, merchant_id, challenge) values (${`${slug}.example`}, ${id}, 'challenge')`
  return { id, slug }
}

/** Two rows in every table, and in some the values that are easily lost on the way. */
async function fill(admin: postgres.Sql, ids: [string, string]): Promise<void> {
  await fillMerchants(admin, await readRelations(admin), ids)
  for (const id of ids) {
    await admin`insert into tenancy.home (merchant_id, epoch, state) values (${id}, 1, 'active')`
    await admin`
      insert into product (merchant_id, handle, title, tags, option_names, status, published, price_max)
      select ${id}, 'cup-' || n, 'A "cup" \\ of' || chr(10) || 'café ☕ ' || n, array['a,b', '{"x"}', ''], array[]::text[], 'active', true, 9007199254740993
      from generate_series(1, 3000) as n`
    await admin`
      insert into event (merchant_id, sequence, type, aggregate_type, aggregate_id, data, actor)
      values (${id}, 9007199254740993, 'product.created', 'product', ${newId(NOW)}, 'null', '{"n": 12345678901234567890.5, "s": "\\u00e9\\n"}')`
  }
}
