import { crashPoint } from '@souk/tenant-router/crash-point.ts'
import type { InMerchant } from '@souk/tenant-router/router.ts'
import type { Tx } from '@souk/tenant-router/tx.ts'
import { callingOut } from '@souk/tenant-router/use-case.ts'
import type { Actor } from '../actor.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { enqueue, enqueueUnlessQueued } from '../jobs.ts'
import { clearing } from '../ledger/accounts.ts'
import { openAccount, type SealedAccount, sealedAccountQuery } from '../payments/accounts.ts'
import { Refusal } from '../refusal.ts'
import type { SecretBox } from '../secret-box.ts'
import { type BookedMovement, type Books, compareBooks, type Difference } from './compare.ts'
import { type Reconciliation, reconciliationById } from './reconciliation.ts'
import type { ProviderStatements, StatementLine } from './statement.ts'

const HOUR_MS = 60 * 60 * 1_000
/** How far the two sides may lie apart in time: a movement may be booked a day after it was made. */
const AROUND_MS = 24 * HOUR_MS
/** The daily one looks back so far, so that what was under way is looked at again. */
const DAILY_PERIOD_MS = 72 * HOUR_MS
const DAILY_APART_MS = 12 * HOUR_MS
export const DIFFERENCES_KEPT_MAX = 1_000
const STATEMENT_TIMEOUT_MS = 60_000
const GIVEN_UP_AFTER_MS = 24 * HOUR_MS

export interface ReconciliationDeps {
  statements: ProviderStatements
  /** Opens the keys of merchants' accounts. */
  secretBox: SecretBox
}

export interface ReconciliationWish {
  provider: string
  from: Date
  until: Date
  actor: Actor
  now: Date
}

/** Asks for our books to be held against a provider's; a job does it. Refuses `payment_provider_unknown`. */
export async function requestReconciliation(tx: Tx, wish: ReconciliationWish): Promise<Reconciliation> {
  const [account] = await sealedAccountQuery(tx, wish.provider)
  if (!account)
    throw new Refusal('payment_provider_unknown', {
      detail: 'There is no account with this provider.',
      errors: [{ pointer: '/provider', code: 'payment_provider_unknown' }],
    })
  return insert(tx, wish)
}

async function insert(tx: Tx, { provider, from, until, actor, now }: ReconciliationWish): Promise<Reconciliation> {
  const id = newId(now)
  await tx.sql`
    insert into reconciliation (merchant_id, id, provider, period_from, period_until, status, requested_by, requested_at)
    values (${tx.merchantId}, ${id}, ${provider}, ${from}, ${until}, 'queued', ${JSON.stringify(actor)}::jsonb, ${now})`
  await enqueue(tx, 'reconcile', { reconciliationId: id }, { key: id })
  return reconciliationById(tx, id)
}

/** The daily one of every provider that has a statement and an account that is in use. Twice in a day it does nothing. */
export async function requestDailyReconciliations(inMerchant: InMerchant, { statements }: ReconciliationDeps, now: Date): Promise<void> {
  await inMerchant(async (tx) => {
    const accounts = await tx.sql<{ provider: string }[]>`
      select provider from payment_account a
      where merchant_id = ${tx.merchantId} and enabled and not exists (
        select from reconciliation r where r.merchant_id = ${tx.merchantId} and r.provider = a.provider and r.requested_by ->> 'kind' = 'job'
          and r.requested_at > ${new Date(now.getTime() - DAILY_APART_MS)}::timestamptz)
      order by provider for no key update`
    const actor = { kind: 'job', task: 'request_reconciliations' } as const
    const from = new Date(now.getTime() - DAILY_PERIOD_MS)
    for (const { provider } of accounts) if (statements.has(provider)) await insert(tx, { provider, from, until: now, actor, now })
  })
}

/** Sees to it that what was asked for has its job. */
export async function wakeReconciliations(tx: Tx): Promise<void> {
  const rows = await tx.sql<{ id: string }[]>`
    select id from reconciliation where merchant_id = ${tx.merchantId} and status = 'queued' order by id limit 100`
  for (const { id } of rows) await enqueueUnlessQueued(tx, 'reconcile', { reconciliationId: id }, { key: id })
}

/**
 * Reads the provider's statement with nothing open, holds our books against it and writes down what differs. Nothing is changed
 * by it: what to do is for people to decide. Throws when the provider does not answer; the job comes back, for a day. Twice does no
 * harm.
 */
