import type { Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import type { JournalKind } from './journal.ts'

/** An entry of an account, and the journal it is part of. */
export interface StatementEntry {
  journalId: string
  position: number
  kind: JournalKind
  orderId: string | null
  paymentId: string | null
  /** Debit is positive, credit negative. */
  amount: bigint
  /** Of an account that belongs to somebody: which of its entries it is, and what was in it then. */
  sequence: bigint
  balanceAfter: bigint | null
  actor: Actor
  occurredAt: Date
}

/** Where a statement goes on: after this entry. */
export type StatementPosition = Pick<StatementEntry, 'sequence' | 'journalId' | 'position'>

/** The entries of an account in a currency, the newest first. Of an account that was never used, none. */
export async function accountStatement(
  tx: Tx,
  account: { code: string; currency: string },
  page: { limit: number; before?: StatementPosition | undefined },
): Promise<{ entries: StatementEntry[]; next: StatementPosition | null }> {
  const { sequence = null, journalId = null, position = null } = page.before ?? {}
  const rows = await tx.sql<StatementEntry[]>`
    select e.journal_id as "journalId", e.position, j.kind, j.order_id as "orderId", j.payment_id as "paymentId", e.amount, e.sequence,
      e.balance_after as "balanceAfter", j.actor, j.occurred_at as "occurredAt"
    from ledger_entry e join journal j on j.merchant_id = ${tx.merchantId} and j.id = e.journal_id
    where e.merchant_id = ${tx.merchantId} and e.account = ${account.code} and e.currency = ${account.currency}
      and (${journalId}::uuid is null or (e.sequence, e.journal_id, e.position) < (${sequence}::bigint, ${journalId}::uuid, ${position}::int))
    order by e.sequence desc, e.journal_id desc, e.position desc limit ${page.limit + 1}`
  const entries = rows.slice(0, page.limit)
  const last = entries.at(-1)
  return { entries, next: rows.length > page.limit && last ? last : null }
}
