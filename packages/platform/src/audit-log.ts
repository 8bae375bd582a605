import { type ChainMark, type ChainVerification, type CheckedEntry, verifyChain } from '@souk/core/audit/verify-chain.ts'
import type { PlatformSql } from './platform-sql.ts'

/** What an admin did. */
export interface PlatformAuditEntry {
  id: string
  sequence: bigint
  adminId: string | null
  action: string
  merchantId: string | null
  data: Record<string, unknown>
  hash: string
  occurredAt: Date
}

const ENTRIES_A_TIME = 5_000

/** The log of what admins do: read by them, written by every statement that does something, changed by nobody. */
export class PlatformAudit {
  readonly #sql: PlatformSql

  constructor(sql: PlatformSql) {
    this.#sql = sql
  }

  /** The newest first, before a number. */
  async list(page: { before: bigint | undefined; limit: number; merchantId: string | undefined }): Promise<PlatformAuditEntry[]> {
    const { before = null, limit, merchantId = null } = page
    return this.#sql<PlatformAuditEntry[]>`
      select id, sequence, admin_id as "adminId", action, merchant_id as "merchantId", data, hash, occurred_at as "occurredAt"
      from platform.audit
      where (${before}::bigint is null or sequence < ${before}::bigint) and (${merchantId}::uuid is null or merchant_id = ${merchantId}::uuid)
      order by sequence desc limit ${limit}`
  }

  /** Finds the first entry that is not as it was written. */
  async verify(mark?: ChainMark): Promise<ChainVerification> {
    return verifyChain(
      {
        readEnd: async () => {
          const [row] = await this.#sql<[ChainMark & { written: bigint }]>`
            select coalesce(c.sequence, 0) as sequence, coalesce(c.hash, '') as hash,
              coalesce((select sequence from platform.audit order by sequence desc limit 1), 0) as written
            from (select true as singleton) one left join platform.audit_chain c on c.singleton = one.singleton`
          return row
        },
        readPart: async (after, upTo) =>
          this.#sql<CheckedEntry[]>`
            select e.sequence, e.id, e.previous_hash as "previousHash", e.hash, e.hash = platform.audit_hash(e) as intact from platform.audit e
            where (e.sequence, e.id) > (${after.sequence}::bigint, ${after.id}::uuid) and e.sequence <= ${upTo}::bigint
            order by e.sequence, e.id limit ${ENTRIES_A_TIME}`,
      },
      mark,
    )
  }
}
