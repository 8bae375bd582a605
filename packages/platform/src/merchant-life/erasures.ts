import { Refusal } from '@souk/core/refusal.ts'
import type { PlatformSql } from '../platform-sql.ts'

/** The certificate of an erasure. */
export interface Erasure {
  id: string
  merchantId: string
  requestedBy: string
  reason: string
  requestedAt: Date
  erasedAt: Date
  content: {
    slug: string
    home: string | null
    rows: Record<string, number>
    jobs: number
    media_files: number
    domains: number
    /** Days of which the platform had counted what the merchant used. Not in certificates from before they were erased too. */
    usage_days?: number
    cells_checked: string[]
    /** Merchants that were made from it and have its data still. Not in certificates from before they said so. */
    sandboxes?: string[]
    archives: { erased: number; kept: string[] }
  }
  digest: string
  /** Its number in the audit log. */
  auditSequence: bigint
  /** It is what its digest says, and the audit log says the same digest. */
  intact: boolean
}

/** The certificate, held to its digest and to the entry of the audit log, which the log's own chain holds. */
export async function findErasure(sql: PlatformSql, id: string): Promise<Erasure | undefined> {
  const [erasure] = await sql<Erasure[]>`
    select e.id, e.merchant_id as "merchantId", e.requested_by as "requestedBy", e.reason, e.requested_at as "requestedAt",
      e.erased_at as "erasedAt", e.content, e.digest, a.sequence as "auditSequence",
      e.digest = platform.erasure_digest(e) and a.data ->> 'digest' = e.digest as intact
    from platform.erasure e join platform.audit a on a.action = 'merchant.erased' and a.data ->> 'certificate' = e.id::text
    where e.id = ${id}`
  return erasure
}

/** As findErasure; refuses `not_found`. */
export async function requireErasure(sql: PlatformSql, id: string): Promise<Erasure> {
  const erasure = await findErasure(sql, id)
  if (!erasure) throw new Refusal('not_found', { detail: 'There is no such certificate.' })
  return erasure
}
