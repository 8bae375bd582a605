import { copyFile } from 'node:fs/promises'
import { newId } from '@souk/core/ids.ts'
import type { PlatformSql } from '../platform-sql.ts'
import { type Archive, type ArchiveFolder, Archives } from './archives.ts'
import { json } from './merchant-works.ts'
import { checkArchive } from './read-archive.ts'

/**
 * Lists an archive that was made elsewhere: by another deployment, or by a backup of this one that was brought back to a past moment.
 * Its file is copied into the folder. Throws ArchiveUnusable for one that is not as it was written.
 */
export async function adoptArchive(deps: { directory: PlatformSql; archives: ArchiveFolder }, path: string, now: Date): Promise<Archive> {
  const sql = deps.directory
  const id = newId(now)
  const draft = await deps.archives.draftPath(id, 'adopted')
  try {
    await copyFile(path, draft)
    // The copy: what is looked at is what is kept.
    const { manifest, checksums } = await checkArchive(draft)
    const { bytes, sha256 } = await deps.archives.keep(id, draft)
    const { id: merchantId, slug, name, sandbox } = manifest.merchant
    const mediaFiles = checksums.entries.filter((entry) => entry.name.startsWith('media/')).length
    await sql`
      with listed as (
        insert into platform.archive (id, merchant_id, slug, made_at, bytes, sha256, content)
        values (${id}, ${merchantId}, ${slug}, ${manifest.taken_at}::timestamptz, ${bytes}::bigint, ${sha256},
          ${json(sql, { name, sandbox, rows: checksums.rows, mediaFiles })})
        returning id, merchant_id
      )
      insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
      select null, 'archive.adopt', merchant_id, jsonb_build_object('archive', id, 'sha256', ${sha256}::text), ${now} from listed`
  } catch (error) {
    await deps.archives.remove(id)
    throw error
  }
  return (await new Archives(sql).find(id))!
}
