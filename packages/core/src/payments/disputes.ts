import type { Tx } from '@souk/tenant-router/tx.ts'
import { newId } from '../ids.ts'
import { reverseJournal } from '../ledger/journal.ts'
import { journalOfDisputeLost, journalOfDisputeOpened, journalOfDisputeWon } from '../ledger/journals-of-payments.ts'
import { holdOrder } from '../orders/hold-order.ts'
import { recordOrderEvent } from '../orders/record-order-event.ts'
import { loadPayment } from './payment.ts'
import type { DisputeNotice } from './provider.ts'
import type { By } from './saga.ts'

/** A buyer has asked its bank for the money back. Amounts in minor units. */
export interface Dispute {
  id: string
  paymentId: string
  orderId: string
  status: DisputeNotice['status']
  amount: bigint
  currency: string
  reason: string
  dueBy: Date | null
  openedAt: Date
  closedAt: Date | null
}

export async function listDisputes(tx: Tx, page: { status: Dispute['status'] | undefined; limit: number }): Promise<Dispute[]> {
  return tx.sql<Dispute[]>`
    select id, payment_id as "paymentId", order_id as "orderId", status, amount, currency, reason, due_by as "dueBy",
      opened_at as "openedAt", closed_at as "closedAt"
    from dispute
    where merchant_id = ${tx.merchantId} and (${page.status ?? null}::text is null or status = ${page.status ?? null}::text)
    order by id desc limit ${page.limit}`
}

/**
 * Writes down what a provider says of a dispute. It is opened once and decided once, in whatever order that is heard; only one that was
 * lost can be won after all, on appeal. The order's history, and what the provider keeps back meanwhile, follow.
 */
export async function recordDispute(tx: Tx, paymentId: string, notice: DisputeNotice, by: By): Promise<void> {
  const payment = await loadPayment(tx, paymentId)
  const held = await holdOrder(tx, payment.orderId)
  const opened = await open(tx, { ...payment, id: payment.id }, notice, by)
  const closed = notice.status !== 'opened' && (await close(tx, opened.id, notice.status, by))
  const told = [...(opened.isNew ? (['opened'] as const) : []), ...(closed ? [notice.status] : [])]
  if (closed === 'on appeal') await reverseJournal(tx, { key: `dispute-lost:${opened.id}`, ...by })
  const about = { orderId: held.id, paymentId, currency: notice.currency, amount: notice.amount, provider: payment.provider, ...by }
  for (const status of told) {
    if (status === 'opened') await journalOfDisputeOpened(tx, { ...about, key: `dispute:${opened.id}` })
    else if (status === 'won') await journalOfDisputeWon(tx, { ...about, key: `dispute-won:${opened.id}` })
    else await journalOfDisputeLost(tx, { ...about, key: `dispute-lost:${opened.id}` })
  }
  for (const status of told)
    await recordOrderEvent(tx, held, { type: 'payment.disputed', paymentId, disputeId: opened.id, amount: notice.amount, status }, by)
}

async function open(
  tx: Tx,
  payment: { id: string; orderId: string; provider: string },
  notice: DisputeNotice,
  { now }: By,
): Promise<{ id: string; isNew: boolean }> {
  const id = newId(now)
  const [row] = await tx.sql<{ id: string }[]>`
    insert into dispute (merchant_id, id, payment_id, order_id, provider, provider_reference, status, amount, currency, reason, due_by, opened_at)
    values (${tx.merchantId}, ${id}, ${payment.id}, ${payment.orderId}, ${payment.provider}, ${notice.reference}, 'opened', ${notice.amount},
      ${notice.currency}, ${notice.reason}, ${notice.dueBy}, ${now})
    on conflict (merchant_id, provider, provider_reference) do update set due_by = coalesce(excluded.due_by, dispute.due_by)
    returning id`
  return { id: row!.id, isNew: row!.id === id }
}

async function close(
  tx: Tx,
  disputeId: string,
  status: 'won' | 'lost',
  { now }: By,
): Promise<'for the first time' | 'on appeal' | undefined> {
  const [row] = await tx.sql<{ wasLost: boolean }[]>`
    update dispute d set status = ${status}, closed_at = ${now}
    from (select id, status from dispute where merchant_id = ${tx.merchantId} and id = ${disputeId} for no key update) before
    where d.merchant_id = ${tx.merchantId} and d.id = before.id
      and (before.status = 'opened' or before.status = 'lost' and ${status} = 'won')
    returning before.status = 'lost' as "wasLost"`
  return row && (row.wasLost ? 'on appeal' : 'for the first time')
}
