import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adoptArchive } from './adopt-archive.ts'
import { ArchiveUnusable, type Checksums } from './archive-format.ts'
import { findErasure } from './erasures.ts'
import { LEFT_BEHIND } from './left-behind.ts'
import { MerchantWorks, WorkLost } from './merchant-works.ts'
import { checkArchive } from './read-archive.ts'
import { requestErasure, requestExport, requestRestore, requestSandbox } from './request-works.ts'
import { workOnce } from './run-merchant-works.ts'
import { readTenantTables } from './tenant-tables.ts'
import { type LifeHouse, NOW, openLifeHouse } from './testing/life-house.ts'

let house: LifeHouse
beforeAll(async () => {
  house = await openLifeHouse()
})
afterAll(() => house.close())

const asked = () => ({ adminId: house.adminId, now: NOW })

test('a sandbox has the rows of the shop under an id of its own, and nothing that opens or reaches anything outside', async () => {
  const { directory, merchant } = house
  const made = await house.finish(
    await requestSandbox(directory, { merchantId: merchant.id }, { slug: 'kaffa-sandbox', name: undefined, cell: 'shared-2' }, asked()),
    dyingOnce(),
  )
  expect(made).toMatchObject({ state: 'done', failure: null })
  const rows = await rowsOf('shared-2', made.merchantId)
  const original = await rowsOf('shared-1', merchant.id)
  for (const [table, count] of Object.entries(original)) {
    const expected = LEFT_BEHIND.has(table) ? 0 : table === 'audit_chain' ? 1 : count
    expect.soft([table, rows[table]]).toEqual([table, expected])
  }
  expect(await directory`select slug, name, status, sandbox, sandbox_of from platform.merchant where id = ${made.merchantId}`).toEqual([
    { slug: 'kaffa-sandbox', name: 'kaffa', status: 'active', sandbox: true, sandbox_of: merchant.id },
  ])
  const admin = house.admins['shared-2']!
  expect(await admin`select slug from merchant_settings where merchant_id = ${made.merchantId}`).toEqual([{ slug: 'kaffa-sandbox' }])
  // Its log is a chain of its own, and whole.
  expect(
    await admin`select sequence, hash = app.audit_hash(e) as intact from audit_entry e where merchant_id = ${made.merchantId} order by sequence`,
  ).toEqual([
    { sequence: '1', intact: true },
    { sequence: '2', intact: true },
  ])
  expect(await house.deps.archives.has(made.id)).toBe(false)
  expect(await house.archiveOf(made)).toBeUndefined()
})

test('what a new column or table is named like tells whether somebody must think of sandboxes', async () => {
  // Digests and keys that open nothing, what a customer looks like to a provider, and staff, who sign in to the sandbox as they do to the shop.
  const harmless = new Set([
    'staff.password_hash',
    'staff.password_token_hash',
    'staff.password_token_expires_at',
    'pricing_version.hash',
    'audit_entry.hash',
    'audit_entry.previous_hash',
    'staff.tokens_valid_after',
  ])
  const sensitive: string[] = []
  for (const table of await readTenantTables(house.admins['shared-1']!)) {
    for (const { name } of table.columns) {
      const full = `${table.name}.${name}`
      if (/seal|secret|token|password|(^|_)hash|credential/.test(name) && !LEFT_BEHIND.has(table.name) && !harmless.has(full))
        sensitive.push(full)
    }
    // Rows that are copied must not point at rows that are not.
    if (!LEFT_BEHIND.has(table.name))
      expect.soft([table.name, table.references.filter((parent) => LEFT_BEHIND.has(parent))]).toEqual([table.name, []])
  }
  expect(sensitive.filter((column) => !column.startsWith('audit_chain.'))).toEqual([])
})