export async function reconcile(
  inMerchant: InMerchant,
  deps: ReconciliationDeps,
  { reconciliationId }: { reconciliationId: string },
  now: Date,
): Promise<void> {
  const { asked, account } = await inMerchant.read(async (tx) => {
    const asked = await reconciliationById(tx, reconciliationId)
    const [account] = await sealedAccountQuery(tx, asked.provider)
    return { asked, account: account as SealedAccount | undefined }
  })
  if (asked.status !== 'queued') return
  const statement = deps.statements.get(asked.provider)
  if (!account || !statement) {
    const failure = account ? 'The provider has no statement that could be read.' : 'There is no account with the provider.'
    await inMerchant((tx) => finish(tx, asked, { failure }, now))
    return
  }
  const around = { from: new Date(asked.from.getTime() - AROUND_MS), until: new Date(asked.until.getTime() + AROUND_MS) }
  const opened = openAccount(deps.secretBox, inMerchant.merchant.id, account)
  const reading = callingOut('statement', () => statement.read(opened, around, AbortSignal.timeout(STATEMENT_TIMEOUT_MS)))
  const lines = await reading.catch(async (error) => {
    if (now.getTime() - asked.requestedAt.getTime() < GIVEN_UP_AFTER_MS) throw error
    await inMerchant((tx) => finish(tx, asked, { failure: 'The provider has not answered for a day.' }, now))
  })
  if (!lines) return
  crashPoint('reconciliation.read')
  const books = await inMerchant.read((tx) => readBooks(tx, asked.provider, around, lines))
  const differences = compareBooks(books, lines, asked)
  await inMerchant((tx) => finish(tx, asked, { linesRead: lines.length, differences }, now))
}

async function readBooks(tx: Tx, provider: string, around: { from: Date; until: Date }, lines: readonly StatementLine[]): Promise<Books> {
  const named = [...new Set(lines.flatMap(({ paymentId }) => (paymentId === null ? [] : [paymentId])))]
  const [movements, payments] = await Promise.all([
    tx.sql<BookedMovement[]>`
      select j.kind, j.payment_id as "paymentId", abs(e.amount)::bigint as amount, e.currency, j.occurred_at as at
      from journal j join ledger_entry e on e.merchant_id = ${tx.merchantId} and e.journal_id = j.id
      where j.merchant_id = ${tx.merchantId} and j.occurred_at >= ${around.from} and j.occurred_at < ${around.until}
        and j.kind in ('capture', 'refund') and j.payment_id is not null and e.account = ${clearing(provider).code}
      order by j.occurred_at, j.id`,
    tx.sql<{ id: string; underWay: boolean }[]>`
      select p.id, p.status = 'pending' or exists (
          select from payment_operation o where o.merchant_id = ${tx.merchantId} and o.payment_id = p.id and o.status = 'pending') as "underWay"
      from payment p
      where p.merchant_id = ${tx.merchantId} and p.provider = ${provider} and p.id::text = any (${named}::text[])`,
  ])
  return { movements, payments: new Map(payments.map(({ id, underWay }) => [id, { underWay }])) }
}

type Outcome = { failure: string } | { linesRead: number; differences: Difference[] }

/** Only of one that is still waiting: of two that were at it the first has told. */
async function finish(tx: Tx, { id, provider }: Reconciliation, outcome: Outcome, now: Date): Promise<void> {
  const failure = 'failure' in outcome ? outcome.failure : null
  const { linesRead, differences } = 'failure' in outcome ? { linesRead: 0, differences: [] } : outcome
  const kept = JSON.stringify(differences.slice(0, DIFFERENCES_KEPT_MAX), (_key, value) =>
    typeof value === 'bigint' ? Number(value) : value,
  )
  const written = await tx.sql`
    update reconciliation set status = ${failure === null ? 'done' : 'failed'}, lines_read = ${linesRead},
      difference_count = ${differences.length}, differences = ${kept}::jsonb, failure = ${failure}, finished_at = ${now}
    where merchant_id = ${tx.merchantId} and id = ${id} and status = 'queued' returning id`
  if (written.length === 0) return
  await recordEvent(tx, {
    type: 'reconciliation.finished',
    aggregateType: 'reconciliation',
    aggregateId: id,
    data: { reconciliation_id: id, provider, status: failure === null ? 'done' : 'failed', difference_count: differences.length },
    actor: { kind: 'job', task: 'reconcile' },
    now,
  })
}
