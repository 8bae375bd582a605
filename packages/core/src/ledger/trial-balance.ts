import type { Tx } from '@souk/tenant-router/tx.ts'
import type { AccountKind } from './accounts.ts'

export interface TrialBalanceLine {
  /** The code; all of customers together are `store_credit`, all gift cards `gift_card`. */
  account: string
  kind: AccountKind
  currency: string
  debits: bigint
  credits: bigint
  /** Debits less credits. */
  balance: bigint
}

export interface TrialBalance {
  lines: TrialBalanceLine[]
  /** By currency; the balance of each is nothing, or the books are wrong. */
  totals: Omit<TrialBalanceLine, 'account' | 'kind'>[]
}

/** What is in every account, made from the entries alone. With `until`, of what happened before that moment. */
export async function trialBalance(tx: Tx, until: Date | null = null): Promise<TrialBalance> {
  const lines = await tx.sql<TrialBalanceLine[]>`
    select case a.owner_type when 'customer' then 'store_credit' when 'gift_card' then 'gift_card' else a.code end as account, a.kind, a.currency,
      coalesce(sum(e.amount) filter (where e.amount > 0), 0)::bigint as debits,
      coalesce(-sum(e.amount) filter (where e.amount < 0), 0)::bigint as credits,
      coalesce(sum(e.amount), 0)::bigint as balance
    from ledger_account a
      join ledger_entry e on e.merchant_id = ${tx.merchantId} and e.account = a.code and e.currency = a.currency
    where a.merchant_id = ${tx.merchantId} and (${until}::timestamptz is null or exists (
      select from journal j where j.merchant_id = ${tx.merchantId} and j.id = e.journal_id and j.occurred_at < ${until}::timestamptz))
    group by 1, 2, 3 order by 3, 1`
  return { lines: [...lines], totals: totalsOf(lines) }
}

function totalsOf(lines: readonly TrialBalanceLine[]): TrialBalance['totals'] {
  const totals = new Map<string, TrialBalance['totals'][number]>()
  for (const { currency, debits, credits, balance } of lines) {
    const sum = totals.get(currency) ?? { currency, debits: 0n, credits: 0n, balance: 0n }
    totals.set(currency, { currency, debits: sum.debits + debits, credits: sum.credits + credits, balance: sum.balance + balance })
  }
  return [...totals.values()]
}