test('an archive that was changed or cut off is known, and nothing is made of it', async () => {
  const { directory, neighbour, deps } = house
  const work = await house.finish(await requestExport(directory, neighbour.id, asked()))
  const path = deps.archives.pathOf(work.id)
  const whole = await readFile(path)
  const tar = gunzipSync(whole)
  const broken: [string, Buffer, RegExp][] = [
    // With the accent after it: ids are of such letters too.
    [
      'one letter of a row',
      gzipSync(Buffer.from(tar.toString('latin1').replace(/caf(?=\xc3)/, 'cab'), 'latin1')),
      /tables\/product\/000001.ndjson is not what was written/,
    ],
    [
      'a name in the manifest',
      gzipSync(Buffer.from(tar.toString('latin1').replace('"neighbour"', '"neighbaur"'), 'latin1')),
      /The manifest is not the one/,
    ],
    ['its end', gzipSync(tar.subarray(0, tar.byteLength - 200_000)), /The archive/],
    ['its last bytes', whole.subarray(0, whole.byteLength - 100), /The archive cannot be read/],
    ['everything', Buffer.from('no archive'), /The archive cannot be read/],
  ]
  for (const [what, bytes, problem] of broken) {
    await writeFile(`${path}.broken`, bytes)
    const failure = await checkArchive(`${path}.broken`).catch((error: unknown) => error)
    expect.soft(failure, what).toBeInstanceOf(ArchiveUnusable)
    expect.soft((failure as Error).message, what).toMatch(problem)
  }
  await writeFile(path, broken[0]![1])
  const sandbox = await requestSandbox(
    directory,
    { archive: await house.archiveOf(work) },
    { slug: 'never', name: undefined, cell: 'shared-2' },
    asked(),
  )
  expect(await house.finish(sandbox)).toMatchObject({ state: 'failed', failure: 'The file of the archive is not the one that was made.' })
  expect(Object.keys(await tableDigests('shared-2', sandbox.merchantId))).toEqual([])
})

test('a worker that comes too late changes nothing: not the row of the work, and not the cell', async () => {
  const { directory, merchant, neighbour } = house
  const works = new MerchantWorks(directory)
  const { id } = await requestExport(directory, merchant.id, asked())
  const late = (await works.take())!
  await directory`update platform.merchant_work set leased_until = '-infinity' where id = ${id}`
  const next = (await works.take())!
  await expect(works.keep(late)).rejects.toBeInstanceOf(WorkLost)
  expect(await works.fail(late, { message: 'late', isFinal: true })).toBe('lost')
  await works.keep(next)
  expect(await works.find(id)).toMatchObject({ state: 'running', failure: null })
  await works.giveBack(next)
  expect(await house.finish({ ...next.work, id })).toMatchObject({ state: 'done' })

  const platform = house.deps.cells.platform('shared-1')
  const strange = '00000000-0000-4000-8000-000000000000'
  const tries: [string, Promise<unknown>][] = [
    ['erase rows', platform`select tenancy.erase_rows(${neighbour.id}, ${strange}, 'product', 10)`],
    ['erase jobs', platform`select tenancy.erase_jobs(${neighbour.id}, ${strange})`],
    ['restore over a merchant', platform`select tenancy.begin_restore(${neighbour.id}, ${strange}, false)`],
    ['restore rows', platform`select tenancy.restore_rows(${neighbour.id}, ${strange}, 1, 'product', ${['id']}::text[], '{}')`],
  ]
  for (const [what, tried] of tries) {
    expect.soft(await tried.catch((error: { code: string }) => error.code), what).toBe('MV004')
  }
  await expect(platform`select tenancy.count_rows(${neighbour.id}, 'pg_class')`).rejects.toThrow('no tenant table is named pg_class')
})

test('a merchant is not erased while it is being moved, nor under another name, nor twice at once', async () => {
  const { directory, merchant } = house
  const given = { slug: 'kaffa', reason: 'asked for', archives: 'keep' } as const
  await directory`
    insert into platform.move (merchant_id, from_cell, to_cell, epoch, requested_at) values (${merchant.id}, 'shared-1', 'shared-2', 1, ${NOW})`
  await expect(requestErasure(directory, merchant.id, given, asked())).rejects.toMatchObject({ code: 'invalid_state' })
  await directory`update platform.move set state = 'aborted' where merchant_id = ${merchant.id}`
  await expect(requestErasure(directory, merchant.id, { ...given, slug: 'neighbour' }, asked())).rejects.toMatchObject({
    code: 'invalid_slug',
  })
  const work = await requestExport(directory, merchant.id, asked())
  await expect(requestErasure(directory, merchant.id, given, asked())).rejects.toMatchObject({ code: 'invalid_state' })
  expect(await directory`select status from platform.merchant where id = ${merchant.id}`).toEqual([{ status: 'active' }])
  await house.finish(work)
})

