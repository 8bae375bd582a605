import { Archives } from './archives.ts'
import { json } from './merchant-works.ts'
import { type LifeDeps, type Session, WorkImpossible } from './perform.ts'
import { writeDraft } from './perform-export.ts'
import { checkArchive } from './read-archive.ts'
import { restoreRows } from './restore-rows.ts'

interface Target {
  slug: string
  name: string
  cell: string
  epoch: bigint
}

/**
 * Makes a merchant out of an archive: one that was erased becomes itself again, under its own id; a sandbox is a new merchant. Nobody
 * reaches it before all of it is there.
 */
export async function performRestore(deps: LifeDeps, session: Session): Promise<void> {
  const { work } = session.held
  const archiveId = String(work.parameters.archive_id)
  const archive = await new Archives(deps.directory).find(archiveId)
  if (!archive || archive.deletedAt) throw new WorkImpossible('The archive was deleted.')
  await deps.archives.assertIntact(archive)
  await restoreFrom(deps, session, archiveId)
  await finish(deps, session)
}

/** A sandbox of a merchant as it is now. The archive between the two is kept for as long as this takes. */
export async function performSandbox(deps: LifeDeps, session: Session): Promise<void> {
  const { work, lease } = session.held
  if (work.parameters.archive_id !== undefined) return performRestore(deps, session)
  if (work.step !== 'copied' || !(await deps.archives.has(work.id))) {
    await writeDraft(deps, session, String(work.parameters.of), work.id)
    await deps.archives.keep(work.id, await deps.archives.draftPath(work.id, lease), session.keep)
    work.step = 'copied'
    await session.keep()
  }
  await restoreFrom(deps, session, work.id)
  await deps.archives.remove(work.id)
  session.step('copy removed')
  await finish(deps, session)
}

async function restoreFrom(deps: LifeDeps, session: Session, archiveId: string): Promise<void> {
  const { work } = session.held
  const [target] = await deps.directory<Target[]>`
    select m.slug, m.name, h.cell, h.epoch from platform.merchant m join platform.home h on h.merchant_id = m.id
    where m.id = ${work.merchantId} and m.status = 'provisioning'`
  if (!target) throw new WorkImpossible('The merchant is no longer one that is being made.')
  if (await isAtHome(deps, work.merchantId, target)) return
  const path = deps.archives.pathOf(archiveId)
  const checked = await checkArchive(path)
  session.assertHeld()
  const asCopy = checked.manifest.merchant.id !== work.merchantId
  await restoreRows(deps, session, path, checked, { id: work.merchantId, ...target, asCopy })
}

/** Whether a worker before this one has opened the cell to the merchant and died then. */
async function isAtHome(deps: LifeDeps, merchantId: string, { cell, epoch }: Target): Promise<boolean> {
  const [row] = await deps.cells.platform(cell)<[{ known: boolean }]>`
    select tenancy.is_home(${merchantId}, ${String(epoch)}::bigint) as known`
  return row.known
}

async function finish(deps: LifeDeps, session: Session): Promise<void> {
  const { work, lease } = session.held
  const status = work.parameters.open === true ? 'active' : 'suspended'
  await deps.directory`
    with done as (
      update platform.merchant_work set state = 'done', step = 'done', figures = ${json(deps.directory, work.figures)}, finished_at = now(),
        lease = null, leased_until = '-infinity'
      where id = ${work.id} and lease = ${lease} returning id, kind, merchant_id, requested_by
    ), opened as (
      update platform.merchant m set status = ${status} from done where m.id = done.merchant_id and m.status = 'provisioning'
    )
    insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
    select requested_by, 'merchant.' || kind || '_finished', merchant_id, jsonb_build_object('work', id, 'status', ${status}::text), now() from done`
}
