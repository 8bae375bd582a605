import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { newId } from '../ids.ts'
import type { Account } from './accounts.ts'

export type JournalKind =
  | 'capture'
  | 'refund'
  | 'store_credit_issue'
  | 'store_credit_withdrawal'
  | 'gift_card_issue'
  | 'dispute_opened'
  | 'dispute_won'
  | 'dispute_lost'
  | 'provider_fee'
  | 'reversal'

export interface Entry {
  account: Account
  /** Debit is positive, credit negative. */
  amount: bigint
}

export interface NewJournal {
  /** Names the effect: `capture:<payment>`. A second journal of the same key writes nothing. */
  key: string
  kind: JournalKind
  orderId: string | null
  paymentId: string | null
  currency: string
  /** They come to zero, with one at most for each account that belongs to somebody. One of nothing is left out. */
  entries: readonly Entry[]
  actor: Actor
  now: Date
}

type Sender = Pick<Tx, 'merchantId' | 'sql'>

/**
 * Books what happened to money, in the transaction that makes it true. Entries are never changed: a wrong journal is reversed.
 * Accounts are opened as they are needed. Taking more from a customer's or a gift card's account than it has fails the
 * statement; `holdBalance` asks first. The query is not awaited here: it may travel with others.
 */
export function postJournal(tx: Sender, journal: NewJournal): Query {
  const entries = journal.entries.filter(({ amount }) => amount !== 0n)
  if (entries.length < 2 || entries.reduce((sum, { amount }) => sum + amount, 0n) !== 0n)
    throw new Error(`the journal ${journal.key} does not balance`)
  const owned = entries.flatMap(({ account }) => (account.owner ? [account.code] : []))
  if (new Set(owned).size < owned.length) throw new Error(`the journal ${journal.key} moves a balance twice`)
  const rows = entries.map(({ account, amount }, index) => ({
    position: index + 1,
    code: account.code,
    currency: journal.currency,
    kind: account.kind,
    owner_type: account.owner?.type ?? null,
    owner_id: account.owner?.id ?? null,
    amount: Number(amount),
  }))
  const posted = tx.sql`
    insert into journal (merchant_id, id, key, kind, order_id, payment_id, actor, occurred_at)
    values (${tx.merchantId}, ${newId(journal.now)}, ${journal.key}, ${journal.kind}, ${journal.orderId}::uuid, ${journal.paymentId}::uuid,
      ${JSON.stringify(journal.actor)}::jsonb, ${journal.now}::timestamptz)
    on conflict (merchant_id, key) do nothing
    returning id`
  const entry = tx.sql`
    select position, code, currency, kind, owner_type, owner_id, amount
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as entry (position int, code text, currency text, kind text, owner_type text,
      owner_id uuid, amount bigint)`
  return write(tx, posted, entry)
}

/**
 * Takes back the journal of a key, whole: the same entries the other way around. Once: of a journal that was reversed, or never
 * was, nothing is written.
 */
export function reverseJournal(tx: Sender, { key, actor, now }: { key: string; actor: Actor; now: Date }): Query {
  const posted = tx.sql`
    insert into journal (merchant_id, id, key, kind, order_id, payment_id, reverses, actor, occurred_at)
    select merchant_id, ${newId(now)}::uuid, ${`reversal:${key}`}, 'reversal', order_id, payment_id, id, ${JSON.stringify(actor)}::jsonb,
      ${now}::timestamptz
    from journal where merchant_id = ${tx.merchantId} and key = ${key}
    on conflict do nothing
    returning id`
  const entry = tx.sql`
    select e.position, e.account as code, e.currency, a.kind, a.owner_type, a.owner_id, -e.amount as amount
    from journal j
      join ledger_entry e on e.merchant_id = ${tx.merchantId} and e.journal_id = j.id
      join ledger_account a on a.merchant_id = ${tx.merchantId} and a.code = e.account and a.currency = e.currency
    where j.merchant_id = ${tx.merchantId} and j.key = ${key}`
  return write(tx, posted, entry)
}

/**
 * One statement: accounts are opened, balances of owned ones moved, entries written; all of it only if the journal is new.
 * Owned accounts are credited by an upsert, which may open them, and debited by an update, which may not: the check of a
 * balance would refuse the negative row that an upsert proposes before it finds the old one.
 */
function write(tx: Sender, posted: Query, entry: Query): Query {
  return tx.sql`
    with posted as (${posted}
    ), entry as materialized (${entry}
    ), opened as (
      insert into ledger_account (merchant_id, code, currency, kind)
      select distinct ${tx.merchantId}::uuid, code, currency, kind from entry cross join posted where owner_id is null order by code
      on conflict (merchant_id, code, currency) do nothing
    ), owned as materialized (
      select code, currency, kind, owner_type, owner_id, amount from entry cross join posted where owner_id is not null
    ), credited as (
      insert into ledger_account (merchant_id, code, currency, kind, owner_type, owner_id, balance, sequence)
      select ${tx.merchantId}::uuid, code, currency, kind, owner_type, owner_id, -amount, 1 from owned where amount < 0 order by code
      on conflict (merchant_id, code, currency)
        do update set balance = ledger_account.balance + excluded.balance, sequence = ledger_account.sequence + 1
      returning code, currency, sequence, balance
    ), debited as (
      update ledger_account a set balance = a.balance - o.amount, sequence = a.sequence + 1
      from owned o
      where o.amount > 0 and a.merchant_id = ${tx.merchantId} and a.code = o.code and a.currency = o.currency
      returning a.code, a.currency, a.sequence, a.balance
    ), moved as (
      select * from credited union all select * from debited
    )
    insert into ledger_entry (merchant_id, journal_id, position, account, currency, amount, sequence, balance_after)
    select ${tx.merchantId}::uuid, posted.id, e.position, e.code, e.currency, e.amount, coalesce(moved.sequence, 0), moved.balance
    from entry e cross join posted left join moved on moved.code = e.code and moved.currency = e.currency`
}

/** What is in an account of a customer or a gift card, which nobody else moves until the transaction ends. */
export async function holdBalance(tx: Sender, account: Account, currency: string): Promise<bigint> {
  const [held] = await tx.sql<{ balance: bigint }[]>`
    select balance from ledger_account
    where merchant_id = ${tx.merchantId} and code = ${account.code} and currency = ${currency}
    for no key update`
  return held?.balance ?? 0n
}