test('what was erased comes back from its archive in another cell, every byte of it, and a worker that dies does no harm', async () => {
  const { directory, merchant, neighbour } = house
  const exported = await house.finish(await requestExport(directory, merchant.id, asked()), dyingOnce())
  expect(exported).toMatchObject({ state: 'done', failure: null })
  const archive = await house.archiveOf(exported)
  const before = await digests(archive.id)
  expect(Object.values(before.rows).every((rows) => rows > 0)).toBe(true)
  const neighbourBefore = await tableDigests('shared-1', neighbour.id)

  const erased = await house.finish(
    await requestErasure(directory, merchant.id, { slug: 'kaffa', reason: 'asked for', archives: 'keep' }, asked()),
    dyingOnce(),
  )
  expect(erased).toMatchObject({ state: 'done', failure: null, figures: { rows: before.rows } })
  expect(Object.keys(await tableDigests('shared-1', merchant.id))).toEqual([])
  expect(await house.directory`select 1 from platform.home where merchant_id = ${merchant.id}`).toHaveLength(0)
  expect(existsSync(join(house.mediaDir, 'kaffa'))).toBe(false)

  const restored = await house.finish(
    await requestRestore(directory, archive, { slug: 'kaffa', cell: 'shared-2', open: true }, asked()),
    dyingOnce(),
  )
  expect(restored).toMatchObject({ state: 'done', failure: null })
  expect(await readFile(join(house.mediaDir, 'kaffa', 'cup.svg'), 'utf8')).toBe('<svg>kaffa</svg>')
  expect(
    await directory`select h.cell, h.epoch, m.status, m.sandbox from platform.home h join platform.merchant m on m.id = h.merchant_id
    where m.id = ${merchant.id}`,
  ).toEqual([{ cell: 'shared-2', epoch: 2n, status: 'active', sandbox: false }])
  const again = await house.finish(await requestExport(directory, merchant.id, asked()))
  expect(await digests(again.id)).toEqual(before)
  expect(await tableDigests('shared-1', neighbour.id)).toEqual(neighbourBefore)
  expect(Object.keys(await tableDigests('shared-2', neighbour.id))).toEqual([])
})

test('an archive from elsewhere is adopted if it is whole, and its merchant moves in where it has never been', async () => {
  const { directory, neighbour, deps } = house
  const exported = await house.finish(await requestExport(directory, neighbour.id, asked()))
  const foreign = await openLifeHouse()
  try {
    await expect(adoptArchive(foreign.deps, import.meta.filename, NOW)).rejects.toBeInstanceOf(ArchiveUnusable)
    expect(await foreign.directory`select 1 from platform.archive`).toHaveLength(0)
    const archive = await adoptArchive(foreign.deps, deps.archives.pathOf(exported.id), NOW)
    const { sha256, content, madeAt, slug } = await house.archiveOf(exported)
    expect(archive).toMatchObject({ merchantId: neighbour.id, sha256, content, madeAt, slug })
    const made = { slug: 'from-afar', cell: 'shared-2', open: false }
    const restored = await foreign.finish(await requestRestore(foreign.directory, archive, made, { adminId: foreign.adminId, now: NOW }))
    expect(restored).toMatchObject({ state: 'done', failure: null, merchantId: neighbour.id })
    expect(await foreign.admins['shared-2']!`select slug, name from merchant_settings where merchant_id = ${neighbour.id}`).toEqual(
      (await house.admins['shared-1']!`select name from merchant_settings where merchant_id = ${neighbour.id}`).map(({ name }) => ({
        slug: 'from-afar',
        name,
      })),
    )
  } finally {
    await foreign.close()
  }
})

