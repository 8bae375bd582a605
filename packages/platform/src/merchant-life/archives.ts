import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Refusal } from '@souk/core/refusal.ts'
import { callingOut } from '@souk/tenant-router/use-case.ts'
import type { PlatformSql } from '../platform-sql.ts'
import { ArchiveUnusable } from './archive-format.ts'

/** A copy of a merchant of one moment, as the directory knows it. */
export interface Archive {
  id: string
  merchantId: string
  slug: string
  madeAt: Date
  bytes: number
  sha256: string
  /** sandbox: not in those that were listed before archives said so; they are of merchants that the directory knows. */
  content: { name: string; sandbox?: boolean; rows: Record<string, number>; mediaFiles: number }
  deletedAt: Date | null
}

/** The files of archives, in one folder that every process has which makes, reads or serves them. */
export class ArchiveFolder {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  pathOf(id: string): string {
    return join(this.#path, `${id}.tar.gz`)
  }

  /** Where a worker writes before the archive is whole: each attempt in a file of its own. */
  async draftPath(id: string, lease: string): Promise<string> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    return join(this.#path, `${id}.${lease}.draft`)
  }

  /**
   * Makes the draft the archive, and clears away what attempts that died have left. `confirm` throws for a worker that has lost the work
   * while it read: what another has put there stays.
   */
  async keep(id: string, draft: string, confirm: () => Promise<void> = async () => {}): Promise<{ bytes: number; sha256: string }> {
    const facts = { bytes: (await stat(draft)).size, sha256: await digestOf(draft) }
    await confirm()
    await callingOut('disk', () => rename(draft, this.pathOf(id)))
    await this.#clearDrafts(id)
    return facts
  }

  async has(id: string): Promise<boolean> {
    return (await stat(this.pathOf(id)).catch(() => undefined))?.isFile() === true
  }

  /** Throws ArchiveUnusable unless the file is there and as long as it was. */
  async assertThere({ id, bytes }: Pick<Archive, 'id' | 'bytes'>): Promise<void> {
    const found = await stat(this.pathOf(id)).catch(() => undefined)
    if (!found) throw new ArchiveUnusable('The file of the archive is not there.')
    if (found.size !== bytes) throw new ArchiveUnusable('The file of the archive is not the one that was made.')
  }

  /** Throws ArchiveUnusable unless the file is the one that was made, to the byte. */
  async assertIntact(archive: Pick<Archive, 'id' | 'bytes' | 'sha256'>): Promise<void> {
    await this.assertThere(archive)
    if ((await digestOf(this.pathOf(archive.id))) !== archive.sha256) {
      throw new ArchiveUnusable('The file of the archive is not the one that was made.')
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.pathOf(id), { force: true })
    await this.#clearDrafts(id)
  }

  async #clearDrafts(id: string): Promise<void> {
    const names = await readdir(this.#path).catch(() => [])
    for (const name of names) if (name.startsWith(`${id}.`) && name.endsWith('.draft')) await rm(join(this.#path, name), { force: true })
  }
}

/** The directory's list of archives. */
export class Archives {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  async find(id: string): Promise<Archive | undefined> {
    const [archive] = await this.#sql<Archive[]>`
      select id, merchant_id as "merchantId", slug, made_at as "madeAt", bytes::float8 as bytes, sha256, content, deleted_at as "deletedAt"
      from platform.archive where id = ${id}`
    return archive
  }

  /** Those that are still there, the newest first. */
  async list(page: { merchantId: string | undefined; before: string | undefined; limit: number }): Promise<Archive[]> {
    const { merchantId = null, before = null, limit } = page
    return this.#sql<Archive[]>`
      select id, merchant_id as "merchantId", slug, made_at as "madeAt", bytes::float8 as bytes, sha256, content, deleted_at as "deletedAt"
      from platform.archive
      where deleted_at is null and (${merchantId}::uuid is null or merchant_id = ${merchantId}::uuid)
        and (${before}::uuid is null or id < ${before}::uuid)
      order by id desc limit ${limit}`
  }

  /** After its file is gone. */
  async markDeleted(id: string, by: string | null, now: Date): Promise<void> {
    await this.#sql`
      with deleted as (
        update platform.archive set deleted_at = ${now} where id = ${id} and deleted_at is null returning id, merchant_id
      )
      insert into platform.audit (admin_id, action, merchant_id, data, occurred_at)
      select ${by}::uuid, 'archive.delete', merchant_id, jsonb_build_object('archive', id), ${now} from deleted`
  }
}

/** The bytes of an archive. Refuses `not_found` where its file is not. */
export async function requireFile(folder: ArchiveFolder | undefined, archive: Archive): Promise<Readable> {
  if (!(await folder?.has(archive.id))) throw new Refusal('not_found', { detail: 'The file of the archive is not here.' })
  return createReadStream(folder!.pathOf(archive.id))
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
