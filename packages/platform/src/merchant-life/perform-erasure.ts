import { readdir, rm } from 'node:fs/promises'
import { Archives } from './archives.ts'
import { json } from './merchant-works.ts'
import { type LifeDeps, mediaFolderOf, type Session, WorkImpossible } from './perform.ts'
import { readTenantTables } from './tenant-tables.ts'

interface Erased {
  slug: string
  cell: string | null
  epoch: bigint | null
}

const ROWS_AT_ONCE = 2_000
const ROWS_AT_ONCE_MIN = 20
const STATEMENT_CANCELLED = '57014'

/**
 * Erases a merchant: its rows in every cell, its jobs, media, archives, domains, figures and names; and writes the certificate. What there was
 * is counted when nobody can add to it any more, and before the first row goes, so that a worker that dies leaves the figures whole.
 */
export async function performErasure(deps: LifeDeps, session: Session): Promise<void> {
  const { work } = session.held
  const [merchant] = await deps.directory<Erased[]>`
    select m.slug, h.cell, h.epoch from platform.merchant m left join platform.home h on h.merchant_id = m.id
    where m.id = ${work.merchantId} and m.status = 'erasing'`
  if (!merchant) throw new WorkImpossible('The merchant is not one that is being erased.')
  const cells = await cellsInService(deps)
  const mediaFolder = await mediaFolderOf(deps, merchant.slug)
  for (const cell of cells) {
    await deps.cells.platform(cell)`select tenancy.begin_erasure(${work.merchantId}, ${work.id})`
    session.step('shut out')
  }
  if (work.figures.rows === undefined) {
    if (work.parameters.kept_in !== undefined) await assertKept(deps, session, merchant, cells)
    work.figures.rows = await countRows(deps, session, cells)
    work.figures.mediaFiles = await countMedia(mediaFolder)
    work.figures.archives = await listArchives(deps, work.merchantId)
    work.figures.cells = cells
    await session.keep()
    session.step('counted')
  }
  for (const cell of cells) await eraseCell(deps, session, cell)
  if (mediaFolder !== undefined) await rm(mediaFolder, { recursive: true, force: true })
  session.step('media erased')
  if (work.parameters.archives === 'erase') await eraseArchives(deps, work.merchantId)
  session.step('archives erased')
  await assertNothingLeft(deps, work.merchantId, cells)
  // Before the certificate: whoever has it may restore the merchant, to the same cell.
  for (const cell of cells) await deps.cells.platform(cell)`select tenancy.finish_erasure(${work.merchantId}, ${work.id})`
  session.step('cells left')
  await finish(deps, session, merchant)
}

/**
 * That the archive which is to have all of the merchant has it, now that nobody can add to it. A merchant that was written to since,
 * by a process that had not heard yet that it is closed, is let in again as it is, suspended. Only as long as nothing of it has gone.
 */
async function assertKept(deps: LifeDeps, session: Session, { cell, epoch }: Erased, cells: readonly string[]): Promise<void> {
  const { work } = session.held
  const archive = await new Archives(deps.directory).find(String(work.parameters.kept_in))
  if (cell === null) return
  const found = archive && !archive.deletedAt ? await countRows(deps, session, [cell]) : undefined
  const grown = found && Object.keys(found).filter((table) => found[table]! > (archive!.content.rows[table] ?? 0))
  if (grown?.length === 0) return
  session.assertHeld()
  for (const name of cells) await deps.cells.platform(name)`select tenancy.finish_erasure(${work.merchantId}, ${work.id})`
  const home = deps.cells.platform(cell)
  await home`select tenancy.begin_restore(${work.merchantId}, ${work.id}, false)`
  await home`select tenancy.finish_restore(${work.merchantId}, ${work.id}, ${String(epoch)}::bigint)`
  session.step('let in again')
  await deps.directory`update platform.merchant set status = 'suspended' where id = ${work.merchantId} and status = 'erasing'`
  throw new WorkImpossible(
    grown === undefined
      ? 'The archive that was to have all of the merchant was deleted. Nothing was erased; the merchant is suspended.'
      : `The merchant was written to after its archive was made: ${grown.join(', ')}. Nothing was erased; the merchant is suspended.`,
  )
}

/** All that are in service: a move or a restore that ended badly may have left rows in any of them. */
async function cellsInService(deps: LifeDeps): Promise<string[]> {
  const known = await deps.directory<{ name: string }[]>`select name from platform.cell where status <> 'retired' order by name`
  const names = known.map(({ name }) => name)
  const missing = names.filter((name) => !deps.cells.names.includes(name))
  if (missing.length > 0) throw new Error(`this worker has no address for ${missing.join(', ')}`)
  return names
}

async function countRows(deps: LifeDeps, session: Session, cells: readonly string[]): Promise<Record<string, number>> {
  const totals: Record<string, number> = {}
  for (const cell of cells) {
    const sql = deps.cells.platform(cell)
    for (const { name } of await readTenantTables(sql)) {
      session.assertHeld()
      const [{ count }] = await sql<[{ count: string }]>`select tenancy.count_rows(${session.held.work.merchantId}, ${name}) as count`
      totals[name] = (totals[name] ?? 0) + Number(count)
    }
  }
  return totals
}