test('the certificate says what there was in all cells, holds to its digest, and stands in the chain of the audit log', async () => {
  const { directory, neighbour: merchant } = house
  await house.finish(await requestExport(directory, merchant.id, asked()))
  const [known] = await house.admins['shared-1']!`select count(*)::int as locations from location where merchant_id = ${merchant.id}`
  // What a move that ended badly may have left, and a cell that nobody can look into.
  await house.admins['shared-2']!`insert into location (merchant_id, name) values (${merchant.id}, 'left behind')`
  await directory`insert into platform.cell (name, kind) values ('elsewhere', 'shared')`
  const tellUsage = () =>
    directory`select platform.add_usage('2026-03-01', ${JSON.stringify([{ merchant_id: merchant.id, requests: 5 }])}::text::jsonb)`
  await tellUsage()
  const work = await requestErasure(directory, merchant.id, { slug: 'neighbour', reason: 'asked for', archives: 'erase' }, asked())
  const problems: string[] = []
  await workOnce({ ...house.deps, onOutcome: ({ error }) => void problems.push((error as Error).message) })
  expect(problems).toEqual(['this worker has no address for elsewhere'])
  expect(await findErasure(directory, work.id)).toBeUndefined()
  await directory`update platform.cell set status = 'retired' where name = 'elsewhere'`
  await directory`update platform.merchant_work set due_at = now() where id = ${work.id}`
  const { id } = await house.finish(work)
  expect(Object.keys(await tableDigests('shared-2', merchant.id))).toEqual([])
  // A process that was away tells late what it counted.
  await tellUsage()
  expect(await directory`select day from platform.usage where merchant_id = ${merchant.id}`).toEqual([])
  const certificate = (await findErasure(directory, id))!
  expect(certificate).toMatchObject({
    merchantId: merchant.id,
    reason: 'asked for',
    intact: true,
    content: {
      slug: 'neighbour',
      home: 'shared-1',
      media_files: 1,
      domains: 1,
      usage_days: 1,
      cells_checked: ['shared-1', 'shared-2'],
      archives: { erased: 3, kept: [] },
    },
  })
  expect(certificate.content.rows).toMatchObject({ product: 3002, orders: 2, location: known!.locations + 1 })
  expect(await directory`select slug, name, status from platform.merchant where id = ${merchant.id}`).toEqual([
    { slug: `erased-${merchant.id.replaceAll('-', '')}`, name: '', status: 'erased' },
  ])
  await house.admins['shared-1']!`update platform.erasure set content = jsonb_set(content, '{rows,orders}', '1') where id = ${id}`
  expect(await findErasure(directory, id)).toMatchObject({ intact: false })
})

/** Throws once at every step that has a name, as a worker does that dies there. */
function dyingOnce(): { onStep(name: string): void; onOutcome(outcome: { error?: unknown }): void } {
  const died = new Set<string>()
  return {
    onStep: (name) => {
      if (died.has(name)) return
      died.add(name)
      throw new Error(`died: ${name}`)
    },
    onOutcome: ({ error }) => {
      if (error !== undefined && !(error as Error).message.startsWith('died: ')) throw error
    },
  }
}

/** What is in an archive, but for when it was made and the epoch it was made at. */
async function digests(archiveId: string): Promise<Pick<Checksums, 'entries' | 'rows'>> {
  const { checksums } = await checkArchive(house.deps.archives.pathOf(archiveId))
  return { entries: checksums.entries, rows: checksums.rows }
}

async function rowsOf(cell: string, merchantId: string): Promise<Record<string, number>> {
  const admin = house.admins[cell]!
  const counts: Record<string, number> = {}
  for (const { name } of await readTenantTables(admin)) {
    const [{ count }] = await admin<
      [{ count: number }]
    >`select count(*)::int as count from ${admin(name)} where merchant_id = ${merchantId}`
    counts[name] = count
  }
  return counts
}

/** Of every table in which the merchant has a row, a digest over all its rows. */
async function tableDigests(cell: string, merchantId: string): Promise<Record<string, string>> {
  const admin = house.admins[cell]!
  const found: Record<string, string> = {}
  for (const { name } of await readTenantTables(admin)) {
    const rows = await admin<{ text: string }[]>`select t::text as text from ${admin(name)} t where merchant_id = ${merchantId} order by 1`
    if (rows.length > 0)
      found[name] = createHash('sha256')
        .update(rows.map(({ text }) => text).join('\n'))
        .digest('hex')
  }
  return found
}
