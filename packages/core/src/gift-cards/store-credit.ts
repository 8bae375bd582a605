import type { Query, Tx } from '@souk/tenant-router/tx.ts'
import type { Actor } from '../actor.ts'
import { recordAudit } from '../audit/record-audit.ts'
import { recordEvent } from '../events/record.ts'
import { newId } from '../ids.ts'
import { STORE_CREDIT_ISSUED, storeCredit } from '../ledger/accounts.ts'
import { holdBalance, postJournal } from '../ledger/journal.ts'
import { settingsQuery, toSettings } from '../merchant/settings.ts'
import { AMOUNT_MAX, type Money } from '../money.ts'
import { Refusal } from '../refusal.ts'

export interface CreditChange {
  customerId: string
  /** Above zero is granted, below is withdrawn. */
  change: Money
  reason: string
  actor: Actor
  now: Date
}

/**
 * Grants a customer store credit, or withdraws some that is still there. Answers what the customer has then. Refuses `not_found`,
 * `currency_mismatch`, `amount_out_of_range` for nothing, and `insufficient_credit` for more than is there.
 */
export async function changeStoreCredit(tx: Tx, { customerId, change, reason, actor, now }: CreditChange): Promise<Money> {
  const { amount, currency } = change
  const [customer] = await tx.sql`select id from customer where merchant_id = ${tx.merchantId} and id = ${customerId} for key share`
  if (!customer) throw new Refusal('not_found', { detail: 'There is no such customer.' })
  assertChange(change, toSettings(await settingsQuery(tx)).currency)
  const account = storeCredit(customerId)
  const before = await holdBalance(tx, account, currency)
  if (before + amount < 0n) throw new Refusal('insufficient_credit', { detail: `The customer has ${before} minor units left.` })
  if (before + amount > AMOUNT_MAX) throw outOfRange()
  const id = newId(now)
  const about = { actor, now }
  await Promise.all([
    postJournal(tx, {
      key: `store-credit:${id}`,
      kind: amount > 0n ? 'store_credit_issue' : 'store_credit_withdrawal',
      orderId: null,
      paymentId: null,
      currency,
      entries: [
        { account: STORE_CREDIT_ISSUED, amount },
        { account, amount: -amount },
      ],
      ...about,
    }),
    recordAudit(tx, {
      action: 'store_credit.changed',
      targetType: 'customer',
      targetId: customerId,
      before: { balance: before, currency },
      after: { balance: before + amount, currency },
      reason,
      ...about,
    }),
    creditChanged(tx, customerId, change, about),
  ])
  return { amount: before + amount, currency }
}

/** What a customer has in each currency; none where there never was any. */
export async function storeCreditOf(tx: Tx, customerId: string): Promise<Money[]> {
  return tx.sql<Money[]>`
    select balance as amount, currency from ledger_account
    where merchant_id = ${tx.merchantId} and owner_id = ${customerId} and code = ${storeCredit(customerId).code} order by currency`
}

function assertChange({ amount, currency }: Money, sold: string): void {
  if (currency !== sold)
    throw new Refusal('currency_mismatch', {
      detail: `The shop sells in ${sold}.`,
      errors: [{ pointer: '/change/currency', code: 'currency_mismatch' }],
    })
  if (amount === 0n || amount > AMOUNT_MAX || amount < -AMOUNT_MAX) throw outOfRange()
}

function outOfRange(): Refusal {
  return new Refusal('amount_out_of_range', {
    detail: `Store credit changes by something, and is ${AMOUNT_MAX} minor units at most.`,
    errors: [{ pointer: '/change/amount', code: 'amount_out_of_range' }],
  })
}

function creditChanged(tx: Tx, customerId: string, { amount, currency }: Money, by: { actor: Actor; now: Date }): Query {
  return recordEvent(tx, {
    type: 'store_credit.changed',
    aggregateType: 'customer',
    aggregateId: customerId,
    data: { customer_id: customerId, change: { amount: Number(amount), currency } },
    ...by,
  })
}