/** Those that point first, then those they point at. */
async function eraseCell(deps: LifeDeps, session: Session, cell: string): Promise<void> {
  const { work } = session.held
  const sql = deps.cells.platform(cell)
  const eraseJobs = async () => {
    const [{ jobs }] = await sql<[{ jobs: string }]>`select tenancy.erase_jobs(${work.merchantId}, ${work.id}) as jobs`
    work.figures.jobs = (work.figures.jobs ?? 0) + Number(jobs)
    await session.keep()
  }
  await eraseJobs()
  for (const { name } of (await readTenantTables(sql)).reverse()) {
    for (let atMost = ROWS_AT_ONCE; ; ) {
      session.assertHeld()
      try {
        const [{ erased }] = await sql<[{ erased: string }]>`
          select tenancy.erase_rows(${work.merchantId}, ${work.id}, ${name}, ${atMost}) as erased`
        work.figures.rowsDone = (work.figures.rowsDone ?? 0) + Number(erased)
        session.step('rows erased')
        if (Number(erased) < atMost) break
      } catch (error) {
        // Rows that many others point at take longer than a statement may.
        if ((error as { code?: string }).code !== STATEMENT_CANCELLED || atMost <= ROWS_AT_ONCE_MIN) throw error
        atMost = Math.max(ROWS_AT_ONCE_MIN, Math.floor(atMost / 10))
      }
    }
  }
  // Those that ran at that moment have put down by now that there is no such merchant.
  await eraseJobs()
}

/** Files go that the list has, and those of archives deleted before too, were they still there. */
async function eraseArchives(deps: LifeDeps, merchantId: string): Promise<void> {
  const archives = new Archives(deps.directory)
  for (const { id } of await deps.directory<{ id: string }[]>`select id from platform.archive where merchant_id = ${merchantId}`) {
    await deps.archives.remove(id)
    await archives.markDeleted(id, null, new Date())
  }
}

async function assertNothingLeft(deps: LifeDeps, merchantId: string, cells: readonly string[]): Promise<void> {
  for (const cell of cells) {
    const sql = deps.cells.platform(cell)
    for (const { name } of await readTenantTables(sql)) {
      const [{ count }] = await sql<[{ count: string }]>`select tenancy.count_rows(${merchantId}, ${name}) as count`
      if (Number(count) > 0) throw new Error(`${count} rows of the merchant are left in ${name} of the cell ${cell}`)
    }
  }
}

async function listArchives({ directory }: LifeDeps, merchantId: string): Promise<string[]> {
  const listed = await directory<{ id: string }[]>`
    select id from platform.archive where merchant_id = ${merchantId} and deleted_at is null order by id`
  return listed.map(({ id }) => id)
}

async function countMedia(folder: string | undefined): Promise<number> {
  if (folder === undefined) return 0
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return found.length
}

/**
 * The last of the merchant in the directory, the certificate and its place in the chain of the audit log, all at once. The row of the
 * merchant stays without its names.
 */
async function finish(deps: LifeDeps, session: Session, merchant: Erased): Promise<void> {
  const { work, lease } = session.held
  const { rows = {}, jobs = 0, mediaFiles = 0, cells = [], archives: listed = [] } = work.figures
  const archives = work.parameters.archives === 'erase' ? { erased: listed.length, kept: [] } : { erased: 0, kept: listed }
  const content = { slug: merchant.slug, home: merchant.cell, rows, jobs, media_files: mediaFiles, cells_checked: cells, archives }
  const sql = deps.directory
  await sql`
    with done as (
      update platform.merchant_work set state = 'done', step = 'done', figures = ${json(sql, work.figures)}, finished_at = now(), lease = null,
        leased_until = '-infinity'
      where id = ${work.id} and lease = ${lease}
      returning id, merchant_id, requested_by, parameters ->> 'reason' as reason, requested_at
    ), sandboxes as (
      select m.id from platform.merchant m join done on m.sandbox_of = done.merchant_id where m.status <> 'erased'
    ), domains as (
      delete from platform.domain d using done where d.merchant_id = done.merchant_id returning d.host
    ), homes as (
      delete from platform.home h using done where h.merchant_id = done.merchant_id
    ), used as (
      delete from platform.usage u using done where u.merchant_id = done.merchant_id returning u.day
    ), bucket as (
      delete from platform.request_bucket b using done where b.merchant_id = done.merchant_id
    ), answers as (
      delete from platform.idempotency_key k using done where strpos(k.response_body, done.merchant_id::text) > 0
    ), nameless as (
      update platform.merchant m set status = 'erased', slug = 'erased-' || replace(m.id::text, '-', ''), name = ''
      from done where m.id = done.merchant_id
    ), written as (
      select row(done.id, done.merchant_id, done.requested_by, done.reason, done.requested_at, now(),
        ${json(sql, content)}::jsonb || jsonb_build_object('domains', (select count(*) from domains), 'usage_days', (select count(*) from used),
          'sandboxes', (select coalesce(jsonb_agg(id order by id), '[]') from sandboxes)), '')::platform.erasure as erasure
      from done
    ), certified as (
      insert into platform.erasure (id, merchant_id, requested_by, reason, requested_at, erased_at, content, digest)
      select (erasure).id, (erasure).merchant_id, (erasure).requested_by, (erasure).reason, (erasure).requested_at, (erasure).erased_at,
        (erasure).content, platform.erasure_digest(erasure)
      from written returning id, merchant_id, requested_by, erased_at, digest
    )
    insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
    select requested_by, 'merchant.erased', merchant_id, jsonb_build_object('certificate', id, 'digest', digest), erased_at from certified`
  session.step('certified')
}
