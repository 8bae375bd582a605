import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newId } from '@souk/core/ids.ts'
import type { Manifest } from '@souk/platform/merchant-life/archive-format.ts'
import { ArchiveFolder } from '@souk/platform/merchant-life/archives.ts'
import { writeArchive } from '@souk/platform/merchant-life/write-archive.ts'
import postgres from 'postgres'
import type { TestApi } from './api.ts'
import type { Values } from './valid-requests.ts'

export const LIFE_BODIES: Record<string, (values: Values) => object | undefined> = {
  'POST /v1/merchants/{merchant_id}/exports': () => undefined,
  'POST /v1/merchants/{merchant_id}/sandboxes': ({ new_slug }) => ({ slug: `${new_slug}-sandbox` }),
  'POST /v1/merchants/{merchant_id}/erasure': ({ doomed_slug, doomed_archive_id }) => ({
    slug: doomed_slug,
    reason: 'a trial',
    archives: 'keep',
    kept_in: doomed_archive_id,
  }),
  'POST /v1/archives/{archive_id}/restore': ({ new_slug }) => ({ slug: `${new_slug}-again` }),
  'POST /v1/archives/{archive_id}/sandboxes': ({ new_slug }) => ({ slug: `${new_slug}-copy` }),
}

export const LIFE_STATES: Record<string, Values> = {
  'POST /v1/merchants/{merchant_id}/exports': { merchant_id: 'kept_merchant_id' },
  'POST /v1/merchants/{merchant_id}/erasure': { merchant_id: 'doomed_merchant_id', kept_in: 'doomed_archive_id' },
  'POST /v1/archives/{archive_id}/restore': { archive_id: 'erased_archive_id' },
  'DELETE /v1/archives/{archive_id}': { archive_id: 'spare_archive_id' },
  'GET /v1/erasures/{work_id}': { work_id: 'erasure_work_id' },
}

/** Merchants that the directory alone knows, one to be exported, one to be erased and one that was; archives of them; and what was done. */
export async function addLife(api: TestApi, canary: string): Promise<Values> {
  const {
    platformSql: sql,
    clock,
    options: { archiveDir },
  } = api
  const [admin] = await sql<{ id: string }[]>`select id from platform.admin order by id limit 1`
  const ids = { kept: newId(clock.now), doomed: newId(clock.now), erased: newId(clock.now) }
  for (const [name, id] of Object.entries(ids)) {
    const status = name === 'erased' ? 'erased' : 'active'
    await sql`insert into platform.merchant (id, slug, name, status) values (${id}, ${`${canary}-${name}`}, ${canary}, ${status})`
    if (name !== 'erased') await sql`insert into platform.home (merchant_id, cell, epoch) values (${id}, 'shared-1', 1)`
  }
  const archives = { archive_id: ids.kept, spare_archive_id: ids.kept, erased_archive_id: ids.erased, doomed_archive_id: ids.doomed }
  const made: Values = {}
  // One for all of them: what it says of whose it is, nobody looks at before it is restored.
  const file = await writeEmpty(api, { id: ids.erased, slug: `${canary}-archived`, name: canary, sandbox: false })
  const sha256 = createHash('sha256').update(file).digest('hex')
  for (const [name, merchantId] of Object.entries(archives)) {
    made[name] = newId(clock.now)
    if (archiveDir !== undefined) await writeFile(new ArchiveFolder(archiveDir).pathOf(made[name]), file)
    await sql`
      insert into platform.archive (id, merchant_id, slug, made_at, bytes, sha256, content)
      values (${made[name]}, ${merchantId}, ${`${canary}-archived`}, ${clock.now}, ${file.byteLength}, ${sha256},
        ${sql.json({ name: canary, rows: {}, mediaFiles: 0 })})`
  }
  const works = { work_id: 'export', erasure_work_id: 'erasure' }
  for (const [name, kind] of Object.entries(works)) {
    made[name] = newId(clock.now)
    await sql`
      insert into platform.merchant_work (id, kind, merchant_id, parameters, state, requested_by, requested_at, finished_at)
      values (${made[name]}, ${kind}, ${ids.erased}, '{}', 'done', ${admin!.id}, ${clock.now}, ${clock.now})`
  }
  const content = {
    slug: `${canary}-erased`,
    home: null,
    rows: {},
    jobs: 0,
    media_files: 0,
    cells_checked: [],
    archives: { erased: 0, kept: [] },
    domains: 0,
  }
  await sql`
    insert into platform.erasure (id, merchant_id, requested_by, reason, requested_at, erased_at, content, digest)
    values (${made.erasure_work_id!}, ${ids.erased}, ${admin!.id}, ${canary}, ${clock.now}, ${clock.now}, ${sql.json(content)}, ${'0'.repeat(64)})`
  await sql`
    insert into platform.audit (admin_id, action, merchant_id, data)
    values (${admin!.id}, 'merchant.erased', ${ids.erased}, ${sql.json({ certificate: made.erasure_work_id!, digest: '0' })})`
  return { ...made, kept_merchant_id: ids.kept, doomed_merchant_id: ids.doomed, doomed_slug: `${canary}-doomed` }
}

/** The file of an archive without a row, of that merchant. Where archives have no folder there is none. */
async function writeEmpty({ shop, clock, options: { archiveDir } }: TestApi, merchant: Manifest['merchant']): Promise<Buffer> {
  if (archiveDir === undefined) return Buffer.from('.')
  const path = join(archiveDir, `${merchant.id}.empty`)
  const admin = postgres(shop.database.adminUrl, { max: 1, onnotice: () => {} })
  try {
    await admin.begin((sql) => writeArchive(path, { sql, takenAt: clock.now }, { merchant, mediaFolder: undefined }))
    return await readFile(path)
  } finally {
    await admin.end()
    await rm(path, { force: true })
  }
}
