import { json } from './merchant-works.ts'
import { type LifeDeps, mediaFolderOf, type Session } from './perform.ts'
import { type ArchiveContent, writeArchive } from './write-archive.ts'

interface Exported {
  id: string
  slug: string
  name: string
  sandbox: boolean
  status: string
  cell: string
  epoch: bigint
}

/** Writes an archive of the merchant and lists it. A worker that died on the way is followed by one that begins again. */
export async function performExport(deps: LifeDeps, session: Session): Promise<void> {
  const { work, lease } = session.held
  const { content, merchant } = await writeDraft(deps, session, work.merchantId, work.id)
  const draft = await deps.archives.draftPath(work.id, lease)
  const { bytes, sha256 } = await deps.archives.keep(work.id, draft, session.keep)
  session.step('file kept')
  work.figures = { ...work.figures, rows: content.rows, mediaFiles: content.mediaFiles }
  const described = { name: merchant.name, sandbox: merchant.sandbox, rows: content.rows, mediaFiles: content.mediaFiles }
  await deps.directory`
    with done as (
      update platform.merchant_work set state = 'done', archive_id = id, step = 'done', figures = ${json(deps.directory, work.figures)},
        finished_at = now(), lease = null, leased_until = '-infinity'
      where id = ${work.id} and lease = ${lease} returning id, merchant_id, requested_by
    ), listed as (
      insert into platform.archive (id, merchant_id, slug, made_at, bytes, sha256, content)
      select id, merchant_id, ${merchant.slug}, ${content.takenAt}, ${bytes}::bigint, ${sha256}, ${json(deps.directory, described)} from done
    )
    insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
    select requested_by, 'merchant.exported', merchant_id, jsonb_build_object('archive', id, 'sha256', ${sha256}::text), now() from done`
}

/** The archive of a merchant of this moment, in the draft of that name. */
export async function writeDraft(
  deps: LifeDeps,
  session: Session,
  merchantId: string,
  archiveId: string,
): Promise<{ content: ArchiveContent; merchant: Exported }> {
  const [merchant] = await deps.directory<Exported[]>`
    select m.id, m.slug, m.name, m.sandbox, m.status, h.cell, h.epoch from platform.merchant m join platform.home h on h.merchant_id = m.id
    where m.id = ${merchantId} and m.status in ('active', 'suspended')`
  if (!merchant) throw new Error('the merchant is not at home anywhere')
  const path = await deps.archives.draftPath(archiveId, session.held.lease)
  const { id, slug, name, sandbox } = merchant
  const mediaFolder = await mediaFolderOf(deps, slug)
  const home = { cell: merchant.cell, merchantId, epoch: merchant.epoch, isClosed: merchant.status === 'suspended' }
  const content = await deps.cells.snapshot(home, (sql, takenAt) =>
    writeArchive(
      path,
      { sql, takenAt },
      {
        merchant: { id, slug, name, sandbox },
        mediaFolder,
        onRows: (rows) => {
          session.assertHeld()
          session.held.work.figures.rowsDone = (session.held.work.figures.rowsDone ?? 0) + rows
          session.step('part written')
        },
      },
    ),
  )
  session.step('draft written')
  return { content, merchant }
}
