import type { InMerchant } from '@souk/tenant-router/router.ts'

/** A place in the chain: whoever keeps one elsewhere can hold the log against it later. */
export interface ChainMark {
  sequence: bigint
  hash: string
}

/** - `edited`: its hash is not its content's · `unchained`: it does not follow the one before · `missing`: nothing is there */
export type ChainFault = 'edited' | 'unchained' | 'missing'

export interface AuditVerification {
  /** How many entries were found in order before anything wrong. */
  verified: bigint
  /** The end of the log as it should be. */
  head: ChainMark
  /** The first thing that is wrong; null when nothing is. */
  wrong: { sequence: bigint; entryId: string | null; fault: ChainFault } | null
}

interface Checked {
  sequence: bigint
  id: string
  previousHash: string
  hash: string
  intact: boolean
}

const ENTRIES_A_TIME = 5_000
const START: ChainMark & { id: string } = { sequence: 0n, hash: '', id: '00000000-0000-0000-0000-000000000000' }

/**
 * Goes through a merchant's audit log from its beginning and answers the first entry that was edited, removed or moved, whoever did
 * it. A part at a time: of the log no more is held than that. With `mark`, a place of the chain that was noted earlier, also a log
 * that was written anew from there is told. Entries that are added meanwhile are left for the next time.
 */
export async function verifyAudit(inMerchant: InMerchant, mark?: ChainMark): Promise<AuditVerification> {
  const { written, ...head } = await inMerchant.read(async (tx) => {
    const [row] = await tx.sql<[ChainMark & { written: bigint }]>`
      select coalesce(c.sequence, 0) as sequence, coalesce(c.hash, '') as hash,
        coalesce((select e.sequence from audit_entry e where e.merchant_id = ${tx.merchantId} order by e.sequence desc limit 1), 0) as written
      from (select ${tx.merchantId}::uuid as merchant_id) m left join audit_chain c on c.merchant_id = m.merchant_id`
    return row
  })
  let last = START
  while (last.sequence < head.sequence) {
    const entries = await inMerchant.read(
      (tx) => tx.sql<Checked[]>`
        select e.sequence, e.id, e.previous_hash as "previousHash", e.hash, e.hash = app.audit_hash(e) as intact from audit_entry e
        where e.merchant_id = ${tx.merchantId} and (e.sequence, e.id) > (${last.sequence}::bigint, ${last.id}::uuid) and e.sequence <= ${head.sequence}::bigint
        order by e.sequence, e.id limit ${ENTRIES_A_TIME}`,
    )
    for (const entry of entries) {
      const wrong = faultOf(entry, last, mark)
      if (wrong) return { verified: last.sequence, head, wrong }
      last = entry
    }
    if (entries.length === 0) break
  }
  const next = { sequence: last.sequence + 1n, entryId: null }
  if (last.sequence < head.sequence || (mark && mark.sequence > head.sequence)) {
    return { verified: last.sequence, head, wrong: { ...next, fault: 'missing' } }
  }
  if (last.hash !== head.hash || written > head.sequence) return { verified: last.sequence, head, wrong: { ...next, fault: 'unchained' } }
  return { verified: last.sequence, head, wrong: null }
}

function faultOf(entry: Checked, last: ChainMark, mark: ChainMark | undefined): AuditVerification['wrong'] {
  const expected = last.sequence + 1n
  if (entry.sequence > expected) return { sequence: expected, entryId: null, fault: 'missing' }
  const at = { sequence: entry.sequence, entryId: entry.id }
  if (!entry.intact) return { ...at, fault: 'edited' }
  const marked = mark?.sequence === entry.sequence && mark.hash !== entry.hash
  return entry.sequence < expected || entry.previousHash !== last.hash || marked ? { ...at, fault: 'unchained' } : null
}
