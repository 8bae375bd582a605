import type { InMerchant } from '@souk/tenant-router/router.ts'
import { type ChainMark, type ChainVerification, type CheckedEntry, verifyChain } from './verify-chain.ts'

const ENTRIES_A_TIME = 5_000

/** Finds the first entry of a merchant's audit log that is not as it was written: see verifyChain. */
export async function verifyAudit(inMerchant: InMerchant, mark?: ChainMark): Promise<ChainVerification> {
  return verifyChain(
    {
      readEnd: () =>
        inMerchant.read(async (tx) => {
          const [row] = await tx.sql<[ChainMark & { written: bigint }]>`
            select coalesce(c.sequence, 0) as sequence, coalesce(c.hash, '') as hash,
              coalesce((select e.sequence from audit_entry e where e.merchant_id = ${tx.merchantId} order by e.sequence desc limit 1), 0) as written
            from (select ${tx.merchantId}::uuid as merchant_id) m left join audit_chain c on c.merchant_id = m.merchant_id`
          return row
        }),
      readPart: (after, upTo) =>
        inMerchant.read(
          (tx) => tx.sql<CheckedEntry[]>`
            select e.sequence, e.id, e.previous_hash as "previousHash", e.hash, e.hash = app.audit_hash(e) as intact from audit_entry e
            where e.merchant_id = ${tx.merchantId} and (e.sequence, e.id) > (${after.sequence}::bigint, ${after.id}::uuid)
              and e.sequence <= ${upTo}::bigint
            order by e.sequence, e.id limit ${ENTRIES_A_TIME}`,
        ),
    },
    mark,
  )
}
