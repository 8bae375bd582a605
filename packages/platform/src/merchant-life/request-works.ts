import { newId } from '@souk/core/ids.ts'
import { checkSlug } from '@souk/core/merchant/provision.ts'
import { Refusal } from '@souk/core/refusal.ts'
import type { PlatformSql } from '../platform-sql.ts'
import { type Archive, Archives } from './archives.ts'
import { columns, json, type MerchantWork } from './merchant-works.ts'

/** Who asks, and when. */
export interface Asked {
  adminId: string
  now: Date
  /** Only find out whether it would be granted: nothing is kept of it, and nothing done. */
  dryRun?: boolean
}

const UNIQUE_VIOLATION = '23505'
const FOREIGN_KEY_VIOLATION = '23503'
const CELL_GUARDS = new Set(['CE001', 'CE002'])

/** Asks for an archive of a merchant. */
export async function requestExport(sql: PlatformSql, merchantId: string, asked: Asked): Promise<MerchantWork> {
  return refused(sql, 'merchant', asked, async (sql) => {
    const [work] = await sql<MerchantWork[]>`
      with asked as (
        insert into platform.merchant_work (id, kind, merchant_id, parameters, requested_by, requested_at)
        select ${newId(asked.now)}, 'export', id, '{}', ${asked.adminId}, ${asked.now} from platform.merchant
        where id = ${merchantId} and status in ('active', 'suspended') returning *
      ), noted as (
        insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
        select requested_by, 'merchant.export', merchant_id, jsonb_build_object('work', id), requested_at from asked
      )
      select ${columns(sql)} from asked`
    return work ?? refuse(sql, merchantId)
  })
}

/** Asks for a sandbox of a merchant as it is now: a new merchant under that slug. */
export async function requestSandbox(
  sql: PlatformSql,
  of: { merchantId: string } | { archive: Archive },
  made: { slug: string; name: string | undefined; cell: string },
  asked: Asked,
): Promise<MerchantWork> {
  checkSlug(made.slug)
  const source = 'archive' in of ? of.archive.merchantId : of.merchantId
  const parameters = { ...('archive' in of ? { archive_id: of.archive.id } : { of: of.merchantId }), open: true }
  const known = 'archive' in of ? of.archive.content.name : ((await nameOf(sql, source)) ?? (await refuse(sql, source)))
  const id = newId(asked.now)
  return refused(sql, 'slug', asked, async (sql) => {
    const [work] = await sql<MerchantWork[]>`
      with listed as (
        insert into platform.merchant (id, slug, name, status, sandbox, sandbox_of, created_at)
        values (${id}, ${made.slug}, ${made.name ?? known}, 'provisioning', true, ${source}, ${asked.now})
      ), housed as (
        insert into platform.home (merchant_id, cell, epoch) values (${id}, ${made.cell}, 1)
      ), asked as (
        insert into platform.merchant_work (id, kind, merchant_id, parameters, requested_by, requested_at)
        values (${newId(asked.now)}, 'sandbox', ${id}, ${json(sql, parameters)}, ${asked.adminId}, ${asked.now}) returning *
      ), noted as (
        insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
        select requested_by, 'merchant.sandbox', merchant_id, jsonb_build_object('work', id, 'of', ${source}::text, 'slug', ${made.slug}::text),
          requested_at from asked
      )
      select ${columns(sql)} from asked`
    return work!
  })
}

/**
 * Asks to have a merchant again as it was in an archive of its own, under its own id, in a cell of choice: one that was erased, or
 * that was never here.
 */
export async function requestRestore(
  sql: PlatformSql,
  archive: Archive,
  made: { slug: string; cell: string; open: boolean },
  asked: Asked & {
    /** Of a dry run: as it would be once the merchant of today is erased. */
    afterErasure?: boolean
  },
): Promise<MerchantWork> {
  checkSlug(made.slug)
  const parameters = { archive_id: archive.id, open: made.open }
  return refused(sql, 'slug', asked, async (sql) => {
    if (asked.dryRun && asked.afterErasure) await pretendErased(sql, archive.merchantId)
    const [work] = await sql<MerchantWork[]>`
      with revived as (
        insert into platform.merchant as m (id, slug, name, status, sandbox, last_epoch, created_at)
        values (${archive.merchantId}, ${made.slug}, ${archive.content.name}, 'provisioning', ${archive.content.sandbox === true}, 1, ${asked.now})
        on conflict (id) do update set status = excluded.status, slug = excluded.slug, name = excluded.name, last_epoch = m.last_epoch + 1
        where m.status = 'erased' returning m.id, m.last_epoch
      ), housed as (
        insert into platform.home (merchant_id, cell, epoch) select id, ${made.cell}, last_epoch from revived
      ), asked as (
        insert into platform.merchant_work (id, kind, merchant_id, parameters, requested_by, requested_at)
        select ${newId(asked.now)}, 'restore', id, ${json(sql, parameters)}, ${asked.adminId}, ${asked.now} from revived returning *
      ), noted as (
        insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
        select requested_by, 'merchant.restore', merchant_id, jsonb_build_object('work', id, 'archive', ${archive.id}::text, 'slug', ${made.slug}::text,
          'cell', ${made.cell}::text), requested_at from asked
      )
      select ${columns(sql)} from asked`
    return work ?? refuse(sql, archive.merchantId)
  })
}

/**
 * Closes a merchant for good and asks for its erasure. Refuses when the slug is not the merchant's, and while it is being moved:
 * its rows are in two places then.
 */
