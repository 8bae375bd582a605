import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Checksums } from './archive-format.ts'
import { findErasure } from './erasures.ts'
import { LEFT_BEHIND } from './left-behind.ts'
import { checkArchive } from './read-archive.ts'
import { requestErasure, requestExport, requestRestore, requestSandbox } from './request-works.ts'
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

test('the certificate says what there was, holds to its digest, and stands in the chain of the audit log', async () => {
  const { directory, neighbour: merchant } = house
  await house.finish(await requestExport(directory, merchant.id, asked()))
  const { id } = await house.finish(
    await requestErasure(directory, merchant.id, { slug: 'neighbour', reason: 'asked for', archives: 'erase' }, asked()),
  )
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
      cells_checked: ['shared-1', 'shared-2'],
      archives: { erased: 1, kept: [] },
    },
  })
  expect(certificate.content.rows).toMatchObject({ product: 3002, orders: 2 })
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
