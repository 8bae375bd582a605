import { join } from 'node:path'
import postgres from 'postgres'
import { type ArchiveContent, writeArchive } from './write-archive.ts'

/** A merchant as a copy of its cell has it. */
export interface CopiedMerchant {
  id: string
  slug: string
  name: string
  epoch: bigint
}

const CONNECT_TIMEOUT_S = 10

/**
 * The merchant with this id or slug in a copy of a cell: a server that was brought back to a past moment, and that nobody else uses.
 * As an administrator, who sees all of it. Undefined for one that was not at home there then.
 */
export async function findInCopy(adminUrl: string, named: string): Promise<CopiedMerchant | undefined> {
  const sql = connect(adminUrl)
  try {
    const [merchant] = await sql<CopiedMerchant[]>`
      select h.merchant_id as id, s.slug, s.name, h.epoch from tenancy.home h join merchant_settings s on s.merchant_id = h.merchant_id
      where (h.merchant_id::text = ${named} or s.slug = ${named}) and h.state in ('active', 'fenced')`
    return merchant
  } finally {
    await sql.end({ timeout: CONNECT_TIMEOUT_S })
  }
}

/**
 * Writes an archive of it. All rows are read as souk_app through the readers' door, so that row security shows this merchant alone;
 * the media are those of today, which never change under their names.
 */
export async function exportFromCopy(
  adminUrl: string,
  path: string,
  { id, slug, name, epoch }: CopiedMerchant,
  { takenAt, sandbox, mediaDir }: { takenAt: Date; sandbox: boolean; mediaDir: string | undefined },
): Promise<ArchiveContent> {
  const sql = connect(adminUrl)
  try {
    return (await sql.begin('isolation level repeatable read read only', async (tx) => {
      await tx`
        select set_config('statement_timeout', '0', true), set_config('transaction_timeout', '0', true), set_config('timezone', 'UTC', true),
          set_config('bytea_output', 'hex', true)`
      await tx`set local role souk_app`
      await tx`select tenancy.entered(${id}::uuid, ${String(epoch)}::bigint)`
      return writeArchive(
        path,
        { sql: tx, takenAt },
        { merchant: { id, slug, name, sandbox }, mediaFolder: mediaDir === undefined ? undefined : join(mediaDir, slug) },
      )
    })) as ArchiveContent
  } finally {
    await sql.end({ timeout: CONNECT_TIMEOUT_S })
  }
}

function connect(url: string): postgres.Sql<{ bigint: bigint }> {
  return postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    types: { bigint: postgres.BigInt },
    connection: { application_name: 'souk-merchant-at' },
  })
}