export async function requestErasure(
  sql: PlatformSql,
  merchantId: string,
  given: {
    slug: string
    reason: string
    archives: 'erase' | 'keep'
    /** An archive that is to have all of it: if the merchant was written to since, nothing is erased. */
    keptIn?: string | undefined
  },
  asked: Asked,
): Promise<MerchantWork> {
  const { reason, archives, keptIn } = given
  if (keptIn !== undefined && (await requireArchive(sql, keptIn)).merchantId !== merchantId) throw noSuchArchive()
  // What is half restored has no archive that has all of it.
  const from = keptIn === undefined ? ['provisioning', 'active', 'suspended', 'erasing'] : ['active', 'suspended']
  const parameters = { reason, archives, ...(keptIn !== undefined && { kept_in: keptIn }) }
  return refusedTogether(sql, asked, async (sql) => {
    // A move that is being asked for at this moment is waited for here, and seen by the statement after this one.
    await sql`select from platform.merchant where id = ${merchantId} for update`
    const [work] = await sql<MerchantWork[]>`
      with closed as (
        update platform.merchant m set status = 'erasing', last_epoch = greatest(m.last_epoch, (select h.epoch from platform.home h where h.merchant_id = m.id))
        where m.id = ${merchantId} and m.slug = ${given.slug} and m.status = any(${from}::text[])
          and not exists (select from platform.move v where v.merchant_id = m.id and v.state not in ('done', 'aborted', 'rolled_back'))
        returning m.id
      ), asked as (
        insert into platform.merchant_work (id, kind, merchant_id, parameters, requested_by, requested_at)
        select ${newId(asked.now)}, 'erasure', id, ${json(sql, parameters)}, ${asked.adminId}, ${asked.now} from closed returning *
      ), noted as (
        insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
        select requested_by, 'merchant.erase', merchant_id, jsonb_build_object('work', id, 'slug', ${given.slug}::text, 'reason', ${given.reason}::text),
          requested_at from asked
      )
      select ${columns(sql)} from asked`
    if (work) return work
    const [merchant] = await sql<{ slug: string; status: string }[]>`select slug, status from platform.merchant where id = ${merchantId}`
    if (merchant && merchant.status !== 'erased' && merchant.slug !== given.slug) {
      throw new Refusal('invalid_slug', {
        detail: 'This is not the slug of the merchant.',
        errors: [{ pointer: '/slug', code: 'invalid_slug' }],
      })
    }
    return refuse(sql, merchantId)
  })
}

/** Refuses `not_found` for an archive that there is not, or not any more. */
export async function requireArchive(sql: PlatformSql, id: string): Promise<Archive> {
  const archive = await new Archives(sql).find(id)
  if (!archive || archive.deletedAt) throw noSuchArchive()
  return archive
}

function noSuchArchive(): Refusal {
  return new Refusal('not_found', { detail: 'There is no such archive.' })
}

/** In a transaction that is taken back. */
async function pretendErased(sql: PlatformSql, merchantId: string): Promise<void> {
  await sql`delete from platform.home where merchant_id = ${merchantId}`
  await sql`update platform.merchant set status = 'erased', slug = 'erased-' || replace(id::text, '-', '') where id = ${merchantId}`
}

async function nameOf(sql: PlatformSql, merchantId: string): Promise<string | undefined> {
  const [row] = await sql<
    { name: string }[]
  >`select name from platform.merchant where id = ${merchantId} and status in ('active', 'suspended')`
  return row?.name
}

/** Says why nothing was asked for: there is no such merchant, or it is not in a state for this. */
async function refuse(sql: PlatformSql, merchantId: string): Promise<never> {
  const [row] = await sql<{ status: string }[]>`select status from platform.merchant where id = ${merchantId}`
  if (!row) throw new Refusal('not_found', { detail: 'There is no such merchant.' })
  throw new Refusal('invalid_state', {
    detail: 'The merchant is not in a state for this, or is being moved.',
    extra: { current_state: row.status },
  })
}

class TakenBack extends Error {}

async function refused<T>(
  sql: PlatformSql,
  taken: 'merchant' | 'slug',
  { dryRun = false }: Asked,
  work: (sql: PlatformSql) => Promise<T>,
): Promise<T> {
  try {
    return await (dryRun ? tried(sql, work) : work(sql))
  } catch (error) {
    const { code, constraint_name: constraint } = error as { code?: string; constraint_name?: string }
    if (code === UNIQUE_VIOLATION && constraint === 'one_unfinished_work') {
      throw new Refusal('invalid_state', { detail: 'Something else is being done with this merchant.' })
    }
    if (code === UNIQUE_VIOLATION && taken === 'slug') {
      throw new Refusal('duplicate', { detail: 'This slug is taken.', errors: [{ pointer: '/slug', code: 'duplicate' }] })
    }
    if (code === FOREIGN_KEY_VIOLATION) throw new Refusal('not_found', { detail: 'There is no such cell.' })
    if (code !== undefined && CELL_GUARDS.has(code)) throw new Refusal('invalid_state', { detail: (error as Error).message })
    throw error
  }
}

/** As `refused`, for what takes two statements. A dry run is in a transaction already. */
function refusedTogether<T>(sql: PlatformSql, asked: Asked, work: (sql: PlatformSql) => Promise<T>): Promise<T> {
  if (asked.dryRun === true) return refused(sql, 'merchant', asked, work)
  return refused(sql, 'merchant', asked, (sql) => sql.begin((tx) => work(tx as unknown as PlatformSql)) as Promise<T>)
}

/** By the same statements, in a transaction that is taken back. */
async function tried<T>(sql: PlatformSql, work: (sql: PlatformSql) => Promise<T>): Promise<T> {
  const found: T[] = []
  try {
    await sql.begin(async (tx) => {
      found.push(await work(tx as unknown as PlatformSql))
      throw new TakenBack()
    })
  } catch (error) {
    if (!(error instanceof TakenBack)) throw error
  }
  return found[0] as T
}
